"""The time of this machine, and how far a venue's clock is from it.

Wall times are int64 nanoseconds UTC; durations are seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from halfspread.engine.times import SECOND

__all__ = ["Clock", "MachineClock", "ManualClock", "Skew", "measure_skew"]


class Clock(Protocol):
    """What tells the time and lets time pass; handed in, so that tests need not wait."""

    def now(self) -> int:
        """Nanoseconds UTC."""

    def monotonic(self) -> float:
        """Seconds from some moment on; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or earlier after ``wake``."""

    def wake(self) -> None:
        """End the sleep of all who sleep."""


class MachineClock:
    """The clock of this machine."""

    def __init__(self) -> None:
        self._bell = threading.Condition()
        self._rung = 0

    def now(self) -> int:
        """Nanoseconds UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds from some moment on."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, unless somebody calls ``wake``."""
        if seconds > 0.0:
            with self._bell:
                before = self._rung
                self._bell.wait_for(lambda: self._rung != before, seconds)

    def wake(self) -> None:
        """End the sleep of all who sleep."""
        with self._bell:
            self._rung += 1
            self._bell.notify_all()


class ManualClock:
    """A clock for tests: it stands still until somebody sleeps, which moves it on at once. ``slept``: how long each
    sleep was, seconds. Safe to share between threads."""

    def __init__(self, now: int) -> None:
        self._start = now
        self._passed = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> int:
        """Nanoseconds UTC."""
        return self._start + int(self._passed * SECOND)

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        if seconds > 0.0:
            with self._lock:
                self.slept.append(seconds)
                self._passed += seconds

    def wake(self) -> None:
        """Nobody ever sleeps here."""


@dataclass(frozen=True)
class Skew:
    """A venue's clock less ours, ``offset`` ns, known to ``uncertainty`` ns either way."""

    offset: int
    uncertainty: int

    def now(self, clock: Clock) -> int:
        """The earliest that the venue's clock may show by now, ns UTC: what it has finished by then is finished."""
        return clock.now() + self.offset - self.uncertainty

    def warning(self, allowed: int = 2 * SECOND) -> str | None:
        """A sentence where the clocks surely differ by more than ``allowed`` ns."""
        if abs(self.offset) - self.uncertainty <= allowed:
            return None
        seconds, way = abs(self.offset) / SECOND, "behind" if self.offset > 0 else "ahead of"
        return (
            f"the clock of this machine is {seconds:,.1f} s {way} the venue's; the venue's decides which bars are "
            "finished, but times of receipt would be wrong: synchronise the clock"
        )


def measure_skew(ask: Callable[[], int], clock: Clock, *, times: int = 3) -> Skew:
    """The skew of a venue from its answers to ``ask`` (its time, ns UTC): the one that came back soonest counts."""
    found = []
    for _ in range(times):
        before = clock.now()
        venue = ask()
        after = clock.now()
        found.append(Skew(venue - (before + after) // 2, (max(after - before, 0) + 1) // 2))
    return min(found, key=lambda one: one.uncertainty)
