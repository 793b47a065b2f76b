"""The inside of an instance: a metadata service, and a command that runs while the instance does."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from .faults import Faults
from .imds import Metadata
from .network import Relay, enter_own_network, raise_loopback
from .recorder import Recorder
from .state import PENDING, RUNNING, TERMINATED, STOPPED, Account, Instance
from .web import Server

HERE = Path(__file__).resolve().parent
LINK_LOCAL = "169.254.169.254"
# Whoever is on an instance has its role's keys, and not the test's.
NOT_PASSED_ON = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "AWS_EC2_METADATA_DISABLED", "PYTHONPATH",
)


@dataclass
class Machines:
    """All of them, and what they have in common."""

    account: Account
    faults: Faults
    recorder: Recorder
    directory: Path
    # None: instances are entries in a list only.
    command: str | None
    isolated: bool
    # Ports of 127.0.0.1 that can be reached from inside.
    ports: list[int] = field(default_factory=list)
    machines: dict[str, "Machine"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.relay = Relay()

    def launched(self, instance: Instance) -> None:
        """For Account.on_launch."""
        if self.command is not None:
            self.machines[instance.id] = Machine(self, instance)
            self.machines[instance.id].start()

    def stop(self) -> None:
        """Ends all of them at once, as the fake ends."""
        with self.account.lock:
            living = [machine for machine in self.machines.values() if machine.process is not None]
        for machine in living:
            machine.kill()

    def metadata_url(self, name: str) -> str:
        """Where the metadata of an instance are to be had outside of it."""
        with self.account.lock:
            if name not in self.machines:
                self.machines[name] = Machine(self, self.account.instances[name])
            return self.machines[name].outside_url()


class Machine(threading.Thread):
    """One instance's inside. The thread lives in the instance's network namespace."""

    def __init__(self, machines: Machines, instance: Instance) -> None:
        super().__init__(daemon=True, name=instance.id)
        self.all = machines
        self.account = machines.account
        self.instance = instance
        self.metadata = Metadata(machines.account, instance, machines.faults, machines.recorder)
        self.process: subprocess.Popen[bytes] | None = None
        self.servers: list[Server] = []
        self.listeners: list[socket.socket] = []
        self.outside: Server | None = None

    def outside_url(self) -> str:
        if self.outside is None:
            self.outside = self._serve("127.0.0.1", 0)
        return f"http://127.0.0.1:{self.outside.port}"

    def _serve(self, host: str, port: int) -> Server:
        server = self.metadata.listen(host, port)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        return server

    def run(self) -> None:
        try:
            url = self._connect()
            if self._wait_for_boot():
                self._boot(url)
                self._live()
        except OSError as error:
            print(f"fake aws: {self.instance.id}: {error}", file=sys.stderr, flush=True)
        finally:
            self._end()

    def _connect(self) -> str:
        """The metadata service and the way out; answers where the former is."""
        if not self.all.isolated:
            with self.account.lock:
                return self.outside_url()
        enter_own_network()
        raise_loopback(LINK_LOCAL)
        self._serve(LINK_LOCAL, 80)
        for port in self.all.ports:
            listener = socket.create_server(("127.0.0.1", port), backlog=128)
            self.listeners.append(listener)
            self.all.relay.add(listener, port)
        return f"http://{LINK_LOCAL}"

    def _state(self) -> str:
        return self.instance.state_at(self.account.ticks()) or PENDING

    def _pause(self) -> None:
        """Until the plan changes, or its next step is due. The account's lock is held."""
        now = self.account.ticks()
        coming = [moment - now for moment, _ in self.instance.events if moment > now]
        self.account.changed.wait(min(coming, default=None))

    def _wait_for_boot(self) -> bool:
        with self.account.lock:
            while self._state() == PENDING:
                self._pause()
            return self._state() == RUNNING

    def _boot(self, url: str) -> None:
        home = self.all.directory / self.instance.id
        home.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if k not in NOT_PASSED_ON}
        environment |= {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
            "AWS_REGION": self.account.region,
            "INSTANCE_ID": self.instance.id,
            "INSTANCE_TYPE": self.instance.type,
            "INSTANCE_ZONE": self.instance.zone,
            "PATH": f"{HERE / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        }
        command = ["sh", str(HERE / "boot.sh"), str(self.all.command)]
        if self.all.isolated:
            # Where the address is the usual one, nobody has to be told.
            del environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
            command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command]
        # The fake may be killed; then its machines go with it.
        command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(home / "console.log", "ab") as console:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd=home,
                env=environment, start_new_session=True,
            )
        threading.Thread(target=self._reap, args=(self.process,), daemon=True).start()

    def _reap(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        with self.account.lock:
            self.account.changed.notify_all()

    def _live(self) -> None:
        asked = False
        with self.account.lock:
            while self._state() not in (TERMINATED, STOPPED):
                if self.process is None or self.process.returncode is not None:
                    # Its first process has left: somebody in there has shut it down.
                    self.account.end(
                        self.instance,
                        ("Client.InstanceInitiatedShutdown",
                         "Client.InstanceInitiatedShutdown: Instance initiated shutdown"),
                        self.instance.on_shutdown,
                    )
                    return
                if self._state() != RUNNING and not asked:
                    asked = True
                    self._ask_to_end()
                self._pause()

    def _ask_to_end(self) -> None:
        """As a machine does whose power button is pressed: SIGTERM for all in it."""
        init = self._init()
        if init is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(init, signal.SIGTERM)

    def _init(self) -> int | None:
        """The first process of the instance: a child of unshare, if that is there."""
        assert self.process is not None
        pid = self.process.pid
        if not self.all.isolated:
            return pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def kill(self) -> None:
        """Its session; in a namespace of its own, that is all that is in there."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _end(self) -> None:
        self.kill()
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        for server in self.servers:
            if server is not self.outside:
                server.shutdown()
                server.server_close()


