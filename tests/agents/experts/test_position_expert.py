"""The expert with hysteresis, stop, time stop and cool-down, against a slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import roll_out
from halfspread.engine.run import run_backtest
from halfspread.errors import ConfigError
from tests.agents.imitation.lessons import COSTS, FEATURES, OPTIONS, market

SEEN = FeatureSet(("column(signal)", "position", "open_pnl(price)", "open_pnl(fraction)", "age", "cool_down(10)"))


def slow(row: Any, stop: float = 2.0, fraction: bool = False) -> float:
    """The rule, from what the features say."""
    signal, position, earned, share, age, cool = row
    if position == 0.0:
        return 0.0 if cool > 0.0 or abs(signal) <= 1.0 else float(np.sign(signal))
    if (share if fraction else earned) < -stop or age >= 40.0 or position * signal < -0.2:
        return 0.0
    return float(np.sign(position))


@pytest.mark.parametrize("fill", ["this_close", "next_open"])
@pytest.mark.parametrize("seed", range(3))
def test_it_does_what_its_features_say(seed: int, fill: str) -> None:
    found = roll_out(market(seed, 3_000), PositionExpert(), SEEN, COSTS, fill=fill, **OPTIONS)
    assert found.expert.tolist() == [slow(row) for row in found.observations]
    assert len(np.unique(found.expert)) == 3
    assert (found.observations[:, 5] > 0.0).any()  # it rested


def test_a_stop_may_be_a_fraction_of_the_price() -> None:
    expert = PositionExpert(stop=2e-4, stop_unit="fraction")
    found = roll_out(market(1, 3_000), expert, SEEN, COSTS, **OPTIONS)
    assert found.expert.tolist() == [slow(row, 2e-4, True) for row in found.observations]
    price = roll_out(market(1, 3_000), PositionExpert(stop=2.0), SEEN, COSTS, **OPTIONS)
    never = roll_out(market(1, 3_000), PositionExpert(stop=1e9), SEEN, COSTS, **OPTIONS)
    assert (found.expert != never.expert).any()
    assert (price.expert != never.expert).any()


def test_its_signal_may_be_any_feature_of_the_market() -> None:
    expert = PositionExpert(signal="momentum(24)", enter=0.5)
    assert expert.lookback == 24
    shown = FeatureSet(("momentum(24)", *SEEN.names[1:]))
    found = roll_out(market(1, 2_000), expert, shown, COSTS, **OPTIONS)
    entered = (found.observations[:, 1] == 0.0) & (found.expert != 0.0)
    assert entered.any()
    assert (np.abs(found.observations[entered, 0]) > 0.5).all()
    assert np.array_equal(np.sign(found.observations[entered, 0]), found.expert[entered])
    alone = run_backtest(market(1, 2_000), expert, COSTS, **OPTIONS)
    assert alone.pnl == found.result.pnl


def test_signals_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected a feature of the market, got position"):
        PositionExpert(signal="position")
    with pytest.raises(ConfigError, match="did you mean momentum"):
        PositionExpert(signal="momentun(3)")
    with pytest.raises(ConfigError, match="no column 'flow' in the data"):
        run_backtest(market(1), PositionExpert(signal="column(flow)"), COSTS, **OPTIONS)
    with pytest.raises(ConfigError, match="stop_unit"):
        PositionExpert(**{"stop_unit": "ticks"})  # type: ignore[arg-type]


def test_a_privileged_expert_sees_what_the_learner_is_not_shown() -> None:
    blind = FeatureSet(("log_return(1)", "position"))
    with_signal = roll_out(market(1), PositionExpert(), FEATURES, COSTS, **OPTIONS)
    without = roll_out(market(1), PositionExpert(), blind, COSTS, **OPTIONS)
    assert np.array_equal(with_signal.expert[1:], without.expert)
    assert without.observations.shape[1] == 2
