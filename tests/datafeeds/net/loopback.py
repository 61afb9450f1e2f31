"""A server on loopback that gives the answers a test has laid out, and notes what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """``cut``: bytes of the body after which the connection is closed; ``length``: what Content-Length says."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: int | None = None
    length: int | None = None


@dataclass
class Asked:
    path: str
    headers: dict[str, str]


class Loopback:
    """``answer``: called with each request; give it, or ``lay_out`` answers to be given in turn (the last for ever)."""

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda asked: Answer()
        self.connections: set[tuple[str, int]] = set()
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                loopback.connections.add(self.client_address)
                asked = Asked(self.path, {key.lower(): value for key, value in self.headers.items()})
                loopback.log.append(asked)
                answer = loopback.answer(asked)
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
                self.end_headers()
                self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
                if answer.cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def lay_out(self, *answers: Answer) -> None:
        left = list(answers)
        self.answer = lambda asked: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
