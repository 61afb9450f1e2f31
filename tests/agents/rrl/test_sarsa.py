"""Echo state SARSA: the formulas, that it does not diverge, and worlds in which it is known what is best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl import sarsa_records as mine
from halfspread.agents.rrl.sarsa import EsnSarsa
from halfspread.agents.rrl.sarsa_kernels import decide_once
from halfspread.engine.audit import audit
from halfspread.engine.sizing import FixedNotional
from halfspread.errors import ConfigError
from halfspread.reports.metrics import metrics
from tests.agents.rrl.plain_sarsa import PlainSarsa
from tests.agents.rrl.worlds import Floats, autoregressive, market, paying, prepared, run

TWO = ("log_return(1)", "log_return(2)")
SMALL = ReservoirSettings(size=20)


def part(memory: Floats, begin: int, end: int) -> Floats:
    places: Any = memory[: at.HEADER].view(np.int64)
    return memory[places[begin] : places[end]]


def drawn(steps: int, seed: int = 0, scale: float = 0.2) -> tuple[Floats, Floats, Floats, Floats]:
    """Inputs, moves, costs and funding."""
    rng = np.random.default_rng(seed)
    carry = np.where(rng.random(steps) < 0.05, 0.01 * rng.standard_normal(steps), 0.0)
    return rng.standard_normal((steps, 2)), scale * rng.standard_t(4, steps), rng.uniform(0, 0.1, steps), carry


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reservoir": "none", "feedback": 1, "halving": 0},
        {"reservoir": "none", "feedback": 0, "exploration": 0.5},
        {"trace_decay": 0.9, "discount": 0.9, "learning_rate": 1.0},
        {"funding_on": "chosen", "clip": 0.5, "discount": 0.0, "halving": 50},
    ],
)
def test_every_decision_is_that_of_the_formulas(options: dict[str, Any]) -> None:
    agent = EsnSarsa(**{"features": TWO, "reservoir": SMALL, **options})
    memory = prepared(agent, 5)
    rng = np.random.default_rng(5)
    reservoir = None if agent.reservoir == "none" else Reservoir.draw(SMALL, 3, agent.feedback, rng)
    plain = PlainSarsa(
        2, int(rng.integers(2**63)), reservoir, agent.feedback, agent.learning_rate, agent.discount, agent.trace_decay,
        agent.exploration, agent.halving or np.inf, agent.clip, agent.funding_on == "chosen",
    )  # fmt: skip
    for inputs, *terms in zip(*drawn(2_000), strict=True):
        assert decide_once(memory, inputs, *terms) == plain.step(inputs, *terms)
    found = part(memory, mine.WEIGHTS, mine.TRACES).reshape(plain.w.shape)
    np.testing.assert_allclose(found, plain.w, atol=1e-10 * max(1.0, np.abs(plain.w).max()))
    assert np.abs(plain.w).max() > 1e-3
    agent.see_memory(memory)
    assert agent.counts()["actions_drawn"] == plain.drawn > 0


def test_it_learns_what_its_actions_are_worth_where_nothing_follows_from_them() -> None:
    """No discount, no costs: Q is the expected reward, here 0.5, 0 and -0.5 times the sign of the input."""
    agent = EsnSarsa(
        features=("log_return(1)",), reservoir="none", feedback=0, discount=0.0, exploration=1.0, learning_rate=0.05,
        halving=2_000, clip=0.5,
    )  # fmt: skip
    memory = prepared(agent)
    rng = np.random.default_rng(1)
    sign = np.sign(rng.standard_normal(20_001))
    for t in range(1, 20_001):
        decide_once(memory, sign[t : t + 1], sign[t - 1], 0.0, 0.0)
    weights = part(memory, mine.WEIGHTS, mine.TRACES).reshape(3, 2)
    np.testing.assert_allclose(weights, [[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]], atol=0.02)


def test_costs_are_charged_to_the_action_that_made_them() -> None:
    """Standing prices: every change of position costs, so that the best is to stay where one is."""
    agent = EsnSarsa(
        features=(), reservoir="none", feedback=1, discount=0.5, exploration=0.2, learning_rate=0.5, halving=500
    )
    memory = prepared(agent)
    for _ in range(4_000):
        decide_once(memory, np.zeros(0), 0.0, 1.0, 0.0)
    numbers = part(memory, at.NUMBERS, mine.RESERVOIR)
    numbers[mine.EXPLORATION] = 0.0
    held = [decide_once(memory, np.zeros(0), 0.0, 1.0, 0.0) for _ in range(20)]
    assert len(set(held[1:])) == 1


def test_it_follows_returns_that_carry_on_and_trades_less_as_costs_rise() -> None:
    tape = market(autoregressive(20_000))
    made: dict[float, Any] = {}
    for fee in (0.0, 5e-4, 5e-3):
        agent = EsnSarsa(features=("momentum(2)",), reservoir="none", feedback=1, discount=0.5)
        made[fee] = metrics(run(tape, agent, paying(fee)))
    turnovers = [made[fee]["turnover"] for fee in made]
    print({fee: (m["total_return"], m["turnover"]) for fee, m in made.items()})
    assert made[0.0]["total_return"] > 5.0
    assert turnovers[1] < 0.8 * turnovers[0]
    assert turnovers[2] < 0.3 * turnovers[0]


@pytest.mark.parametrize("trace_decay", [0.0, 0.8, 1.0])
def test_it_does_not_diverge_whatever_the_size_of_what_it_sees(trace_decay: float) -> None:
    """Inputs 100 times as large as the usual ones, the largest rate, a long discount."""
    agent = EsnSarsa(
        features=TWO, reservoir=SMALL, learning_rate=1.0, halving=0, discount=0.999, trace_decay=trace_decay
    )
    memory = prepared(agent)
    inputs, moves, costs, carry = drawn(5_000, 2)
    for each, *terms in zip(100.0 * inputs, moves, costs, carry, strict=True):
        decide_once(memory, each, *terms)
    values = part(memory, mine.VALUES, mine.RANDOM)
    assert np.abs(values).max() < 1_000.0 * np.abs(moves).max()


def test_units_make_no_difference() -> None:
    """Values are in units of the reward, and it is their order that decides."""
    tape = market(autoregressive(3_000))
    agents = [EsnSarsa(features=("momentum(4)",), reservoir=SMALL, units=unit) for unit in ("bp", "percent")]
    one, two = (run(tape, agent, paying(1e-4)) for agent in agents)
    assert one.fills.equals(two.fills)
    assert len(one.fills) > 100


@pytest.mark.parametrize("term", [0, 1, 2])
def test_terms_that_are_not_finite_are_skipped_and_counted(term: int) -> None:
    agent = EsnSarsa(features=TWO, reservoir=SMALL, trace_decay=0.5)
    memory = prepared(agent)
    rows = list(zip(*drawn(60), strict=True))
    for inputs, *terms in rows:
        decide_once(memory, inputs, *terms)
    terms = [0.1, 0.01, 1e-3]
    terms[term] = np.nan
    for values in (terms, [0.1, 0.01, 1e-3], [0.1, 0.01, 1e-3]):
        assert np.isfinite(decide_once(memory, np.ones(2), *values))
    assert np.isfinite(part(memory, mine.WEIGHTS, mine.RANDOM)).all()
    agent.see_memory(memory)
    assert 0 < agent.counts()["updates_skipped"] <= 2
    for inputs, *terms in rows:
        decide_once(memory, inputs, *terms)
    assert np.isfinite(part(memory, mine.WEIGHTS, mine.RANDOM)).all()


def test_the_seed_draws_the_reservoir_of_the_paper_first() -> None:
    agent = EsnSarsa(features=TWO, reservoir=SMALL)
    memory = prepared(agent, 11)
    drawn = Reservoir.draw(SMALL, 3, 10, np.random.default_rng(11))
    assert part(memory, mine.RESERVOIR, mine.SCRATCH).tobytes() == drawn.packed().tobytes()


def test_a_run_repeats_itself_and_another_seed_explores_otherwise() -> None:
    tape = market(autoregressive(1_500))
    agent = EsnSarsa(features=("momentum(4)",), reservoir=SMALL)
    one, again, other = (run(tape, agent, paying(1e-4), seed) for seed in (0, 0, 1))
    assert one.fills.equals(again.fills)
    assert not one.fills.equals(other.fills)


def test_after_a_gap_it_begins_anew_where_it_is_told_to() -> None:
    returns = autoregressive(400)
    tape = market(returns, skip=range(200, 260))
    ways: Any = (("carry", 0), ("reset", 1))
    for on_gap, resets in ways:
        agent = EsnSarsa(features=("momentum(4)",), reservoir=SMALL, on_gap=on_gap)
        run(tape, agent, paying(1e-4))
        assert agent.counts()["gaps_met"] == 1
        assert agent.counts()["resets_at_gaps"] == resets


def test_it_keeps_to_what_it_has_received() -> None:
    tape = market(autoregressive(300))
    found = audit(
        tape, lambda: EsnSarsa(features=("momentum(4)",), reservoir=SMALL), paying(1e-4), sizing=FixedNotional(1e4),
        fill="this_close",
    )  # fmt: skip
    assert found.passed, str(found)


def test_parameters_that_would_diverge_are_refused() -> None:
    with pytest.raises(ConfigError, match="discount"):
        EsnSarsa(features=(), discount=1.0)
    with pytest.raises(ConfigError, match="learning_rate"):
        EsnSarsa(features=(), learning_rate=1.5)
