"""Experts whose decisions stand before a run begins: recorded ones, and ones made with the market's future in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from halfspread.agents.experts.plan_kernels import follow_plan
from halfspread.costs.base import Floats, Integers
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError, DataError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import NotNegative

if TYPE_CHECKING:
    from halfspread.costs.model import Costs
    from halfspread.engine.market import Market
    from halfspread.engine.tape import Tape

__all__ = ["Foresight", "Plan", "RecordedExpert", "closes_of"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Targets by time: each of ``targets`` (n,) from its time on (int64 ns, ascending); NaN leaves the target as it is.
    Raises DataError for what is none."""

    times: Integers
    targets: Floats

    def __post_init__(self) -> None:
        if self.times.shape != self.targets.shape or self.times.ndim != 1 or not (np.diff(self.times) > 0).all():
            raise DataError("plan: expected a target for each of ascending times")
        wrong = np.flatnonzero(np.abs(self.targets) > 1.0)
        if len(wrong):
            raise DataError(f"plan: target {wrong[0]}: expected a number from -1 to 1, got {self.targets[wrong[0]]}")


class _Planned(CompiledStrategy):
    """What both share: following a plan."""

    instrument: Annotated[int, Field(ge=0, description="which of the tape it trades, by its place")] = 0
    function = follow_plan
    _plan: ClassVar[Plan | None] = None

    @property
    def plan(self) -> Plan:
        """Its decisions. Raises ConfigError where there are none yet."""
        if self._plan is None:
            raise ConfigError(f"{self.name} has no decisions yet: {self._how}")
        return self._plan

    _how: ClassVar[str] = ""

    def _with(self, plan: Plan) -> Self:
        made = type(self)(**self.parameters())
        made.__dict__["_plan"] = plan
        return made

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Refuse to run without a plan, or on another market. Raises ConfigError."""
        self.plan  # noqa: B018
        if self.instrument >= len(instruments):
            raise ConfigError(
                f"{self.name}: instrument: there are {len(instruments)} on the tape, got {self.instrument}"
            )

    def memory(self) -> Floats:
        """See ``agents.experts.plan_kernels``."""
        plan = self.plan
        head = [-1.0, float(len(plan.times)), float(self.instrument)]
        return np.concatenate([head, plan.times.view(np.float64), plan.targets])

    def on_bar(self, market: Market) -> Mapping[str, float] | None:
        """The twin in Python."""
        plan = self.plan
        at = int(np.searchsorted(plan.times, market.time, side="right")) - 1
        if at < 0 or np.isnan(plan.targets[at]):
            return None
        return {market[self.instrument].instrument.name: float(plan.targets[at])}


class RecordedExpert(_Planned):
    """Does again what somebody has done: `of` recorded times and targets.

    It knows what it did, not what it would have done elsewhere: ``own_path_only`` keeps it from labelling the states
    of a learner.
    """

    own_path_only: ClassVar[bool] = True
    _how: ClassVar[str] = "make it with RecordedExpert.of(times, targets)"

    @classmethod
    def of(cls, times: Integers, targets: Floats, instrument: int = 0) -> RecordedExpert:
        """The expert that sets each target at its time. Raises DataError."""
        return cls(instrument=instrument)._with(Plan(np.asarray(times, np.int64), np.asarray(targets, np.float64)))


class Foresight(_Planned):
    """Sees the closes of the next ``ahead`` bars: wants the side of the move to the last of them where that is above
    ``band`` (fraction of the price), and keeps what it has where it is not.

    A privileged expert: a learner that is shown the past alone has to guess what it knows. ``looks_ahead`` marks it, so
    that it is a bound, and no audit passes it. It answers in every state, so DAgger may ask it.
    """

    ahead: Annotated[int, Field(ge=1, description="bars")] = 12
    band: Annotated[NotNegative, Field(description="of the price")] = 0.0
    looks_ahead: ClassVar[bool] = True
    _how: ClassVar[str] = "show it the market with expert.foresee(tape, costs, sizing=...)"

    def foresee(self, tape: Tape, costs: Costs, **options: Any) -> Foresight:
        """The same with the decisions for a tape. Raises DataError for a tape that is not longer than it sees."""
        times, closes = closes_of(tape, self.instrument)
        if len(closes) <= self.ahead:
            raise DataError(f"Foresight: expected more than {self.ahead} bars, got {len(closes)}")
        moves = closes[self.ahead :] / closes[: -self.ahead] - 1.0
        wanted = np.where(np.abs(moves) > self.band, np.sign(moves), np.nan)
        return self._with(Plan(times, np.concatenate([wanted, np.full(self.ahead, np.nan)])))


def closes_of(tape: Tape, instrument: int = 0) -> tuple[Integers, Floats]:
    """When the bars of an instrument close (int64 ns UTC), and at what price. Raises DataError without bars."""
    feed = tape.feeds[instrument]
    if "bars" not in feed.kinds or feed.bars is None:
        raise DataError(f"{feed.source}: expected bars, got {', '.join(feed.kinds)}")
    blocks = list(feed.blocks("bars"))
    times = np.concatenate([block.times for block in blocks]) + feed.bars.interval
    return times, np.concatenate([block.rows[:, 3] for block in blocks])
