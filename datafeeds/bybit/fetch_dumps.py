"""Fetch trades and order-book updates from the venue's public files."""

from __future__ import annotations

from typing import Any

from halfspread.datafeeds.net.clock import Clock
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Progress
from halfspread.datafeeds.store.store import Store
from halfspread.errors import FetchError

__all__ = ["DUMP_KINDS", "fetch_dumps"]

DUMP_KINDS = ("trades", "book_updates")


def fetch_dumps(
    kinds: list[str],
    request: FetchRequest,
    store: Store,
    progress: Progress,
    fetched: Fetched,
    clock: Clock,
    options: dict[str, Any],
) -> None:
    """Bring the days of ``request`` into the store."""
    raise FetchError("not yet")
