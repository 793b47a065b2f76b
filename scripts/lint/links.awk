# FILE LINE TARGET for each Markdown link that leads out of its page but not out of the tree.

FNR == 1 {
	fenced = 0
}

/^[ \t]*```/ {
	fenced = !fenced
	next
}

fenced {
	next
}

{
	gsub(/`[^`]*`/, "")
	while (match($0, /\]\([^)]*\)/)) {
		target = substr($0, RSTART + 2, RLENGTH - 3)
		$0 = substr($0, RSTART + RLENGTH)
		sub(/#.*/, "", target)
		if (target != "" && target !~ /^[a-z]+:/)
			print FILENAME, FNR, target
	}
}
