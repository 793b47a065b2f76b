"""What all of the fake's HTTP servers share."""

import http.server
import socket
import socketserver
import struct
import time
from email.utils import formatdate
from typing import Any

from .errors import Answer
from .signature import Request

BODY_MAX = 64 * 1024 * 1024
# An idle connection is kept for so long.
IDLE_SECONDS = 60.0


class Cut(Exception):
    """The connection ends here, without an answer."""

    def __init__(self, reset: bool) -> None:
        super().__init__("cut")
        self.reset = reset


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection; a subclass answers Requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body of an answer leave together.
    wbufsize = -1
    timeout = IDLE_SECONDS

    def respond(self, request: Request) -> Answer:
        raise NotImplementedError

    def clock(self) -> float:
        """What the Date header tells."""
        return time.time()

    def handle_any(self) -> None:
        if self.headers.get("transfer-encoding"):
            self.close_connection = True
            self.send(Answer(411, b"", "text/plain"))
            return
        length = int(self.headers.get("content-length") or 0)
        if not 0 <= length <= BODY_MAX:
            self.close_connection = True
            self.send(Answer(413, b"", "text/plain"))
            return
        body = self.rfile.read(length)
        headers = [(name, str(value).strip()) for name, value in self.headers.items()]
        try:
            self.send(self.respond(Request(self.command, self.path, headers, body)))
        except Cut as cut:
            self.cut(cut.reset)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.body or answer.status not in (204, 304):
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def cut(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # With this, close() sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.clock() if timestamp is None else timestamp, usegmt=True)

    def version_string(self) -> str:
        return "Server"

    def log_message(self, format: str, *args: Any) -> None:
        """The recorder knows more than a log would say."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            pass

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError, OSError):
            pass


class Server(socketserver.ThreadingTCPServer):
    """Listens where it is told to, in the network namespace of the calling thread."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], handler: type[Handler], context: Any) -> None:
        self.context = context
        super().__init__(address, handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])
