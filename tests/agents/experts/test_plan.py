"""Experts whose decisions stand before a run begins."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.agents.experts.plan import Foresight, Plan, RecordedExpert, closes_of
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.rollout import roll_out
from halfspread.configs.foresight import marked
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from tests.agents.imitation.lessons import COSTS, FEATURES, OPTIONS, OTHER, episode, market, model


def test_recorded_decisions_are_done_again_at_their_times() -> None:
    times, _ = closes_of(market(1, 50))
    targets = np.resize([0.5, np.nan, -1.0, 0.0], 50)
    expert = RecordedExpert.of(times, targets)
    found = roll_out(market(1, 50), expert, FEATURES, COSTS, **OPTIONS)
    expected = targets.copy()
    for i in range(50):
        if np.isnan(expected[i]):
            expected[i] = expected[i - 1] if i else 0.0
    assert found.expert.tolist() == expected.tolist()
    python = roll_out(market(1, 50), expert, FEATURES, COSTS, mode="python", **OPTIONS)
    assert np.array_equal(python.expert, found.expert)
    assert python.result.pnl == found.result.pnl


def test_a_decision_holds_until_the_next_and_none_before_the_first() -> None:
    times, _ = closes_of(market(1, 50))
    found = episode(1, 50, RecordedExpert.of(times[[10, 20]] - 1, np.array([1.0, -1.0])))
    assert found.expert.tolist() == [0.0] * 10 + [1.0] * 10 + [-1.0] * 30


def test_records_cannot_label_the_states_of_a_learner() -> None:
    times, _ = closes_of(market(1))
    expert = RecordedExpert.of(times, np.ones(len(times)))
    with pytest.raises(ConfigError, match="RecordedExpert knows what to do on its own path only"):
        episode(1, expert=expert, learner=model(), beta=0.9)
    assert (episode(1, expert=expert, learner=model(), beta=1.0).expert == 1.0).all()


def test_of_several_instruments_one_is_traded() -> None:
    tape = Tape.join(market(1), market(2, instrument=OTHER))
    times, _ = closes_of(tape, 1)
    expert = RecordedExpert.of(times, np.ones(len(times)), instrument=1)
    for mode in ("compiled", "python"):
        result = run_backtest(tape, expert, COSTS, mode=mode, **OPTIONS)
        assert set(result.fills["instrument"]) == {"OTHER"}


def test_foresight_wants_the_side_of_the_move_that_is_to_come() -> None:
    tape = market(3, 300)
    _, closes = closes_of(tape)
    found = roll_out(tape, Foresight(ahead=5), FEATURES, COSTS, **OPTIONS)
    assert np.array_equal(found.expert[:-5], np.sign(closes[5:] - closes[:-5]))
    assert (found.expert[-5:] == found.expert[-6]).all()  # it sees no further than the tape
    told = demonstrate(tape, Foresight(ahead=5), FEATURES, COSTS, **OPTIONS).facts["expert"]
    assert told["looks_ahead"] is True
    blind = roll_out(tape, Foresight(ahead=5), FEATURES, COSTS, learner=model(), beta=0.0, **OPTIONS)
    assert np.array_equal(blind.expert[:-5], found.expert[:-5])  # it answers in every state


def test_foresight_keeps_what_it_has_within_its_band() -> None:
    tape = market(3, 300)
    _, closes = closes_of(tape)
    moves = closes[5:] / closes[:-5] - 1.0
    found = roll_out(tape, Foresight(ahead=5, band=1e-4), FEATURES, COSTS, **OPTIONS)
    small = np.flatnonzero(np.abs(moves) <= 1e-4)
    small = small[small > 0]
    assert len(small)
    assert np.array_equal(found.expert[small], found.executed[small - 1])


def test_foresight_says_that_it_looks_ahead_and_needs_a_tape() -> None:
    assert marked(Foresight(ahead=3)).looks_ahead
    with pytest.raises(ConfigError, match=r"Foresight has no decisions yet: show it the market with expert\.foresee"):
        run_backtest(market(1), Foresight(ahead=3), COSTS, **OPTIONS)
    with pytest.raises(ConfigError, match=r"make it with RecordedExpert\.of"):
        run_backtest(market(1), RecordedExpert(), COSTS, **OPTIONS)
    with pytest.raises(DataError, match="expected more than 400 bars, got 400"):
        Foresight(ahead=400).foresee(market(1), COSTS)


def test_plans_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match="ascending times"):
        Plan(np.array([2, 1]), np.zeros(2))
    with pytest.raises(DataError, match="a target for each"):
        Plan(np.array([1, 2]), np.zeros(3))
    with pytest.raises(DataError, match=r"target 1: expected a number from -1 to 1, got 1\.5"):
        Plan(np.array([1, 2]), np.array([0.0, 1.5]))
    times, _ = closes_of(market(1))
    with pytest.raises(ConfigError, match="there are 1 on the tape, got 2"):
        run_backtest(market(1), RecordedExpert.of(times, np.ones(len(times)), 2), COSTS, **OPTIONS)
