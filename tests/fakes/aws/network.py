"""Network namespaces: one for each machine, with a way to the ports that it needs and no other."""

import contextlib
import ctypes
import fcntl
import os
import queue
import socket
import struct
import threading

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, SIOCGIFFLAGS = 0x8914, 0x8916, 0x891C, 0x8913
IFF_UP = 1
CHUNK = 65536


def enter_own_network() -> None:
    """Gives the calling thread a network namespace of its own, with nothing in it but lo."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def raise_loopback(*addresses: str) -> None:
    """Switches lo on, and gives it further addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        for number, address in enumerate(addresses, 1):
            _set(control, SIOCSIFADDR, f"lo:{number}", address)
            _set(control, SIOCSIFNETMASK, f"lo:{number}", "255.255.255.255")


def _set(control: socket.socket, what: int, name: str, address: str) -> None:
    packed = struct.pack("<H", socket.AF_INET) + b"\0\0" + socket.inet_aton(address)
    fcntl.ioctl(control, what, struct.pack("16s16s", name.encode(), packed.ljust(16, b"\0")))


class Relay:
    """Connects sockets that listen elsewhere to the same ports of 127.0.0.1 here.

    A thread keeps the namespace of the thread that started it; so the one that starts all others
    must be started early.
    """

    def __init__(self) -> None:
        self._listeners: queue.Queue[tuple[socket.socket, int]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, listener: socket.socket, port: int) -> None:
        """Ends when the listener is shut down."""
        self._listeners.put((listener, port))

    def _run(self) -> None:
        while True:
            listener, port = self._listeners.get()
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                inner, _ = listener.accept()
            except OSError:
                listener.close()
                return
            try:
                outer = socket.create_connection(("127.0.0.1", port))
            except OSError:
                inner.close()
                continue
            for ends in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(CHUNK):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
