"""The HTTP side of the fake exchange: one server on loopback, quiet, that leaves no thread and no socket behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from halfspread.datafeeds.fake_exchange.answers import Answer, Request

__all__ = ["Delivery", "Server"]


class Delivery:
    """How an answer goes out: ``body`` under a length of ``length``, with a pause in the middle, or before each byte of
    it where it ``drips``."""

    def __init__(
        self, answer: Answer, body: bytes, *, length: int | None = None, pause: float = 0.0, drips: bool = False
    ) -> None:
        self.answer, self.body, self.pause, self.drips = answer, body, pause, drips
        self.length = len(body) if length is None else length


Respond = Callable[[Request, str], Delivery]


class Server:
    """Serves until it is closed. ``respond``: an answer to a request and its full address. It runs in threads."""

    def __init__(self, respond: Respond, port: int = 0) -> None:
        self._closing = threading.Event()
        self._server = _Threads(("127.0.0.1", port), _handler(respond, self._closing))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="fake exchange"
        )

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop, cut all connections and wait for every thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.cut()
        self._server.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


def _handler(respond: Respond, closing: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._deliver()

        def do_HEAD(self) -> None:
            self._deliver(with_body=False)

        def _deliver(self, with_body: bool = True) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            headers: Mapping[str, str] = {name.lower(): value for name, value in self.headers.items()}
            delivery = respond(Request(parts.path, params, headers), self.path)
            self.send_response_only(delivery.answer.status)
            for name, value in delivery.answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", delivery.answer.content_type)
            self.send_header("Content-Length", str(delivery.length))
            self.end_headers()
            if with_body:
                self._send(delivery)

        def _send(self, delivery: Delivery) -> None:
            if delivery.drips:
                for at in range(len(delivery.body)):
                    if closing.wait(delivery.pause):
                        break
                    self.wfile.write(delivery.body[at : at + 1])
                    self.wfile.flush()
                return
            half = len(delivery.body) // 2 if delivery.pause else len(delivery.body)
            self.wfile.write(delivery.body[:half])
            if delivery.pause:
                self.wfile.flush()
                closing.wait(delivery.pause)
                self.wfile.write(delivery.body[half:])
            if len(delivery.body) < delivery.length:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the exchange keeps a log of its own."""

    return Handler
