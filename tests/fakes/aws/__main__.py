"""Starts the fake: PYTHONPATH=tests/fakes python3 -m aws --help."""

import argparse
import os
import re
import signal
import sys
import tempfile
import threading
from pathlib import Path

from .control import Control, ControlHandler
from .faults import Buckets, Faults
from .machine import Machines
from .recorder import Recorder
from .server import ApiHandler, Endpoint
from .state import Account, Settings
from .web import Server

LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost):(\d+)")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aws", description="A fake of EC2, STS, SSM, S3 and the instance metadata service."
    )
    parser.add_argument("--port", type=int, default=0, help="of the API; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="of /_control/")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--directory", type=Path, help="where instances keep their files")
    parser.add_argument("--boot-command", help="run by sh in each instance when it has booted")
    parser.add_argument(
        "--network", choices=["own", "shared"], default="own" if os.geteuid() == 0 else "shared",
        help="whether each instance has namespaces of its own (needs root)",
    )
    parser.add_argument(
        "--forward", type=int, action="append", default=[], metavar="PORT",
        help="a port of 127.0.0.1 that instances in networks of their own can reach, besides those "
        "in AWS_ENDPOINT_URL*",
    )
    parser.add_argument(
        "--ready", type=Path, metavar="FILE", help="written when it answers: shell assignments"
    )
    parser.add_argument("--boot-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--shutdown-delay", type=float, default=0.0, metavar="SECONDS")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    settings = Settings(boot_delay=options.boot_delay, shutdown_delay=options.shutdown_delay)
    account = Account(options.region, settings)
    faults, buckets, recorder = Faults(), Buckets(), Recorder()
    own = None if options.directory else tempfile.TemporaryDirectory(prefix="fake-aws.")
    directory = options.directory or Path(own.name if own else "")
    machines = Machines(
        account, faults, recorder, directory.resolve(), options.boot_command,
        options.network == "own",
    )
    account.on_launch = machines.launched
    endpoint = Endpoint(account, faults, buckets, recorder)
    api = Server(("127.0.0.1", options.port), ApiHandler, endpoint)
    control = Server(
        ("127.0.0.1", options.control_port), ControlHandler,
        Control(account, faults, buckets, recorder, machines),
    )
    elsewhere = [value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL")]
    known = [int(found[1]) for found in map(LOOPBACK.match, elsewhere) if found]
    machines.ports = sorted({api.port, control.port, *options.forward, *known})
    os.environ |= urls(api.port, control.port)
    for server in (api, control):
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    announce(options.ready, api.port, control.port, account)
    # Not blocked and waited for: what it starts would have them blocked, too.
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    machines.stop()
    if own is not None:
        own.cleanup()
    return 0


def urls(port: int, control: int) -> dict[str, str]:
    """What its clients are to have in their environments; the instances are clients, too."""
    here = f"http://127.0.0.1:{port}"
    names = {f"AWS_ENDPOINT_URL_{service}": here for service in ("EC2", "STS", "SSM", "S3")}
    return names | {"AWS_FAKE_CONTROL": f"http://127.0.0.1:{control}"}


def announce(ready: Path | None, port: int, control: int, account: Account) -> None:
    """Variables, one a line; the file appears when it is whole."""
    key = next(iter(account.credentials.values()))
    variables = urls(port, control) | {
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret,
    }
    text = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
    if ready is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    fresh = ready.with_name(ready.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(ready)


if __name__ == "__main__":
    sys.exit(main())
