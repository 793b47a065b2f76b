# Functions that cannot be used safely, goto, and typedefs that hide a struct.

BEGIN {
	n_never = split("strcpy strcat sprintf vsprintf strtok atoi atol atoll atof system popen " \
		"alloca gets scanf fscanf sscanf vscanf vfscanf vsscanf", never)
	n_parsers = split("strtol strtoul strtoll strtoull strtoimax strtoumax strtod strtof strtold",
		parsers)
}

function calls(line, name) {
	return line ~ ("(^|[^A-Za-z0-9_])" name "[ \t]*\\(")
}

# A product whose overflow nobody checks. sizeof and casts are no products.
function has_bare_product(line) {
	gsub(/sizeof[ \t]*\([^()]*(\([^()]*\))?[^()]*\)/, "SIZE", line)
	gsub(/sizeof[ \t]+\*?[A-Za-z_]+/, "SIZE", line)
	gsub(/\((const )?(struct )?[A-Za-z0-9_]+ \**\)/, "", line)
	return line ~ /(^|[^A-Za-z0-9_])(malloc|realloc)[ \t]*\(.*[A-Za-z0-9_)\]][ \t]*\*/
}

{
	line = code($0)
	for (i = 1; i <= n_never; i++)
		if (calls(line, never[i]))
			complain(never[i] "() is banned")
	for (i = 1; i <= n_parsers && FILENAME != "common/base/parse.c"; i++)
		if (calls(line, parsers[i]))
			complain(parsers[i] "() is for common/base/parse.c alone; use common/base/parse.h")
	if (has_bare_product(line))
		complain("the product in malloc() or realloc() can overflow; use calloc() or reallocarray()")
	if (line ~ /(^|[^A-Za-z0-9_])goto[ \t]+[A-Za-z_]/)
		complain("goto is banned; a cleanup attribute or a function does it")
	if (line ~ /^[ \t]*typedef[ \t]+(struct|union|enum)[^()]*$/)
		complain("no typedef for a struct, union or enum")
}
