#!/usr/bin/env python3
"""Takes the guards of docs/protocol/guards.md away, one at a time, and lets the simulator find out.

guards.py BUILD [--seconds N] [--jobs N] [--list | --make-only] [NAME…]

Each named guard (all of them without a name) gets a build of `sim` of its own below
BUILD/tests/sim/without/: the changed sources are compiled as the build compiles them and linked in
front of the libraries that hold the real ones. Prints TAP: a test passes when a violation is found
within N seconds.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIST = os.path.join(ROOT, "docs", "protocol", "guards.md")
BLOCK = re.compile(r"^`([^`\n]+)`\n```diff\n(.*?)^```$", re.M | re.S)


def read_guards():
    """[(name, rule, [(file, old, new), …]), …]"""
    with open(LIST, encoding="utf-8") as file:
        parts = re.split(r"^### ", file.read(), flags=re.M)[1:]
    guards = []
    for part in parts:
        part = re.split(r"^## ", part, flags=re.M)[0]
        name, rest = part.split("\n", 1)
        edits = []
        for path, diff in BLOCK.findall(rest):
            lines = diff.splitlines()
            old = "\n".join(line[1:] for line in lines if line.startswith("-"))
            new = "\n".join(line[1:] for line in lines if line.startswith("+"))
            edits.append((path, old, new))
        if not edits:
            sys.exit(f"{LIST}: {name}: nothing is taken away")
        guards.append((name.strip(), rest.split("`", 1)[0].strip(), edits))
    return guards


def take_away(name, path, text, old, new):
    """White space, and the backslashes of long macros, do not count."""
    pattern = r"(?:\s|\\\n)*".join(re.escape(word) for word in old.split())
    found = list(re.finditer(pattern, text))
    if len(found) != 1:
        sys.exit(f"{name}: this occurs {len(found)} times in {path}, not once: {old}")
    span = found[0]
    new = new.replace(" #include", "\n#include")
    return text[: span.start()] + new + text[span.end() :]


class Builder:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.out = os.path.join(self.build, "tests", "sim", "without")
        os.makedirs(self.out, exist_ok=True)
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
        self.commands = {}
        for entry in commands:
            path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
            self.commands[os.path.relpath(path, ROOT)] = entry
        steps = subprocess.run(
            ["ninja", "-C", self.build, "-t", "commands", "tests/sim/sim"],
            check=True, capture_output=True, text=True).stdout.splitlines()
        self.link = shlex.split(steps[-1])

    def compile(self, name, path, text):
        base = os.path.join(self.out, f"{name}--{os.path.basename(path)}")
        with open(base, "w", encoding="utf-8") as file:
            file.write(f'#line 1 "{path}"\n{text}')
        entry = self.commands[path]
        command = shlex.split(entry["command"])
        for flag in ("-MD", "-MQ", "-MF"):
            while flag in command:
                at = command.index(flag)
                del command[at : at + (1 if flag == "-MD" else 2)]
        command[command.index("-o") + 1] = base + ".o"
        command[command.index("-c") + 1] = base
        command += ["-w", "-Wno-error", "-O1", "-I" + ROOT]
        subprocess.run(command, check=True, cwd=entry["directory"])
        return base + ".o"

    def make(self, name, edits):
        texts = {}
        for path, old, new in edits:
            if path not in texts:
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    texts[path] = file.read()
            texts[path] = take_away(name, path, texts[path], old, new)
        objects = [self.compile(name, path, text) for path, text in texts.items()]
        program = os.path.join(self.out, name)
        link = list(self.link)
        link[link.index("-o") + 1] = program
        first = next(i for i, word in enumerate(link) if word.endswith(".o") and i > 1)
        subprocess.run(link[:first] + objects + link[first:], check=True, cwd=self.build)
        return program


def hunt(builder, guard, seconds):
    """(found, what the simulator says)"""
    name, _, edits = guard
    program = builder.make(name, edits)
    start = time.monotonic()
    result = subprocess.run(
        [program, "--hunt", "--quick", "--jobs", "1", "--seconds", str(seconds)],
        capture_output=True, text=True, cwd=builder.out)
    took = time.monotonic() - start
    broken = re.search(r"breaks invariant (\S+): (.*)", result.stdout)
    schedules = re.search(r"^(\d+) schedules", result.stdout)
    count = schedules.group(1) if schedules else "?"
    if broken:
        return True, f"invariant {broken.group(1)} after {count} schedules: {broken.group(2)}"
    if result.returncode not in (0, 1):
        return True, f"crash after {took:.1f} s: {result.stderr.strip()[:100]}"
    return False, f"nothing noticed in {count} schedules, {took:.0f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--make-only", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_intermixed_args()
    guards = read_guards()
    unknown = set(arguments.names) - {name for name, _, _ in guards}
    if unknown:
        sys.exit(f"there is no guard {', '.join(sorted(unknown))}; --list names them")
    if arguments.names:
        guards = [guard for guard in guards if guard[0] in arguments.names]
    if arguments.list:
        for name, rule, _ in guards:
            print(f"{name:30} {rule}")
        return 0

    builder = Builder(arguments.build)
    if arguments.make_only:
        for name, _, edits in guards:
            print(builder.make(name, edits))
        return 0
    print(f"1..{len(guards)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda guard: hunt(builder, guard, arguments.seconds), guards)
        for i, (guard, (found, text)) in enumerate(zip(guards, results), 1):
            failed += not found
            print(f"{'ok' if found else 'not ok'} {i} - without {guard[0]}: {text}", flush=True)
    return 1 if failed else 0


sys.exit(main())
