# Who may include whom. A layer may include what stands behind it here, and itself.

BEGIN {
	may["common/base"] = ""
	may["common/net"] = "common/base"
	may["common/aws"] = "common/base common/net"
	may["common/domain"] = "common/base"
	may["common/store"] = "common"
	may["common/forge"] = "common"
	may["agent"] = "common"
	may["controller"] = "common"
	may["tests"] = "common agent controller"
}

# "common/base" for common/base/io.h, "agent" for agent/runner/runner.h; "" for no layer of ours.
function layer_of(path,    parts) {
	split(path, parts, "/")
	if (parts[1] == "common")
		return (("common/" parts[2]) in may) ? "common/" parts[2] : ""
	return (parts[1] in may) ? parts[1] : ""
}

function allows(from, to,    names, n, i) {
	if (from == to)
		return 1
	n = split(may[from], names, " ")
	for (i = 1; i <= n; i++)
		if (index(to "/", names[i] "/") == 1)
			return 1
	return 0
}

FNR == 1 {
	here = layer_of(FILENAME)
	if (here == "")
		complain("this directory is no layer; see docs/architecture/README.md")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	there = layer_of(quoted[2])
	if (there == "" || quoted[2] ~ /\.\./)
		complain("\"" quoted[2] "\" is not spelled from the root of the tree")
	else if (here != "" && !allows(here, there))
		complain(here " must not include " there " (\"" quoted[2] "\")")
}
