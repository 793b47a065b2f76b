# A file has at most 600 lines. A function, from the brace in the first column to its counterpart,
# has at most 70.

BEGIN {
	FILE_LINES_MAX = 600
	FUNCTION_LINES_MAX = 70
}

FNR == 1 {
	opened = 0
}

FNR == FILE_LINES_MAX + 1 {
	complain("more than " FILE_LINES_MAX " lines")
}

FILENAME !~ /\.[ch]$/ {
	next
}

/^[A-Za-z_].*\(/ {
	name = $0
	sub(/\(.*/, "", name)
	sub(/.*[ \t*]/, "", name)
}

/^\{[ \t]*$/ {
	opened = FNR
}

/^\}/ && opened {
	lines = FNR - opened + 1
	if (lines > FUNCTION_LINES_MAX)
		complain(name "() has " lines " lines, more than " FUNCTION_LINES_MAX)
	opened = 0
}
