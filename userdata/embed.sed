# A text file as the C string that #include takes it for.
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n"/
