#!/bin/sh
# Each check of ./dev lint finds what it is there to find, and lets the rest pass.
. "$(dirname -- "$0")/lib.sh"

# track: what stands in the directory becomes tracked files.
track() {
	git init -q .
	git add -A
}

# finds CHECK TEXT: fails with exactly one finding, which contains the text.
finds() {
	track
	expect 1 "$root/scripts/$1"
	contains "$out" "$2"
	equal "$(grep -c . "$out")" 1 "the number of findings"
}

passes() {
	track
	expect 0 "$root/scripts/$1"
	equal "$(cat "$out")" ""
}

# finds_each CHECK FILE: one finding for each line of stdin, put into the file by itself.
finds_each() {
	git init -q .
	while read -r line; do
		printf '%s\n' "$line" >"$2"
		git add -A
		expect 1 "$root/scripts/$1"
		contains "$out" "$2:1:"
	done
}

check_bans_finds_each_banned_thing() {
	finds_each check-bans a.c <<'END'
strcpy(a, b);
	return strtok (text, " ");
x = atoi(text);
if (sscanf(text, "%d", &n) != 1)
n = strtoul(text, NULL, 10);
p = malloc(n * sizeof(*p));
p = realloc(p, sizeof(struct foo) * n);
p = malloc((size_t)n * 16);
goto out;
typedef struct foo foo;
typedef enum {
/* fine */ system("true");
"a \" quote"; gets(line);
END
}

check_bans_leaves_the_rest_alone() {
	write a.c <<'END'
/* strcpy() and goto out; are banned,
 * and so is system("x"); */
// gets(line)
const char *text = "popen(command) \" atoi(x)";
char quote = '"', other = '\''; /* sprintf(" */
my_strcpy(a, b);
p = malloc(sizeof(*p));
p = malloc(sizeof(struct foo *));
q = realloc((char *)q, size);
p = calloc(n, sizeof(*p));
snprintf(text, sizeof(text), "goto there");
typedef struct foo *(foo_fn)(int);
popen_count = 1;
END
	echo 'n = strtoull(text, &end, 10);' | write common/base/parse.c
	passes check-bans
}

check_layers_finds_each_forbidden_include() {
	git init -q .
	while read -r file include; do
		printf '#include "%s"\n' "$include" | write "$file"
		git add -A
		expect 1 "$root/scripts/check-layers"
		contains "$out" "$file:1:"
		rm "$file"
	done <<'END'
common/base/io.c common/domain/machine.h
common/base/io.c common/net/http.h
common/net/http.c common/aws/sqs.h
common/net/http.c common/domain/machine.h
common/domain/run.c common/net/http.h
common/domain/run.h common/store/store.h
common/aws/sqs.c common/forge/forge.h
common/store/store.c controller/config.h
agent/main.c controller/config.h
agent/runner/a.c tests/test.h
controller/provider/a.c agent/lifecycle.h
agent/main.c lifecycle.h
agent/main.c agent/../common/base/io.h
elsewhere/a.c common/base/io.h
END
}

check_layers_allows_what_the_rule_allows() {
	while read -r file include; do
		printf '#include <stdio.h>\n#include "%s"\n' "$include" | write "$file"
	done <<'END'
common/base/io.c common/base/io.h
common/aws/sqs.c common/net/http.h
common/domain/run.c common/base/json.h
common/store/store.c common/domain/machine.h
common/forge/forge.c common/store/store.h
agent/main.c agent/lifecycle.h
agent/runner/a.c common/forge/forge.h
controller/release.c controller/provider/provider.h
tests/unit/test-a.c agent/lifecycle.h
END
	passes check-layers
}

long_function() {
	echo 'int main(void)'
	echo '{'
	seq "$1" | sed 's/.*/	a();/'
	echo '}'
}

check_sizes_finds_a_long_function() {
	long_function 69 | write a.c
	finds check-sizes 'a.c:72: main() has 71 lines'
}

check_sizes_finds_a_long_file() {
	seq 601 | sed 's/.*/x/' | write a.sh
	finds check-sizes 'a.sh:601: more than 600 lines'
}

check_sizes_allows_what_just_fits() {
	long_function 68 | write a.c
	{
		printf 'const int n[] = {\n'
		seq 598 | sed 's/$/,/'
		printf '};\n'
	} | write b.c
	passes check-sizes
}

check_tests_finds_a_test_that_nobody_runs() {
	echo "'other': dep_base," | write tests/meson.build
	echo | write tests/unit/test-io.c
	finds check-tests 'tests/unit/test-io.c'
}

check_tests_finds_a_row_that_is_a_comment() {
	echo "# 'demo': 30," | write tests/integration/meson.build
	echo | write tests/integration/demo.sh
	finds check-tests 'tests/integration/demo.sh'
}

check_tests_finds_a_proof_that_is_gone() {
	# shellcheck disable=SC2016 # backticks of Markdown
	echo 'Shown by `keeps_it_to_itself`.' | write SECURITY.md
	echo 'START_TEST(keeps_it_to_itself_at_times)' | write tests/test.c
	finds check-tests SECURITY.md
}

check_tests_is_content_when_all_are_named() {
	echo "  'io': dep_base," | write tests/meson.build
	echo | write tests/unit/test-io.c
	echo "  'demo': 30," | write tests/integration/meson.build
	echo | write tests/integration/demo.sh
	echo | write tests/integration/lib.sh
	echo | write tests/bench/claims.sh
	passes check-tests
}

check_words_finds_each_place_of_one_machine() {
	git init -q .
	for words in "see /work""/main" "in /root""/x" "/home""/jane/src" "http://deb.""debian.org/" \
		"docker pull gh""cr.io/x"; do
		echo "$words" >page.md
		git add -A
		expect 1 "$root/scripts/check-words"
		contains "$out" page.md:1:
	done
}

check_words_allows_paths_that_any_machine_has() {
	echo 'below ~/work/x, /var/lib/paddock, actions/_work/, https://example.com/home/x' | write a
	passes check-words
}

check_links_finds_a_link_to_nowhere() {
	printf 'text\n[one](../README.md) and [two](b.md#part)\n' | write docs/a.md
	echo | write README.md
	finds check-links 'docs/a.md:2: b.md'
}

check_links_follows_only_links_of_ours() {
	write a.md <<'END'
[page](docs/b.md#part) [dir](docs/) [top](#top) [web](https://example.com/x) `[code](no.md)`
```
[code](no.md)
```
END
	echo | write docs/b.md
	passes check-links
}

no_check_passes_where_git_lists_nothing() {
	for check in bans layers sizes tests links words; do
		status=0
		GIT_DIR=$T/nowhere "$root/scripts/check-$check" >"$out" 2>&1 || status=$?
		[ "$status" -ne 0 ]
	done
}

run_tests check_bans_finds_each_banned_thing check_bans_leaves_the_rest_alone \
	check_layers_finds_each_forbidden_include check_layers_allows_what_the_rule_allows \
	check_sizes_finds_a_long_function check_sizes_finds_a_long_file \
	check_sizes_allows_what_just_fits \
	check_tests_finds_a_test_that_nobody_runs check_tests_finds_a_row_that_is_a_comment \
	check_tests_finds_a_proof_that_is_gone check_tests_is_content_when_all_are_named \
	check_words_finds_each_place_of_one_machine check_words_allows_paths_that_any_machine_has \
	check_links_finds_a_link_to_nowhere check_links_follows_only_links_of_ours \
	no_check_passes_where_git_lists_nothing
