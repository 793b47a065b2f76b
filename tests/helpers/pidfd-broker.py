#!/usr/bin/env python3
"""Opens pidfds, and signals to them, for who cannot: see pidfd-shim.c. Argument: its socket's path."""

import array
import os
import signal
import socket
import struct
import sys

GIVE = -1


def answer(question, fds):
    pid, number = question
    if number == GIVE:
        return os.pidfd_open(pid)
    signal.pidfd_send_signal(fds[0], number)
    return None


def serve(peer):
    data, fds, _, _ = socket.recv_fds(peer, 8, 1)
    if not data:
        return
    error, rights, fd = 0, [], None
    try:
        fd = answer(struct.unpack("ii", data), fds)
    except OSError as e:
        error = e.errno
    if fd is not None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        fds.append(fd)
    peer.sendmsg([struct.pack("i", error)], rights)
    for fd in fds:
        os.close(fd)


def main(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(64)
    while True:
        peer, _ = listener.accept()
        with peer:
            try:
                serve(peer)
            except OSError:
                pass  # whoever asked has gone


main(sys.argv[1])
