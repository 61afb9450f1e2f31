"""What an agent has learnt from, and that it is not run on it: a policy that is judged on its own lessons looks clever.

Two stretches of market are the same where the instrument is and their times overlap; made-up markets, whose times mean
nothing, where their rows are. Rows are compared by marks: hashes of a few of them, with their times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.feed import Feed
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import Integers, time_text
from halfspread.errors import ConfigError, DataError

__all__ = [
    "TrainingRange",
    "learnt_later",
    "pause_before",
    "ranges_text",
    "refuse_what_was_seen",
    "rows_before_decisions",
    "training_range",
]

#: Rows of a training range that are marked, evenly spread.
MARKS = 64


@dataclass(frozen=True)
class TrainingRange:
    """What was seen of one instrument (venue:symbol): ``start`` to ``end`` (ns UTC, the end not included), the hash of
    its ``data``, whether they are ``synthetic``, and ``marks``: times and hashes of some rows. Raises DataError for
    what is none."""

    instrument: str
    start: int
    end: int
    data: str
    synthetic: bool = False
    marks: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        for what, kind in (("instrument", str), ("data", str), ("synthetic", bool)):
            if not isinstance(getattr(self, what), kind):
                raise DataError(f"training range: {what}: expected {kind.__name__}, got {getattr(self, what)!r:.80}")
        for what in ("start", "end"):
            object.__setattr__(self, what, _nanoseconds(getattr(self, what), f"{self.instrument:.80}: {what}"))
        if self.start > self.end:
            raise DataError(f"training range of {self.instrument}: it begins at {self.start} and ends at {self.end}")
        try:
            marks = tuple((_nanoseconds(time, "time of a mark"), str(found)) for time, found in self.marks)
        except (TypeError, ValueError, DataError) as error:
            raise DataError(f"training range of {self.instrument}: marks: {error}") from None
        object.__setattr__(self, "marks", marks)

    def __str__(self) -> str:
        return f"{self.instrument} from {time_text(self.start)} to {time_text(self.end)}"


def _nanoseconds(value: Any, what: str) -> int:
    """A whole number that int64 holds. Raises DataError."""
    if (
        isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not -(2**63) < value < 2**63
    ):  # -(2**63) is no time
        raise DataError(f"training range of {what}: expected nanoseconds since 1970 UTC, got {value!r:.80}")
    return int(value)


def training_range(tape: Tape) -> tuple[TrainingRange, ...]:
    """What somebody has seen who was shown all of this tape: a range of each instrument. Reads it once."""
    return tuple(map(_range_of, tape.feeds))


def _range_of(feed: Feed) -> TrainingRange:
    digest = hashlib.blake2b(digest_size=16)
    feed.add_to_hash(digest)
    marks = tuple(_marks(feed, _spread_times(feed)))
    return TrainingRange(feed.instrument.name, feed.start_ns, feed.end_ns, digest.hexdigest(), feed.synthetic, marks)


def _spread_times(feed: Feed) -> Integers:
    """Times of at most `MARKS` rows of the market, evenly spread over them."""
    wanted = np.linspace(0, len(feed.table(feed.market)) - 1, MARKS).astype(np.int64)
    found, row = [], 0
    for block in feed.blocks(feed.market):
        here = wanted[(wanted >= row) & (wanted < row + len(block.times))]
        found.append(block.times[here - row])
        row += len(block.times)
    return np.unique(np.concatenate(found))


def _marks(feed: Feed, times: Integers) -> Iterator[tuple[int, str]]:
    """Those of ``times`` (ascending) that the market has, each with the hash of its first row. Reads a streamed market
    block by block, no further than it is asked to."""
    last: int | None = None
    for block in feed.blocks(feed.market):
        if not len(block.times):
            continue
        for time in times[(times >= block.times[0]) & (times <= block.times[-1])].tolist():
            row = int(np.searchsorted(block.times, time))
            if block.times[row] == time and time != last:
                yield time, hashlib.blake2b(np.ascontiguousarray(block.rows[row]).tobytes(), digest_size=6).hexdigest()
        last = int(block.times[-1])


def refuse_what_was_seen(tape: Tape, agent: Any, lookback: int = 0, history: str | None = None) -> None:
    """Raise ConfigError where an agent has learnt (``trained``, ranges of `TrainingRange`) from what it decides on, or
    goes on in mid-stream from a time (``goes_on_from``, ns) that comes after.

    The first ``lookback`` rows of its ``history`` (a table, such as bars) are not decided on, only looked back on: they
    may be of its lessons, as those of an agent that goes on where it has stopped are."""
    starts = _decided_from(tape, history, lookback)
    for seen in getattr(agent, "trained", ()):
        for feed, start in zip(tape.feeds, starts, strict=True):
            if _is_seen(seen, feed, start):
                here = f"{feed.instrument.name} from {time_text(start)} to {time_text(feed.end_ns)}"
                raise ConfigError(
                    f"{agent_name(agent)} was trained on {seen}, and the run is on {here}: what it earns on data that "
                    f"it has seen says nothing; run it from {time_text(seen.end)} on (start in a config, or "
                    "tape.slice), train it on earlier data, or pass in_sample=True to judge it on them nevertheless"
                )
    stopped, first = getattr(agent, "goes_on_from", None), _first_real(tape, starts)
    if stopped is not None and first is not None and first < stopped and _is_of(tape, agent.trained):
        raise ConfigError(
            f"{agent_name(agent)} goes on from what it had become by {time_text(stopped)}, and decides from "
            f"{time_text(first)} on, which is before: run it from {time_text(stopped)} on (start in a config, or "
            'tape.slice), or begin anew with what it has learnt: resume = "weights"'
        )


def learnt_later(tape: Tape, agent: Any, lookback: int = 0, history: str | None = None) -> list[str]:
    """Warnings of an agent that has learnt, whether from this instrument or another, from times that had not come yet
    when the run begins to decide (arguments as of `refuse_what_was_seen`). Made-up markets have no such times."""
    trained = [seen for seen in getattr(agent, "trained", ()) if not seen.synthetic]
    start = _first_real(tape, _decided_from(tape, history, lookback)) if trained else None
    return [
        f"{agent_name(agent)} was trained on {seen}, and decides from {time_text(start)} on: it has learnt from times "
        "that had not come yet, so nobody could have traded like that"
        for seen in trained
        if start is not None and seen.end > start
    ]


def pause_before(tape: Tape, agent: Any, lookback: int = 0, history: str | None = None) -> int | None:
    """Nanoseconds from where an agent goes on in mid-stream (``goes_on_from``) to the first row that it decides on (not
    above 0: that comes before); None where no row was missed between, and for an agent that does not go on. A gap of
    the market is no pause."""
    stopped = getattr(agent, "goes_on_from", None)
    if stopped is None:
        return None
    start = min(_decided_from(tape, history, lookback))
    missed = start < stopped or any(_has_rows(feed, history, stopped, start) for feed in tape.feeds)
    return start - int(stopped) if missed else None


def _has_rows(feed: Feed, history: str | None, first: int, end: int) -> bool:
    """Whether a table has rows from one time to before another."""
    if history is None or feed.table(history) is None:
        return False
    for block in feed.blocks(history):
        if len(block.times) and block.times[-1] >= first:
            return bool(block.times[np.searchsorted(block.times, first)] < end)
    return False


def rows_before_decisions(agent: Any) -> int:
    """The lookback of an agent that tells it before it is reset, else 0."""
    try:
        lookback = agent.lookback
    except Exception:
        return 0  # it is asked again after its reset, and told what is wrong
    return int(lookback) if isinstance(lookback, (int, np.integer)) and lookback > 0 else 0


def _decided_from(tape: Tape, history: str | None, lookback: int) -> list[int]:
    """When the first row of each feed begins that an agent decides on, which is only once all of them have as many rows
    as it looks back on; later than any decision where there is none."""
    if lookback == 0 or history is None:
        return [feed.start_ns for feed in tape.feeds]
    begun = [_row_start(feed, history, lookback) for feed in tape.feeds if feed.table(history) is not None]
    return [max(feed.start_ns, *begun) for feed in tape.feeds]


def _row_start(feed: Feed, history: str, number: int) -> int:
    """When a row of a table begins; the end of the feed where it has no more than so many."""
    row = 0
    for block in feed.blocks(history):
        if row + len(block.times) > number:
            return int(block.times[number - row])
        row += len(block.times)
    return feed.end_ns


def _is_of(tape: Tape, trained: Sequence[TrainingRange]) -> bool:
    """Whether an agent has seen these instruments, and nothing that was made up."""
    seen = {each.instrument for each in trained}
    return all(feed.instrument.name in seen for feed in tape.feeds) and not any(each.synthetic for each in trained)


def _first_real(tape: Tape, starts: Sequence[int]) -> int | None:
    """The first of ``starts`` among feeds that were not made up; None where all were."""
    return min((start for feed, start in zip(tape.feeds, starts, strict=True) if not feed.synthetic), default=None)


def _is_seen(seen: TrainingRange, feed: Feed, start: int) -> bool:
    if not (seen.start < feed.end_ns and start < seen.end):
        return False
    if seen.synthetic or feed.synthetic or seen.instrument != feed.instrument.name:
        return _has_rows_of(seen, feed, start)
    return True


def _has_rows_of(seen: TrainingRange, feed: Feed, start: int) -> bool:
    """Whether the marked rows are in the feed from ``start`` on, all of those whose time is. One that differs settles
    it, so that of a streamed market no more is read than up to there."""
    marks = {time: mark for time, mark in seen.marks if time >= start}
    shared = 0
    for time, mark in _marks(feed, np.array(sorted(marks), np.int64)):
        if marks[time] != mark:
            return False
        shared += 1
    return shared > 0


def ranges_text(seen: Iterable[TrainingRange]) -> str:
    """What was seen, in words."""
    return "; ".join(map(str, seen)) or "nothing that is known"
