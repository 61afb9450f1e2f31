"""How often the expert acts in each round of DAgger: schedules of beta, each a function of the round (from 0).

Round 0 is the expert's own: beta is 1 there, whatever the schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from halfspread.errors import ConfigError

__all__ = ["Schedule", "adaptive", "constant", "exponential", "indicator", "linear", "schedule_of"]

#: Gets the round (from 0) and the learner's disagreement in the round before (None in round 0); gives beta.
Schedule = Callable[[int, float | None], float]


@dataclass(frozen=True)
class indicator:  # noqa: N801 - called as a function is
    """The expert in round 0, the learner in all others (Ross, Gordon and Bagnell 2011)."""

    def __call__(self, round: int, disagreement: float | None) -> float:
        return 1.0 if round == 0 else 0.0


@dataclass(frozen=True)
class exponential:  # noqa: N801
    """``rate`` to the power of the round."""

    rate: float = 0.5

    def __call__(self, round: int, disagreement: float | None) -> float:
        return float(self.rate**round)


@dataclass(frozen=True)
class linear:  # noqa: N801
    """From 1 down to 0 after so many ``rounds``."""

    rounds: int

    def __call__(self, round: int, disagreement: float | None) -> float:
        return max(0.0, 1.0 - round / self.rounds)


@dataclass(frozen=True)
class constant:  # noqa: N801
    """The same in every round but the first."""

    beta: float

    def __call__(self, round: int, disagreement: float | None) -> float:
        return 1.0 if round == 0 else self.beta


@dataclass(frozen=True)
class adaptive:  # noqa: N801
    """As much of the expert as the learner needs: ``gain`` x the share of states at which it disagreed in the round
    before, at most 1."""

    gain: float = 10.0

    def __call__(self, round: int, disagreement: float | None) -> float:
        return 1.0 if disagreement is None else min(1.0, self.gain * disagreement)


def schedule_of(text: str, rounds: int) -> Schedule:
    """A schedule by its name in a config: ``indicator``, ``exponential(0.5)``, ``linear``, ``constant(0.3)``,
    ``adaptive(10)``. Raises ConfigError."""
    name, _, inner = text.strip().rstrip(")").partition("(")
    try:
        value = float(inner) if inner.strip() else None
        if name in ("indicator", "linear") and value is None:
            return indicator() if name == "indicator" else linear(rounds)
        if name == "exponential" and (value is None or 0.0 <= value <= 1.0):
            return exponential() if value is None else exponential(value)
        if name == "constant" and value is not None and 0.0 <= value <= 1.0:
            return constant(value)
        if name == "adaptive" and (value is None or value > 0.0):
            return adaptive() if value is None else adaptive(value)
    except ValueError:
        pass
    raise ConfigError(
        f"beta: expected indicator, exponential(0.5), linear, constant(0.3) or adaptive(10), got {text!r}"
    )
