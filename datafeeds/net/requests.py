"""What is asked of a venue, and what came of it: the same for all venues.

Times are int64 nanoseconds UTC, spans half-open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from halfspread.errors import FetchError

__all__ = ["OPEN", "FetchRequest", "Fetched", "Hole", "Part", "Progress", "quiet"]

#: Why a span without rows counts as not fetched.
OPEN = "the venue must have rows here, and gave none: not taken as fetched, the same command asks again"
#: Called with what is being fetched (the name of a kind), how much of it is done, and how much it is in all.
Progress = Callable[[str, float, float], None]


def quiet(what: str, done: float, whole: float) -> None:
    """A progress that shows nothing."""


@dataclass(frozen=True)
class FetchRequest:
    """What to bring into the store. ``kinds``: names of kinds of series, ``instrument`` for the contract's rules.

    ``end``: None for now. ``base_url``, ``dumps_url``: None for the venue's own. ``per_second``: requests, None for
    what the venue bears. ``replace``: fetch what is there too, and put it in place of the old. ``patient``: wait when
    the venue forbids requests for minutes, instead of giving up.
    """

    symbol: str
    kinds: tuple[str, ...]
    start: int
    end: int | None = None
    base_url: str | None = None
    dumps_url: str | None = None
    workers: int = 4
    per_second: float | None = None
    replace: bool = False
    patient: bool = False


@dataclass(frozen=True)
class Hole:
    """A span without rows, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Part:
    """What came of one kind. ``spans``: of the request that the store lacked and that were fetched; ``rows``: new ones;
    ``same``: those that were there already; ``holes``: spans of the request without rows; ``told``: what was noticed.
    """

    kind: str
    spans: tuple[tuple[int, int], ...] = ()
    rows: int = 0
    same: int = 0
    holes: tuple[Hole, ...] = ()
    told: tuple[str, ...] = ()


@dataclass
class Fetched:
    """All that came. ``error``: why it ended early; what came before is in the store, and the same request goes on from
    there. ``requests``: how many were sent; ``seconds``: how long it took."""

    venue: str
    symbol: str
    parts: list[Part] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    error: FetchError | None = None
