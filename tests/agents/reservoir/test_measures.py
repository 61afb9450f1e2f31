"""Echo states and memory capacity: answers that are known, and what they say of both constructions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.reservoir.measures import echo_states, memory_capacity
from halfspread.errors import ConfigError, DataError

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reservoir.md").read_text(encoding="utf-8")


def delay_line(size: int) -> Reservoir:
    """The input, weak enough for tanh to be a straight line, passed on from unit to unit."""
    w_in = np.zeros((size, 1))
    w_in[0] = 1e-3
    return Reservoir(w_in, np.eye(size, k=-1), np.zeros((size, 0)), ReservoirSettings(size=size))


def unit(weight: float, scale: float = 1.0) -> Reservoir:
    return Reservoir(np.array([[scale]]), np.array([[weight]]), np.zeros((1, 0)), ReservoirSettings(size=1))


@pytest.mark.parametrize("size", [1, 5, 20])
def test_a_delay_line_remembers_as_many_inputs_as_it_has_units(size: int) -> None:
    found = memory_capacity(delay_line(size))
    assert found.of_delays[:size] == pytest.approx(np.ones(size), abs=1e-5)
    assert found.of_delays[size:].max() < 0.005
    assert found.total == pytest.approx(size, abs=0.02)
    assert found.past == pytest.approx(size - 1.0, abs=0.02)


def test_a_unit_that_leaks_away_remembers_as_a_geometric_series() -> None:
    """x = a x + u: the input k steps ago is (1 - a^2) a^(2k) of its variance, one in all."""
    found = memory_capacity(unit(0.8, 1e-3), delays=40, steps=200_000).of_delays
    assert found[:12] == pytest.approx([0.36 * 0.64**k for k in range(12)], abs=0.006)
    assert found.sum() == pytest.approx(1.0, abs=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 25), st.integers(0, 100), st.sampled_from(["paper", "rescaled"]), st.sampled_from([0.0, 0.01]))
def test_no_reservoir_remembers_more_than_it_has_units(size: int, seed: int, construction: str, noise: float) -> None:
    chosen = ReservoirSettings.model_validate({"size": size, "construction": construction, "sparsity": 0.2})
    made = Reservoir.draw(chosen, 2, 1, np.random.default_rng(seed))
    found = memory_capacity(made, steps=4_000, noise=noise, seed=seed)
    assert ((found.of_delays >= 0.0) & (found.of_delays <= 1.0)).all()
    assert found.total <= size + 2 * size * 0.003  # a squared correlation of nothing is about one over the rows


def test_a_state_with_noise_tells_less() -> None:
    made = Reservoir.draw(ReservoirSettings(size=40), 1, 0, np.random.default_rng(0))
    clear, noisy = memory_capacity(made), memory_capacity(made, noise=0.01)
    assert noisy.past < 0.5 * clear.past
    assert noisy.of_delays[0] > 0.98


def rows() -> list[tuple[str, int, float, float]]:
    """The table of docs/reservoir.md: construction, units, capacity without and with noise."""
    found = re.findall(r"^\| (paper|rescaled) \| 1 \| (\d+) \| ([\d.]+) \| ([\d.]+) \|", TEXT, re.MULTILINE)
    return [(name, int(units), float(clear), float(noisy)) for name, units, clear, noisy in found]


def test_the_table_lists_both_constructions() -> None:
    assert {(name, units) for name, units, *_ in rows()} == {
        (n, u) for n in ("paper", "rescaled") for u in (50, 100, 200)
    }


@pytest.mark.parametrize(("construction", "units", "clear", "noisy"), [row for row in rows() if row[1] < 200])
def test_capacities_are_those_of_the_table(construction: str, units: int, clear: float, noisy: float) -> None:
    chosen = ReservoirSettings.model_validate({"size": units, "construction": construction})
    made = [Reservoir.draw(chosen, 1, 0, np.random.default_rng(seed)) for seed in range(5)]
    for noise, told in ((0.0, clear), (0.01, noisy)):
        found = np.mean([memory_capacity(each, noise=noise).past for each in made])
        assert found == pytest.approx(told, abs=0.06)


def test_how_two_states_come_together_is_worked_by_hand() -> None:
    found = echo_states(unit(0.5), inputs=np.array([[0.3], [-0.2]]))
    first = np.tanh(0.3 + 0.5) - np.tanh(0.3 - 0.5)
    second = np.tanh(-0.2 + 0.5 * np.tanh(0.8)) - np.tanh(-0.2 + 0.5 * np.tanh(-0.2))
    assert found.distances == pytest.approx([2.0, first, second], abs=1e-15)
    assert (found.radius, found.bound) == (0.5, 0.5)


def test_the_rate_of_a_unit_is_its_weight_near_zero() -> None:
    zeros = np.zeros((60, 1))
    assert echo_states(unit(0.5), inputs=zeros).rate == pytest.approx(0.5, abs=0.01)
    assert echo_states(unit(-0.7), inputs=zeros).rate == pytest.approx(0.7, abs=0.02)
    assert echo_states(unit(0.0), inputs=zeros).rate == 0.0


def test_states_that_stay_apart_have_not_met() -> None:
    found = echo_states(unit(3.0), inputs=np.zeros((500, 1)))
    assert not found.met
    assert found.rate == pytest.approx(1.0, abs=0.001)
    assert echo_states(unit(0.9), inputs=np.zeros((500, 1))).met


@pytest.mark.parametrize("seed", range(4))
def test_the_papers_construction_forgets_by_proof_and_the_rescaled_one_by_test(seed: int) -> None:
    paper, rescaled = (
        Reservoir.draw(
            ReservoirSettings.model_validate({"construction": each}), 8, 10, np.random.default_rng(seed)
        )
        for each in ("paper", "rescaled")
    )  # fmt: skip
    quick, slow = echo_states(paper), echo_states(rescaled)
    assert quick.met
    assert slow.met
    assert quick.bound < 0.25
    assert slow.bound > 1.0
    assert quick.radius < 0.07
    assert slow.radius == pytest.approx(0.9, abs=1e-9)
    assert quick.rate < 0.05 < slow.rate < 0.5
    silent = echo_states(rescaled, inputs=np.zeros((600, 8)), feedbacks=np.zeros((600, 10)))
    assert silent.rate == pytest.approx(0.9, abs=0.02)


def test_what_cannot_be_measured_is_refused() -> None:
    made = Reservoir.draw(ReservoirSettings(size=10), 1, 0, np.random.default_rng(0))
    for wrong in ({"steps": 50}, {"delays": 0}, {"amplitude": 0.0}, {"noise": -1.0}):
        with pytest.raises(ConfigError, match="memory_capacity: expected"):
            memory_capacity(made, **wrong)
    with pytest.raises(ConfigError, match="echo_states: steps: expected 1 or more, got 0"):
        echo_states(made, steps=0)
    with pytest.raises(DataError, match="u: expected rows of 1 numbers"):
        echo_states(made, inputs=np.zeros((5, 2)))
