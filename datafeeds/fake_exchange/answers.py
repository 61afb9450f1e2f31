"""What a venue is asked and what it answers, before it goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Answer", "Request", "Venue", "whole"]


@dataclass(frozen=True)
class Request:
    """One GET: the path below the venue's base address, the parameters (the last of each name) and the headers, with
    names in lower case."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """``payload`` is sent as JSON, or else ``body`` as it is. ``rows``: the list inside of payload that faults may
    spoil. ``of_file``: part of a file that can be asked for in ranges."""

    status: int = 200
    payload: Any = None
    rows: list[Any] | None = None
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    of_file: bool = False

    def encoded(self) -> bytes:
        """The body's bytes."""
        return self.body if self.payload is None else json.dumps(self.payload, separators=(",", ":")).encode()


class Venue(Protocol):
    """A protocol over a generated market."""

    def answer(self, request: Request, now: int) -> Answer:
        """What the venue says at a time (ns UTC)."""

    def refused(self, retry_after: int, now: int) -> Answer:
        """What it says beyond its limit of requests."""

    def limit_headers(self, limit: int, remaining: int, reset: int) -> dict[str, str]:
        """How it tells its limit; ``reset`` is in ns UTC."""

    def fault(self, kind: str, now: int) -> Answer:
        """Its own way of saying "403", "429", "503" and "10006"."""


def whole(text: str | None, default: int, least: int, most: int) -> int | None:
    """A whole number from a parameter, ``default`` where it is not given, None where it is none or out of bounds."""
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        return None
    return value if least <= value <= most else None
