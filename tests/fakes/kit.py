"""What the tests of the fakes share: TAP for unittest, and a running fake.

A test module defines unittest.TestCases whose methods are named test_ and a sentence, and ends with
kit.main().
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
START_SECONDS = 60.0

try:
    import botocore.config
    import botocore.exceptions
    import botocore.session
except ImportError:
    botocore = None  # type: ignore[assignment]

needs_botocore = unittest.skipIf(botocore is None, "botocore is not installed")
needs_root = unittest.skipIf(os.geteuid() != 0, "needs root, for namespaces")


class TapResult(unittest.TestResult):
    """Prints a line for each test, and why it failed to stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def _line(self, test: Any, word: str, directive: str = "") -> None:
        self.number += 1
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_")
        print(f"{word} {self.number} - {name}{directive}", flush=True)

    def addSuccess(self, test: Any) -> None:
        self._line(test, "ok")

    def addSkip(self, test: Any, reason: str) -> None:
        self._line(test, "ok", f" # SKIP {reason}")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._line(test, "not ok")
        traceback.print_exception(*err)

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._line(test, "not ok")
            print(subtest, file=sys.stderr)
            traceback.print_exception(*err)


def main() -> None:
    """Runs what the calling script defines; ONLY="NAME..." in the environment picks some."""
    suite = unittest.TestSuite()
    only = os.environ.get("ONLY", "").split()
    for group in unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]):
        for test in group:
            name = getattr(test, "_testMethodName", "").removeprefix("test_")
            if not only or name in only:
                suite.addTest(test)
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}")
    sys.exit(0 if result.wasSuccessful() else 1)


class Fake:
    """One running fake of AWS, and clients for it."""

    def __init__(self, *options: str) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="fake-aws.")
        ready = Path(self.directory.name, "ready")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment["PYTHONPATH"] = str(HERE)
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "aws", "--ready", str(ready),
             "--directory", self.directory.name, *options],
            cwd=self.directory.name, env=environment,
        )
        until = time.monotonic() + START_SECONDS
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the fake does not start")
            time.sleep(0.02)
        lines = ready.read_text(encoding="utf-8").splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines)
        self.variables = {name: value.strip("'") for name, _, value in pairs}
        self.url = self.variables["AWS_ENDPOINT_URL_EC2"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        # Machines that are just being ended may still write.
        with contextlib.suppress(OSError):
            self.directory.cleanup()

    def control(self, method: str, what: str, **wish: Any) -> Any:
        """Asks the control port; see aws/control.py."""
        data = json.dumps(wish).encode() if method != "GET" else None
        query = "&".join(f"{key}={value}" for key, value in wish.items())
        url = f"{self.variables['AWS_FAKE_CONTROL']}/_control/{what}"
        url += f"?{query}" if method == "GET" and query else ""
        request = urllib.request.Request(url, data, method=method)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def fault(self, kind: str, **how: Any) -> None:
        self.control("POST", "faults", kind=kind, **how)

    def requests(self, **wish: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "requests", **wish)
        return found

    def client(self, service: str, keys: dict[str, str] | None = None, **config: Any) -> Any:
        """botocore's client, with its retries off unless told otherwise."""
        session = botocore.session.Session()
        for name in ("config_file", "credentials_file"):
            session.set_config_variable(name, "/dev/null")
        keys = keys or {
            "AccessKeyId": self.variables["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.variables["AWS_SECRET_ACCESS_KEY"],
        }
        options = {"retries": {"total_max_attempts": 1, "mode": "standard"}, "read_timeout": 20}
        return session.create_client(
            service, region_name=self.variables["AWS_REGION"], endpoint_url=self.url,
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=botocore.config.Config(**(options | config)),
        )


class FakeCase(unittest.TestCase):
    """Test cases that share a fake; each finds it as after its start."""

    options: tuple[str, ...] = ()
    fake: Fake

    @classmethod
    def setUpClass(cls) -> None:
        cls.fake = Fake(*cls.options)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.fake.stop()

    def setUp(self) -> None:
        self.fake.control("POST", "reset")

    def tearDown(self) -> None:
        broken = [entry["broken"] for entry in self.fake.requests() if "broken" in entry]
        self.assertEqual(broken, [], "the fake is broken")

    @contextlib.contextmanager
    def refused(self, code: str, status: int | None = None) -> Any:
        """The block ends with this error of AWS."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            yield caught
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], code)
        if status is not None:
            self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], status)

    def wait_for(self, what: Any, seconds: float = 60.0) -> Any:
        """Until what() is true; its value."""
        until = time.monotonic() + seconds
        while not (value := what()):
            self.assertLess(time.monotonic(), until, f"waited {seconds} s in vain")
            time.sleep(0.02)
        return value
