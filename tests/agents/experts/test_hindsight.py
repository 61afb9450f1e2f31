"""What is best from any position: against the best path, and against every continuation run through the engine."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.experts.hindsight import Hindsight
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import LEARNER, roll_out
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies import Strategy
from tests.agents.imitation.lessons import contrarian, market
from tests.engine.worlds import Scripted, tape

CHARGED = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=1e-2, maker=0.0), funding=Funding.none())
SIZINGS: dict[str, Sizing] = {"contracts": FixedContracts(7.0), "always": FixedNotional(1_000.0, resize="always")}
LEVELS = (-1.0, 0.0, 1.0)


def pnl(made: Tape, agent: Any, sizing: Sizing, fill: str, **more: Any) -> float:
    return run_backtest(made, agent, CHARGED, sizing=sizing, fill=fill, margin=Margin.none(), **more).pnl


def walk(seed: int, bars: int) -> Tape:
    steps = np.random.default_rng(seed).normal(scale=3.0, size=bars)
    return tape(list(np.round(2.0 * (100.0 + np.cumsum(steps))) / 2.0))


class Begins(Strategy):
    """Does what a script says, then asks an expert."""

    script: tuple[float, ...]
    expert: Any

    def reset(self, rng: Any, instruments: Any) -> None:
        self.calls = 0

    def on_bar(self, market: Any) -> float:
        self.calls += 1
        if self.calls <= len(self.script):
            return self.script[self.calls - 1]
        return float(self.expert.on_bar(market))


@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
@pytest.mark.parametrize("sizing", SIZINGS)
def test_alone_it_earns_what_the_best_path_earns(sizing: str, fill: str) -> None:
    for seed in range(4):
        made, terms = walk(seed, 60), SIZINGS[sizing]
        best = Clairvoyant.of(made, CHARGED, sizing=terms, fill=fill)
        expert = Hindsight().foresee(made, CHARGED, sizing=terms, fill=fill)
        for mode in ("compiled", "python"):
            assert pnl(made, expert, terms, fill, mode=mode) == pytest.approx(best.value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("fill", ["next_open", "this_close"])
@pytest.mark.parametrize("sizing", SIZINGS)
def test_from_any_position_nothing_that_is_enumerated_beats_it(sizing: str, fill: str) -> None:
    made, terms = walk(5, 6), SIZINGS[sizing]
    expert = Hindsight().foresee(made, CHARGED, sizing=terms, fill=fill)
    left = 4 if fill == "this_close" else 3
    for start in itertools.product(LEVELS, repeat=2):
        found = pnl(made, Begins(script=start, expert=expert), terms, fill)
        best = max(
            pnl(made, Scripted(script=(*start, *rest)), terms, fill) for rest in itertools.product(LEVELS, repeat=left)
        )
        assert found == pytest.approx(best, rel=1e-9, abs=1e-9), start


def test_it_labels_the_states_of_a_learner() -> None:
    features = FeatureSet(("column(signal)", "position"))
    more: dict[str, Any] = {"sizing": FixedContracts(1), "margin": Margin.none(), "capital": 1e6}
    made = market(2, 500)
    found = roll_out(made, Hindsight(), features, CHARGED, learner=contrarian(features), beta=0.5, **more)
    assert (found.actors == LEARNER).any()
    assert (found.expert != found.executed).any()
    again = roll_out(
        made, Hindsight(), features, CHARGED, learner=contrarian(features), beta=0.5, mode="python", **more
    )
    assert np.array_equal(found.expert, again.expert)
    alone = roll_out(made, Hindsight(), features, CHARGED, **more)
    assert (alone.expert != found.expert).any()  # it depends on the position


def test_terms_and_tapes_that_it_cannot_take_are_refused() -> None:
    made = walk(1, 30)
    with pytest.raises(ConfigError, match="Hindsight knows no tape"):
        run_backtest(made, Hindsight(), CHARGED, sizing=FixedContracts(1))
    with pytest.raises(ConfigError, match="what a position is depends on when it was entered"):
        Hindsight().foresee(made, CHARGED, sizing=FixedNotional(1_000))
    with pytest.raises(ConfigError, match="levels"):
        Hindsight(levels=(0.5, 1.0))
    expert = Hindsight().foresee(made, CHARGED, sizing=FixedContracts(1))
    other = tape([100.0, 101.0], interval=1_800_000_000_000)
    with pytest.raises(StrategyError, match="returned 2"):
        run_backtest(other, expert, CHARGED, sizing=FixedContracts(1))
