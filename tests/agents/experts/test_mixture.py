"""A mixture does what one of its two agents does, and says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.experts.mixture import Mixture
from halfspread.agents.experts.plan import Foresight
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import Episode, roll_out
from halfspread.agents.policies.policy import Policy
from halfspread.engine.agent import is_compiled
from halfspread.engine.audit import audit
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies import Bollinger, BuyAndHold, MarketMaker, SmaCross, Strategy
from tests.agents.imitation.lessons import COSTS, OPTIONS, market, model

SHOWN = FeatureSet(("column(signal)", "volatility(10)", "position"))
TREND, REVERT = SmaCross(fast=3, slow=11), Bollinger(window=11, width=1.0)


class PlainTrend(Strategy):
    """SmaCross in Python alone."""

    lookback: int = 10

    def reset(self, rng: Any, instruments: Any) -> None:
        self._twin = SmaCross(fast=3, slow=11)
        self._twin.reset(rng, instruments)

    def on_bar(self, market: Market) -> float | None:
        return self._twin.on_bar(market)


def recorded(expert: Any, **more: Any) -> Episode:
    return roll_out(market(4, 800), expert, SHOWN, COSTS, **{**OPTIONS, **more})


def test_in_a_run_one_of_the_two_acts_and_the_seed_says_which() -> None:
    alone = [recorded(each) for each in (TREND, REVERT)]
    second = 0
    for seed in range(20):
        found = recorded(Mixture(first=TREND, second=REVERT, share=0.3), seed=seed)
        which = int(not np.array_equal(found.expert, alone[0].expert))
        assert np.array_equal(found.expert, alone[which].expert)
        assert found.result.pnl == alone[which].result.pnl
        second += which
    assert 1 <= second <= 12
    assert np.array_equal(recorded(Mixture(first=TREND, second=REVERT, share=1.0)).expert, alone[1].expert)


@pytest.mark.parametrize("first", [TREND, PlainTrend()])
def test_in_a_regime_the_second_acts_above_the_level(first: Any) -> None:
    level = 6e-5
    mixed = Mixture(first=first, second=PositionExpert(), regime="volatility(10)", level=level)
    assert is_compiled(mixed) == (first is TREND)
    found = recorded(mixed)
    high = found.observations[:, 1] > level
    assert 0.1 < high.mean() < 0.9
    assert np.array_equal(found.expert[~high], recorded(TREND).expert[~high])  # it has seen everything meanwhile
    same = recorded(mixed, mode="python") if first is TREND else recorded(mixed)
    assert np.array_equal(same.expert, found.expert)
    assert same.result.pnl == found.result.pnl


def test_what_one_leaves_as_it_is_is_what_the_other_has_set() -> None:
    class Waits(Strategy):
        def on_bar(self, market: Market) -> None:
            return None

    found = recorded(Mixture(first=Waits(), second=TREND, regime="volatility(10)", level=6e-5))
    low = np.flatnonzero(found.observations[:, 1] <= 6e-5)
    low = low[low > 0]
    assert np.array_equal(found.expert[low], found.executed[low - 1])


def test_a_mixture_runs_alone_as_in_a_rollout() -> None:
    mixed = Mixture(first=TREND, second=REVERT, regime="volatility(10)", level=6e-5)
    for mode in ("compiled", "python"):
        assert run_backtest(market(4, 800), mixed, COSTS, mode=mode, **OPTIONS).pnl == recorded(mixed).result.pnl


def test_a_mixture_is_what_its_parts_are() -> None:
    seen = Foresight(ahead=3).foresee(market(4, 800), COSTS)
    assert Mixture(first=TREND, second=seen).looks_ahead
    assert not Mixture(first=TREND, second=REVERT).looks_ahead
    assert Mixture(first=TREND, second=SmaCross(fast=5, slow=300)).lookback == 299
    best = Clairvoyant.of(market(4, 800), COSTS, **OPTIONS)
    assert best.own_path_only
    recorded(Mixture(first=Policy.of(model()), second=seen, share=0.5))


def test_a_mixture_has_seen_what_either_has_seen_and_is_refused_there() -> None:
    one, two = (training_range(market(number)) for number in (4, 5))
    first, second = (Policy.of(replace(model(), trained=each)) for each in (one, two))
    assert Mixture(first=TREND, second=REVERT).trained == ()
    assert Mixture(first=first, second=TREND).trained == one
    assert Mixture(first=TREND, second=second).trained == two
    assert Mixture(first=first, second=second).trained == (*one, *two)
    for mixed in (Mixture(first=first, second=TREND), Mixture(first=TREND, second=first)):
        with pytest.raises(ConfigError, match="was trained on"):
            run_backtest(market(4), mixed, COSTS, **OPTIONS)


@pytest.mark.parametrize("first", [lambda: TREND, PlainTrend, lambda: PositionExpert(signal="momentum(9)")])
def test_experts_pass_the_audit(first: Any) -> None:
    def mixed() -> Mixture:
        return Mixture(first=first(), second=PositionExpert(), regime="volatility(10)", level=6e-5)

    for made in (first, mixed):
        assert audit(market(4, 200), made, COSTS, **OPTIONS).passed


def test_mixtures_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="second: expected an agent, got 3"):
        Mixture(first=TREND, second=3)
    with pytest.raises(ConfigError, match="first: expected an agent, got <class"):
        Mixture(first=SmaCross, second=TREND)
    with pytest.raises(ConfigError, match="decides at the closes of bars alone"):
        Mixture(first=TREND, second=MarketMaker())
    with pytest.raises(ConfigError, match="show it its tape first"):
        Mixture(first=TREND, second=Foresight(ahead=3))
    with pytest.raises(ConfigError, match="feature of the market, got position"):
        Mixture(first=TREND, second=BuyAndHold(), regime="position")
    with pytest.raises(ConfigError, match="share"):
        Mixture(first=TREND, second=BuyAndHold(), share=1.5)

    class Breaks(Strategy):
        def on_bar(self, market: Market) -> float:
            raise KeyError("gone")

    with pytest.raises(StrategyError, match="KeyError: 'gone'"):
        run_backtest(market(4, 50), Mixture(first=Breaks(), second=BuyAndHold()), COSTS, **OPTIONS)
