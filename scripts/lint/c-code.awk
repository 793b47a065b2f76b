# For checks on C: code() is the line without comments and with empty strings, so that a word in
# prose is never taken for a call. Call it once for every line of a file, in order.

FNR == 1 {
	in_comment = 0
}

function code(line,    kept, at, rest, end) {
	kept = ""
	while (line != "") {
		if (in_comment) {
			end = index(line, "*/")
			if (end == 0)
				return kept
			line = substr(line, end + 2)
			in_comment = 0
			continue
		}
		if (!match(line, /"|'|\/\*|\/\//))
			return kept line
		at = RSTART
		kept = kept substr(line, 1, at - 1)
		rest = substr(line, at)
		if (rest ~ /^\/\//)
			return kept
		if (rest ~ /^\/\*/) {
			in_comment = 1
			line = substr(rest, 3)
		} else {
			end = literal_end(rest)
			kept = kept substr(rest, 1, 1) substr(rest, 1, 1)
			line = substr(rest, end + 1)
		}
	}
	return kept
}

# Where the string or character that the text begins with ends.
function literal_end(text,    quote, i, c) {
	quote = substr(text, 1, 1)
	for (i = 2; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "\\")
			i++
		else if (c == quote)
			return i
	}
	return length(text)
}

function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	complaints++
}

END {
	exit (complaints > 0)
}
