"""Last against mark price: how far apart they are, and whether their stamps agree.

Closes of the same moment are compared, whatever the two intervals. The basis is log(last / mark). Looks for: a median
|basis| above `APART` (an error: not the same contract, or another unit); closes more than `FAR` apart (a warning: the
last or the mark price stood still, or a print is wrong; in the crash of March 2020 they truly were); and stamps:
where the closes of one series fit those of the other one bar earlier or later, with a mean |change of basis| below
`SHIFTED` of that as they stand, one of the two is stamped at its end (an error). On generated markets there is no
alarm in 20 seeds.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Subject
from halfspread.engine.times import Floats, Integers, interval_text

__all__ = ["MarkComparison"]

APART = 0.01
FAR = 0.02
SHIFTED = 0.5
#: Pairs of closes without which nothing is said of stamps.
ENOUGH = 100


class MarkComparison:
    """Compare closes of bars with closes of the mark price, at the same moments."""

    name = "basis"

    def __init__(self, subject: Subject, mark: Subject) -> None:
        self.subject = subject
        self.mark = mark
        self._far = Places()
        self._sizes: list[Floats] = []
        self._changes: dict[int, list[Floats]] = {-1: [], 0: [], 1: []}
        self._pairs = 0
        self._start = self._end = 0

    def add(self, ts: Integers, last: Floats, mark: Floats) -> None:
        """Take closes of the same moments, ``ts`` (ns UTC, when both close), in order."""
        if not len(ts):
            return
        good = (last > 0.0) & (mark > 0.0)
        ts, last, mark = ts[good], np.log(last[good]), np.log(mark[good])
        if not len(ts):
            return
        basis = last - mark
        far = np.abs(basis) > FAR
        self._far.add(
            ts[far], lambda i: f"last {np.exp(last[far][i]):.10g}, mark {np.exp(mark[far][i]):.10g} "
            f"({np.expm1(basis[far][i]):+.2%})", 1, np.abs(basis[far])
        )  # fmt: skip
        self._sizes.append(np.abs(basis).astype(np.float32).astype(np.float64)[:: max(len(ts) // 2000, 1)])
        moved, marked = np.diff(last), np.diff(mark)
        for lag in (-1, 0, 1):
            n = len(moved)
            a = moved[max(lag, 0) : n + min(lag, 0)]
            b = marked[max(-lag, 0) : n - max(lag, 0)]
            self._changes[lag].append(np.array([np.abs(a - b).sum(), len(a)]))
        self._pairs += len(ts)
        self._start = self._start or int(ts[0])
        self._end = int(ts[-1])

    def _mean(self, lag: int) -> float:
        sums = np.sum(self._changes[lag], axis=0)
        return float(sums[0] / max(sums[1], 1.0))

    def findings(self) -> list[Finding]:
        """What was found."""
        if not self._pairs:
            return []
        median = float(np.median(np.concatenate(self._sizes)))
        whole = (self._start, self._end + 1, self._pairs)
        other = self.mark.series.kind
        if median > APART:
            words = f"half of the closes are more than {median:.2%} from {other}: another contract, or another unit?"
            return [Finding("basis", "error", *whole, words)]
        found: list[Finding] = []
        if self._pairs >= ENOUGH:
            best = min((-1, 1), key=self._mean)
            if self._mean(best) < SHIFTED * self._mean(0):
                bar = interval_text(max(self.subject.interval, self.mark.interval))
                words = (
                    f"closes fit those of {other} {bar} {'earlier' if best > 0 else 'later'} much better than those of "
                    "the same time: one of the two series is stamped at the end of its bars"
                )
                found.append(Finding("stamps", "error", *whole, words))
        words = f"{many(self._far.count, 'close')} more than {FAR:.0%} from {other}; the farthest {self._far.worst}"
        return found + self._far.finding("basis", "warning", words)
