"""What the page on stored market data shows of each series. Times int64 ns UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["SEVERITIES", "FindingView", "MovesView", "Place", "SeriesView", "StepView"]

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Place:
    """From ``start`` to ``end``, and what is there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class FindingView:
    """What a check found; ``months``: places by month (``"2020-05"``); ``examples`` may be some of the places only."""

    check: str
    severity: str
    count: int
    message: str
    examples: Sequence[Place] = ()
    months: Mapping[str, int] | None = None


@dataclass(frozen=True)
class StepView:
    """Rows that keep to a step: ``what`` (tick, lot), the step, from when to when, how many rows, and how many not."""

    what: str
    step: float
    start: int
    end: int
    rows: int
    off: int


@dataclass(frozen=True)
class MovesView:
    """How many moves down and up have sizes between ``edges`` (n + 1, in usual moves; the last bin is open);
    ``flagged``: from which size on a move is looked at."""

    edges: Sequence[float]
    down: Sequence[int]
    up: Sequence[int]
    flagged: float


@dataclass(frozen=True)
class SeriesView:
    """A series: its name, what it is, its rows, the span looked at, the spans that were asked for, and what was
    found; ``expected``: rows that the spans should hold, 0 where they are events. ``own_ticks``: steps that the data
    keep to by themselves. ``beside``: what else it was held against. ``seconds``: what the checks took."""

    name: str
    about: str
    rows: int
    start: int
    end: int
    findings: Sequence[FindingView]
    covered: Sequence[tuple[int, int]] = ()
    expected: int = 0
    sources: Sequence[str] = ()
    beside: Sequence[str] = ()
    steps: Sequence[StepView] = ()
    own_ticks: Sequence[StepView] = ()
    moves: MovesView | None = None
    seconds: float = 0.0

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)
