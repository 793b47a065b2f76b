"""Everything that was asked, in order."""

import collections
import threading
import time
from typing import Any


class Recorder:
    """A list of requests. Secrets are not written down; bodies of objects neither."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[dict[str, Any]] = []
        self._number = 0

    def add(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry is filled in further while the request goes on."""
        with self._lock:
            self._number += 1
            entry = {"number": self._number, "time": time.time()} | entry
            self._requests.append(entry)
        return entry

    def find(self, wish: dict[str, str]) -> list[dict[str, Any]]:
        """Those whose members have the values that the wish has."""
        with self._lock:
            entries = [dict(entry) for entry in self._requests]
        return [
            entry for entry in entries
            if all(str(entry.get(name)) == value for name, value in wish.items())
        ]

    def counts(self) -> dict[str, int]:
        """How many of each: {"ec2 CreateFleet": 1}."""
        return dict(collections.Counter(f"{e['service']} {e['action']}" for e in self.find({})))

    def clear(self) -> None:
        with self._lock:
            self._requests = []
