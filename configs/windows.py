"""Windows of a walk-forward: where parameters are chosen, and the time after it where they are tried.

    |------------ train ------------|- purge -|- embargo -|--- test ---|

Times are integer nanoseconds UTC; a window holds the bars that open at or after its start and close by its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from halfspread.costs.durations import parse_duration
from halfspread.engine.times import interval_text, parse_interval, time_text
from halfspread.errors import ConfigError

__all__ = ["Schedule", "Window"]

#: More windows than this are a mistake in a unit.
MOST_WINDOWS = 10_000


@dataclass(frozen=True)
class Window:
    """Training from ``train_start`` to ``train_end``, and the test from ``test_start`` to ``test_end``."""

    train_start: int
    train_end: int
    test_start: int
    test_end: int

    def __str__(self) -> str:
        return (
            f"train {time_text(self.train_start)} to {time_text(self.train_end)}, "
            f"test {time_text(self.test_start)} to {time_text(self.test_end)}"
        )


@dataclass(frozen=True)
class Schedule:
    """How windows follow each other; lengths in nanoseconds.

    ``train``: length of a training window, ``purge`` included; of the first one where ``anchored``. ``test``: length of
    a test window, and the step from one to the next, so that tests lie end to end and each moment is tested once.
    ``anchored``: every training window begins where the first does, and grows. ``purge``: so much is left out at the
    end of the training window, because what was decided there is settled later. ``embargo``: so much is left out
    between the two, because what follows closely resembles it.
    """

    train: int
    test: int
    anchored: bool = False
    purge: int = 0
    embargo: int = 0

    @classmethod
    def of(
        cls,
        train: str | int | float,
        test: str | int | float,
        *,
        anchored: bool = False,
        purge: str | int | float = 0,
        embargo: str | int | float = 0,
    ) -> Schedule:
        """The same from lengths such as ``"365d"``, or numbers of seconds. Raises ConfigError."""
        lengths = {}
        for name, given in (("train", train), ("test", test)):
            try:
                lengths[name] = parse_interval(given)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
        for name, given in (("purge", purge), ("embargo", embargo)):
            try:
                lengths[name] = parse_duration(given)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
        if lengths["purge"] >= lengths["train"]:
            raise ConfigError(
                f"purge: {interval_text(lengths['purge'])} leave nothing of a training window of "
                f"{interval_text(lengths['train'])}"
            )
        return cls(anchored=anchored, **lengths)

    def windows(self, start: int, end: int) -> tuple[Window, ...]:
        """The windows from ``start`` to ``end`` (ns UTC); the last test ends at ``end``, and may be shorter.

        Raises ConfigError where there is no room for one, and for more than `MOST_WINDOWS`.
        """
        first = start + self.train + self.embargo
        if first >= end:
            raise ConfigError(
                f"walk-forward: a training window of {interval_text(self.train)}"
                + (f" and an embargo of {interval_text(self.embargo)} leave" if self.embargo else " leaves")
                + f" nothing to test of the market from {time_text(start)} to {time_text(end)}; train for less"
            )
        count = -(-(end - first) // self.test)
        if count > MOST_WINDOWS:
            raise ConfigError(f"walk-forward: {count:,} windows; expected at most {MOST_WINDOWS:,}: test for longer")
        found = []
        for test_start in range(first, end, self.test):
            trained = test_start - self.embargo
            train_start = start if self.anchored else trained - self.train
            found.append(Window(train_start, trained - self.purge, test_start, min(test_start + self.test, end)))
        return tuple(found)

    def describe(self) -> str:
        """One sentence for a table, without its full stop."""
        kind = "all before, at least" if self.anchored else "the last"
        text = f"trained on {kind} {interval_text(self.train)}, tested on the next {interval_text(self.test)}"
        for name in ("purge", "embargo"):
            length = getattr(self, name)
            text += f", {name} {interval_text(length)}" if length else ""
        return text
