"""A world to learn in: markets by number, an expert, what the learner looks at, and what is charged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.task import Task
from halfspread.agents.worlds.column_expert import DeadlineExpert, FollowingExpert, ThresholdExpert
from halfspread.agents.worlds.signal_market import DeadlineMarket, ExposureMarket, SignalMarket
from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["WORLDS", "LearningWorld", "world"]

CAPITAL = 1e6
COST = 0.1  # of each contract traded, quote currency
#: Apart, so that no market to learn on is one to be judged on.
_LEARN, _FRESH = 0, 1


@dataclass(frozen=True)
class LearningWorld:
    """``market`` draws the bars; ``expert`` acts in it; a learner looks at ``features`` and chooses among ``targets``.
    ``expect`` says what should come out. Decisions are filled at the close that they are made at; each contract traded
    costs `COST`, and nothing else is charged."""

    name: str
    text: str
    expect: str
    market: Any
    expert: Any
    features: FeatureSet
    targets: tuple[float, ...] = (-1.0, 0.0, 1.0)

    @property
    def costs(self) -> Costs:
        """What is charged."""
        return Costs(half_spread=HalfSpread.price(COST), fees=Fees.none(), funding=Funding.none())

    @property
    def options(self) -> Options:
        """How a run is done."""
        return {
            "sizing": FixedContracts(1),
            "fill": "this_close",
            "margin": Margin.none(),
            "capital": CAPITAL,
            "keep_curve": False,
        }

    def tape(self, *number: int) -> Tape:
        """The market of a number (or several); the same one again for the same number."""
        tape: Tape = self.market.tape(np.random.default_rng([*number]))
        return tape

    def task(self, seed: int) -> Task:
        """The task of imitating the expert here; the same markets for every learner of the same seed."""
        return Task(
            self.expert,
            self.features,
            self.costs,
            self.options,
            lambda number: self.tape(_LEARN, seed, number),
            lambda number: self.tape(_FRESH, seed, number),
            seed,
            name=self.name,
        )

    def with_market(self, **changes: Any) -> LearningWorld:
        """The same world with another market. Raises ConfigError for a setting that is none."""
        return replace(self, market=type(self.market)(**{**self.market.model_dump(), **changes}))


def _easy() -> LearningWorld:
    return LearningWorld(
        "easy",
        "holds the side of a signal where it is large; what it does depends on nothing that it did",
        "every learner is as good as the others: the learner's states are the expert's",
        SignalMarket(),
        ThresholdExpert(),
        FeatureSet(("column(signal)",)),
    )


def _position_feedback() -> LearningWorld:
    return LearningWorld(
        "position_feedback",
        "trades a signal with hysteresis, a stop, a time stop and a cool-down: what it does depends on what it did",
        "a clone's mistakes lead to states that the expert never shows; DAgger has seen them",
        SignalMarket(),
        PositionExpert(),
        FeatureSet(("column(signal)", "position", "open_pnl(price)", "age", "cool_down(10)")),
    )


def _privileged() -> LearningWorld:
    market = ExposureMarket()
    return LearningWorld(
        "privileged",
        "knows the exposure to follow, of which the learner sees blurred reports alone",
        "a clone copies its own position and adds what has moved: one slip stays; DAgger learns to look at the balance",
        market,
        FollowingExpert(),
        FeatureSet(("column(moved)", "column(balance)", "position")),
        market.levels,
    )


def _deadline() -> LearningWorld:
    expert = DeadlineExpert()
    return LearningWorld(
        "deadline",
        "sells one contract in slices by a deadline, sooner where the price is about to fall",
        "the same decision at another time is another one: a policy for each span of time can learn it",
        DeadlineMarket(),
        expert,
        FeatureSet(("column(signal)", "column(left)", "position")),
        tuple(-i / expert.slices for i in range(expert.slices + 1)),
    )


WORLDS: Mapping[str, Callable[[], LearningWorld]] = {
    "easy": _easy,
    "position_feedback": _position_feedback,
    "privileged": _privileged,
    "deadline": _deadline,
}


def world(name: str) -> LearningWorld:
    """A world by its name. Raises ConfigError."""
    if name not in WORLDS:
        raise ConfigError(f"there is no world {name!r}; there are {', '.join(WORLDS)}")
    return WORLDS[name]()
