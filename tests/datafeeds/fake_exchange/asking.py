"""A plain way to ask the fake exchange."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class Ask:
    """GET without a client library: status, headers with lower-case names, body."""

    def __call__(self, address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def json(self, address: str) -> Any:
        return json.loads(self(address)[2])
