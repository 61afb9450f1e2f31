"""Time of receipt against exchange time: clocks that run ahead, lag that grows, exchange times that fall.

Looks for: rows received before they happened (a warning: one of the two clocks is wrong, and an agent would see the
future; the engine shifts such clocks and says so); a lag whose median over the last tenth of the rows is `GROWN` and
`GROWN_TIMES` above that of the first tenth (a warning: the recorder fell behind); a row later than `SLOW` (a note);
exchange times that fall from row to row (a note: the feed reorders). Medians are of up to `SAMPLES` rows, evenly
spread. Lags that are constant, or random about a constant, raise no alarm.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.gaps import length_text
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import SECOND, Integers

__all__ = ["ClockCheck"]

GROWN, GROWN_TIMES = SECOND, 3.0
SLOW = 5 * SECOND
SAMPLES = 20_000


class ClockCheck:
    """Receive minus exchange time of events that were received."""

    name = "clocks"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._ahead, self._slow, self._falls = Places(), Places(), Places(most=5)
        self._samples: list[Integers] = []
        self._times: list[Integers] = []
        self._every = 1
        self._most = 0
        self._rows = 0
        self._last = 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        exchange = block.get("exch_ts")
        if exchange is None:
            return
        known = np.isfinite(exchange) if exchange.dtype == np.float64 else exchange > 0
        ts, exch = block.ts[known], exchange[known].astype(np.int64)
        if not len(ts):
            return
        lag = ts - exch
        ahead = lag < 0
        self._most = max(self._most, -int(lag.min()))
        self._ahead.add(
            ts[ahead], lambda i: f"{length_text(-int(lag[ahead][i]))} before the exchange's time", 1,
            -lag[ahead].astype(np.float64),
        )  # fmt: skip
        slow = lag > SLOW
        self._slow.add(ts[slow], lambda i: f"{length_text(int(lag[slow][i]))} late", 1, lag[slow].astype(np.float64))
        falls = np.diff(np.r_[np.int64(self._last), exch]) < 0
        self._falls.add(ts[falls], lambda i: "its exchange time is before that of the row before")
        self._last = int(exch[-1])
        self._sample(ts, lag)

    def _sample(self, ts: Integers, lag: Integers) -> None:
        """Keep every n-th row; n doubles when there are too many, so that what is kept is spread evenly."""
        first = -self._rows % self._every
        self._rows += len(ts)
        self._samples.append(lag[first :: self._every])
        self._times.append(ts[first :: self._every])
        while sum(map(len, self._samples)) > SAMPLES:
            together, times = np.concatenate(self._samples), np.concatenate(self._times)
            self._every *= 2
            self._samples, self._times = [together[::2]], [times[::2]]

    @property
    def lags(self) -> tuple[Integers, Integers]:
        """Times and lags (ns) of rows spread evenly."""
        empty = np.array([], np.int64)
        return np.concatenate([empty, *self._times]), np.concatenate([empty, *self._samples])

    def findings(self) -> list[Finding]:
        """What was found."""
        if not self._rows:
            return []
        times, lags = self.lags
        tenth = max(len(lags) // 10, 1)
        first, last = float(np.median(lags[:tenth])), float(np.median(lags[-tenth:]))
        share = self._ahead.count / self._rows
        found = [
            *self._ahead.finding(
                "clocks",
                "warning",
                f"{many(self._ahead.count, 'row')} ({share:.1%}) received before they happened, by up to "
                f"{length_text(self._most)}: a clock is wrong",
            )
        ]
        if len(lags) >= 100 and last - first > GROWN and last > GROWN_TIMES * max(first, 0.0):
            words = (
                f"the lag grows from {length_text(int(first))} to {length_text(int(last))}: the recorder fell behind"
            )
            found.append(Finding("clocks", "warning", int(times[0]), int(times[-1]) + 1, 1, words))
        found += self._slow.finding(
            "clocks", "note", f"{many(self._slow.count, 'row')} that came late; the latest {self._slow.worst}"
        )
        words = f"{many(self._falls.count, 'row')} with an exchange time before that of the row above"
        return found + self._falls.finding("clocks", "note", words)
