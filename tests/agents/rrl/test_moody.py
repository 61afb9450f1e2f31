"""Recurrent reinforcement learning with the differential Sharpe ratio: formulas, derivatives, and worlds in which it is
known what is best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.rrl import moody_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.moody import Rrl
from halfspread.agents.rrl.moody_kernels import decide_once
from halfspread.agents.rrl.online_trader import Gate
from halfspread.engine.audit import audit
from halfspread.engine.sizing import FixedNotional
from halfspread.reports.metrics import metrics
from tests.agents.rrl.plain_moody import PlainMoody
from tests.agents.rrl.worlds import Floats, autoregressive, market, paying, prepared, run

TWO = ("log_return(1)", "log_return(2)")


def weights(memory: Floats) -> Floats:
    places: Any = memory[: at.HEADER].view(np.int64)
    return memory[places[mine.WEIGHTS] : places[mine.TRACE]]


def part(memory: Floats, begin: int, end: int) -> Floats:
    places: Any = memory[: at.HEADER].view(np.int64)
    return memory[places[begin] : places[end]]


def drawn(steps: int, seed: int = 0) -> tuple[Floats, Floats, Floats, Floats]:
    """Inputs, moves, costs and funding."""
    rng = np.random.default_rng(seed)
    carry = np.where(rng.random(steps) < 0.05, 1e-4 * rng.standard_normal(steps), 0.0)
    return rng.standard_normal((steps, 2)), 2e-3 * rng.standard_t(4, steps), rng.uniform(0, 1e-3, steps), carry


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"funding_on": "chosen", "clip": 0.7},
        {"weight_decay": 1.0, "learning_rate": 0.3, "decay": 0.99},
        {"first_rewards": 1, "least_deviation": 0.9, "longest_step": 0.001},
    ],
)
def test_every_decision_is_that_of_the_formulas(options: dict[str, Any]) -> None:
    agent = Rrl(features=TWO, **options)
    memory = prepared(agent, 5)
    first = weights(memory).copy()
    plain = PlainMoody(
        weights(memory), agent.learning_rate, agent.decay, agent.weight_decay, agent.first_rewards,
        agent.least_deviation, agent.longest_step, agent.clip, agent.funding_on == "chosen",
    )  # fmt: skip
    for inputs, *terms in zip(*drawn(3_000), strict=True):
        assert decide_once(memory, inputs, *terms) == pytest.approx(plain.step(inputs, *terms), abs=1e-10)
    np.testing.assert_allclose(weights(memory), plain.w, atol=1e-9)
    assert plain.count == 3_000
    assert not np.allclose(plain.w, first)


def test_the_gradient_is_that_of_finite_differences() -> None:
    """With weights that stand still, the recursion is the total derivative of the differential Sharpe ratio."""
    steps, seen = 60, drawn(60, 3)
    agent = Rrl(features=TWO, learning_rate=0.0, weight_decay=0.0, first_rewards=1, initial_deviation=0.5, clip=1.0)
    memory = prepared(agent, 2)
    first = weights(memory).copy()
    for inputs, *terms in zip(*seen, strict=True):
        numbers = part(memory, at.NUMBERS, mine.WEIGHTS).copy()
        decide_once(memory, inputs, *terms)
    found = part(memory, mine.GRADIENT, mine.END)
    a, b = numbers[at.MEAN], numbers[mine.SQUARE]

    def ratio(w: Floats) -> float:
        plain = PlainMoody(w, rate=0.0, fade=0.0, clip=1.0)
        for inputs, *terms in zip(*(each[:-1] for each in seen), strict=True):
            before = plain.step(inputs, *terms)
        inputs, move, cost, carry = (each[steps - 1] for each in seen)
        f = plain.step(inputs, move, cost, carry)
        r = move * before - cost * abs(f - before) - carry * before
        return float((b * (r - a) - 0.5 * a * (r * r - b)) / (b - a * a) ** 1.5)

    for i in range(len(first)):
        step = np.eye(len(first))[i] * 1e-6
        expected = (ratio(first + step) - ratio(first - step)) / 2e-6
        assert found[i] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert np.abs(found).max() > 1e-3


def test_it_learns_to_follow_returns_that_carry_on_and_trades_less_as_costs_rise() -> None:
    tape = market(autoregressive(20_000))
    made: dict[float, Any] = {}
    for fee in (0.0, 5e-4, 2e-3):
        made[fee] = metrics(run(tape, Rrl(features=("momentum(2)",)), paying(fee)))
    turnovers = [made[fee]["turnover"] for fee in made]
    assert made[0.0]["total_return"] > 7.0
    assert made[5e-4]["total_return"] > 1.0
    assert turnovers[1] < 0.9 * turnovers[0]
    assert turnovers[2] < 0.2 * turnovers[0]


def test_units_make_no_difference() -> None:
    """The differential Sharpe ratio has no unit."""
    returns = autoregressive(3_000)
    one, two = (
        run(market(returns), Rrl(features=("momentum(4)",), units=unit), paying(1e-4)) for unit in ("bp", "relative")
    )
    assert one.total_return == pytest.approx(two.total_return, rel=1e-6)


def test_nothing_is_learnt_while_the_price_stands_still() -> None:
    agent = Rrl(features=TWO, first_rewards=1)
    memory = prepared(agent)
    first = weights(memory).copy()
    for _ in range(50):
        decide_once(memory, np.ones(2), 0.0, 0.0, 0.0)
    assert weights(memory).tobytes() == first.tobytes()
    places: Any = memory[: at.HEADER].view(np.int64)
    assert places[at.UPDATES] == 0


def test_a_position_near_nothing_does_not_make_steps_without_a_limit() -> None:
    agent = Rrl(features=TWO, first_rewards=1, initial_deviation=1e-9, longest_step=1e9)
    memory = prepared(agent)
    for inputs, *terms in zip(*drawn(200), strict=True):
        before = weights(memory).copy()
        decide_once(memory, inputs, *terms)
        assert np.linalg.norm(weights(memory) - before) < 10.0


def test_no_step_is_longer_than_the_longest_and_they_are_counted() -> None:
    agent = Rrl(features=TWO, first_rewards=1, learning_rate=1.0, weight_decay=0.0, longest_step=0.05)
    memory = prepared(agent)
    for inputs, *terms in zip(*drawn(500), strict=True):
        before = weights(memory).copy()
        decide_once(memory, inputs, *terms)
        assert np.linalg.norm(weights(memory) - before) <= 0.05 * (1 + 1e-12)
    agent.see_memory(memory)
    assert agent.counts()["steps_shortened"] > 100


def test_weights_decay_to_nothing_where_there_is_nothing_to_learn() -> None:
    agent = Rrl(features=TWO, first_rewards=1, learning_rate=0.1, weight_decay=1.0, initial_deviation=5.0)
    memory = prepared(agent)
    first = np.abs(weights(memory)).max()
    for _ in range(200):
        decide_once(memory, np.zeros(2), 1e-9, 0.0, 0.0)
        decide_once(memory, np.zeros(2), -1e-9, 0.0, 0.0)
    assert np.abs(weights(memory)[:2]).max() < 1e-3 * first


@pytest.mark.parametrize("term", [0, 1, 2])
def test_terms_that_are_not_finite_are_skipped_and_counted(term: int) -> None:
    agent = Rrl(features=TWO, first_rewards=1)
    memory = prepared(agent)
    rows = list(zip(*drawn(50), strict=True))
    for inputs, *terms in rows:
        decide_once(memory, inputs, *terms)
    before = weights(memory).copy()
    terms = [1e-3, 1e-4, 1e-5]
    terms[term] = np.nan
    assert np.isfinite(decide_once(memory, np.ones(2), *terms))
    assert weights(memory).tobytes() == before.tobytes()
    agent.see_memory(memory)
    assert agent.counts()["updates_skipped"] == 1
    assert "1 updates were left out" in agent.warnings()[0]
    for inputs, *terms in rows:
        assert np.isfinite(decide_once(memory, inputs, *terms))


def test_the_gate_and_the_seed_make_a_difference_and_a_run_repeats_itself() -> None:
    tape = market(autoregressive(2_000))
    results = [
        run(tape, Rrl(features=("momentum(4)",), gate=gate), paying(1e-4), seed)
        for gate, seed in ((Gate(kind="none"), 0), (Gate(kind="none"), 0), (Gate(kind="none"), 1), (Gate(decay=0.9), 0))
    ]
    assert results[0].fills.equals(results[1].fills)
    assert len({result.total_return for result in results}) == 3


def test_it_keeps_to_what_it_has_received() -> None:
    agent = Rrl(features=("momentum(4)", "log_return(1)"), first_rewards=10)
    found = audit(
        market(autoregressive(300)), lambda: agent, paying(1e-4), sizing=FixedNotional(1e4), fill="this_close"
    )
    assert found.passed, str(found)
