"""Check series of the store: every check over one pass of the rows, then the series against others of its contract."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.datafeeds.quality import comparing
from halfspread.datafeeds.quality.amounts import AmountCheck
from halfspread.datafeeds.quality.clocks import ClockCheck
from halfspread.datafeeds.quality.finding import SEVERITIES, Finding
from halfspread.datafeeds.quality.funding import FundingCheck
from halfspread.datafeeds.quality.gaps import MissingRows, Silence
from halfspread.datafeeds.quality.jumps import Confirm, JumpCheck
from halfspread.datafeeds.quality.order import OrderCheck
from halfspread.datafeeds.quality.outages import OutageCheck
from halfspread.datafeeds.quality.prints import PrintCheck
from halfspread.datafeeds.quality.reading import blocks, subject_of
from halfspread.datafeeds.quality.returns import ReturnCounts
from halfspread.datafeeds.quality.shapes import ShapeCheck
from halfspread.datafeeds.quality.stale import StaleCheck
from halfspread.datafeeds.quality.steps import StepCheck
from halfspread.datafeeds.quality.subject import Block, Check, Subject
from halfspread.datafeeds.quality.tops import TopCheck
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.errors import DataError

__all__ = ["Checked", "check", "checks_of", "examine", "run", "wanted"]


@dataclass(frozen=True)
class Checked:
    """What was found in a series: findings, the worst first; rows and seconds; which other series it was held against;
    and what the pictures are made of (``conforming``, ``eras``: see `steps`; ``returns``: see `returns`). ``damaged``:
    files could not be read, or are not as they were written; nothing else was looked at then.
    """

    subject: Subject
    findings: tuple[Finding, ...]
    rows: int
    seconds: float
    beside: tuple[str, ...] = ()
    conforming: tuple[dict[str, Any], ...] = ()
    eras: tuple[Any, ...] = ()
    returns: ReturnCounts | None = None
    damaged: bool = False

    @property
    def series(self) -> Series:
        """What was checked."""
        return self.subject.series


def check(
    store: Store, series: Series, start: int | None = None, end: int | None = None, *, beside: bool = True
) -> list[Finding]:
    """What is wrong with a series, the worst first; ``beside``: hold it against others of its contract too. Times int64
    ns UTC. Raises DataError where the store has no such series."""
    return list(examine(store, series, start, end, beside=beside).findings)


def examine(
    store: Store, series: Series, start: int | None = None, end: int | None = None, *, beside: bool = True
) -> Checked:
    """`check`, with what a page shows beside it."""
    began = time.perf_counter()
    try:
        damaged = _files(store, series) if start is None and end is None else []
        subject = None if damaged else subject_of(store, series, start, end)
    except DataError as error:
        damaged, subject = [Finding("files", "error", start or 0, end or 1, 1, str(error))], None
    if subject is None:
        nothing = Finding("empty", "note", start or 0, end or 1, 1, "no rows")
        bare = Subject(series, start or 0, end or 1)
        found = tuple(damaged or [nothing])
        return Checked(bare, found, 0, time.perf_counter() - began, damaged=bool(damaged))
    checks = checks_of(subject, *(comparing.confirm_by(store, subject) if beside else ()))
    with np.errstate(all="ignore"):
        rows, every = run(checks, blocks(store, series, subject.start, subject.end))
        compared = comparing.compare(store, subject) if beside else []
    every += [each for one in compared for each in one.found]
    if not rows:
        every.append(Finding("empty", "note", subject.start, subject.end, 1, "no rows"))
    steps = next((one for one in checks if isinstance(one, StepCheck)), None)
    return Checked(
        subject,
        tuple(sorted(every, key=_rank)),
        rows,
        time.perf_counter() - began,
        tuple(one.what for one in compared),
        tuple(steps.conforming) if steps else (),
        tuple(steps.eras) if steps else (),
        next((one for one in checks if isinstance(one, ReturnCounts)), None),
    )


def run(checks: Sequence[Check], rows: Iterable[Block]) -> tuple[int, list[Finding]]:
    """Give every block to every check: how many rows there were, and what was found. Numbers that no market has
    overflow in silence, since that is what some checks look for."""
    count = 0
    with np.errstate(all="ignore"):
        for block in rows:
            count += len(block)
            for one in checks:
                one.add(block)
        return count, [each for one in checks for each in one.findings()]


def checks_of(subject: Subject, confirm: Confirm | None = None, witness: str = "the mark price") -> list[Check]:
    """The checks that look at a series on its own; ``confirm`` and ``witness``: see `jumps`."""
    return list(_checks(subject, confirm, witness))


def _checks(subject: Subject, confirm: Confirm | None, witness: str) -> Iterator[Check]:
    yield OrderCheck(subject)
    family = subject.family
    if subject.interval:
        yield MissingRows(subject)
    if family in ("trades", "quotes", "book_updates", "books", "tickers"):
        yield Silence(subject)
    if family in ("bars", "mark", "index", "premium"):
        yield ShapeCheck(subject)
        yield StaleCheck(subject)
    if family in ("bars", "mark", "index"):
        yield JumpCheck(subject, confirm, witness)
        yield ReturnCounts(subject)
    if family == "bars":
        yield AmountCheck(subject)
        yield OutageCheck(subject)
    if family in ("bars", "trades", "quotes", "books", "liquidations"):
        yield StepCheck(subject)
    if family == "funding":
        yield FundingCheck(subject)
    if family in ("quotes", "books"):
        yield TopCheck(subject)
    if family in ("trades", "liquidations"):
        yield PrintCheck(subject)
    if subject.kind.events:
        yield ClockCheck(subject)


def _files(store: Store, series: Series) -> list[Finding]:
    """Files that are not as they were written: nothing else is looked at then."""
    summary = store.summary(series)
    span = (summary.first or 0, (summary.last or 0) + 1)
    return [Finding("files", "error", *span, 1, sentence) for sentence in store.verify(series)]


def _rank(finding: Finding) -> tuple[int, int]:
    return SEVERITIES.index(finding.severity), finding.start


def wanted(store: Store, named: str | None) -> Sequence[Series]:
    """Series of the store that ``VENUE``, ``VENUE:SYMBOL`` or ``VENUE:SYMBOL:KIND`` names; all for None."""
    parts = named.split(":") if named else []
    return [one for one in store.series() if str(one).split(":")[: len(parts)] == parts]
