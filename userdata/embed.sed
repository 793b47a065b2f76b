# A text file as the declaration of a C string: static const char boot[].
1i\
static const char boot[] =
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n"/
$a\
;
