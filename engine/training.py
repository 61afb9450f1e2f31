"""What an agent has learnt from, and that it is not run on it: a policy that is judged on its own lessons looks clever.

Two stretches of market are the same where the instrument is and their times overlap; made-up markets, whose times mean
nothing, where their rows are. Rows are compared by marks: hashes of a few of them, with their times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.feed import Feed
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.times import Integers, time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["TrainingRange", "ranges_text", "refuse_what_was_seen", "rows_before_decisions", "training_range"]

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
    """Raise ConfigError where an agent has learnt (``trained``, ranges of `TrainingRange`) from what it decides on.

    The first ``lookback`` rows of its ``history`` (a table, such as bars) are not decided on, only looked back on: they
    may be of its lessons, as those of an agent that goes on where it has stopped are."""
    for seen in getattr(agent, "trained", ()):
        for feed in tape.feeds:
            start = _decided_from(feed, history, lookback)
            if _is_seen(seen, feed, start):
                here = f"{feed.instrument.name} from {time_text(start)} to {time_text(feed.end_ns)}"
                raise ConfigError(
                    f"{agent_name(agent)} was trained on {seen}, and the run is on {here}: what it earns on data that "
                    f"it has seen says nothing; run it from {time_text(seen.end)} on (start in a config, or "
                    "tape.slice), train it on earlier data, or pass in_sample=True to judge it on them nevertheless"
                )


def rows_before_decisions(agent: Any) -> int:
    """The lookback of an agent that tells it before it is reset, else 0."""
    try:
        lookback = agent.lookback
    except Exception:
        return 0  # it is asked again after its reset, and told what is wrong
    return int(lookback) if isinstance(lookback, (int, np.integer)) and lookback > 0 else 0


def _decided_from(feed: Feed, history: str | None, lookback: int) -> int:
    """When the first row begins that an agent decides on; the end of the feed where there is none."""
    if lookback == 0 or history is None or feed.table(history) is None:
        return feed.start_ns
    row = 0
    for block in feed.blocks(history):
        if row + len(block.times) > lookback:
            return int(block.times[lookback - row])
        row += len(block.times)
    return feed.end_ns


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
