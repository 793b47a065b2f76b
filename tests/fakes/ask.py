#!/usr/bin/env python3
"""Asks the control port of the fake AWS: ask.py METHOD WHAT [MEMBER=VALUE...]; see aws/control.py.

A value is JSON where it can be read as such, and text otherwise. The answer goes to stdout.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


def value_of(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(method: str, what: str, *members: str) -> int:
    pairs = [member.partition("=") for member in members]
    url = f"{os.environ['AWS_FAKE_CONTROL']}/_control/{what}"
    data = None
    if method == "GET":
        url += "?" + urllib.parse.urlencode([(name, value) for name, _, value in pairs])
    else:
        data = json.dumps({name: value_of(value) for name, _, value in pairs}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as response:
            sys.stdout.write(response.read().decode())
    except urllib.error.HTTPError as error:
        sys.stderr.write(error.read().decode())
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: ask.py METHOD WHAT [MEMBER=VALUE...]")
    sys.exit(main(*sys.argv[1:]))
