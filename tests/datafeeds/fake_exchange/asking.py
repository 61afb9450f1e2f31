"""A plain way to ask the fake exchange, and its truth with times as whole numbers."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pandas as pd


def counted(table: Any) -> pd.DataFrame:
    """An Arrow table as a frame whose times are int64 ns."""
    frame: pd.DataFrame = table.to_pandas()
    for name in ("ts", "known_ts"):
        if name in frame:
            frame[name] = frame[name].astype("int64")
    return frame


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
