"""Reservoirs: how they are drawn, and one step of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.reservoir import reservoir_kernels as kernels
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError, DataError
from tests.agents.reservoir.plain import drawn, states


def inputs(steps: int, count: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal((steps, count))


@pytest.mark.parametrize("construction", ["paper", "rescaled"])
@pytest.mark.parametrize("size", [2, 30, 101])
def test_a_seed_draws_the_weights_of_the_plain_construction(size: int, construction: str) -> None:
    chosen = ReservoirSettings.model_validate(
        {"size": size, "construction": construction, "sparsity": 0.5, "flips": 0.3, "input_scale": 0.5}
        | {"feedback_scale": 2.0, "radius": 0.8}
    )
    made = Reservoir.draw(chosen, 4, 3, np.random.default_rng(7))
    for found, known in zip(
        (made.w_in, made.w, made.w_back), drawn(chosen, 4, 3, np.random.default_rng(7)), strict=True
    ):
        assert found == pytest.approx(known, abs=1e-14 if construction == "paper" else 1e-11)
        assert np.array_equal(found == 0.0, known == 0.0)


def test_the_radius_is_what_was_asked_for_before_signs_and_zeros_or_after() -> None:
    asked = ReservoirSettings(size=60, radius=0.7)
    plain = asked.model_copy(update={"flips": 0.0, "sparsity": 0.0})
    whole = Reservoir.draw(plain, 2, 1, np.random.default_rng(0))
    assert np.abs(np.linalg.eigvals(whole.w)).max() == pytest.approx(0.7, abs=1e-12)
    paper = Reservoir.draw(asked, 2, 1, np.random.default_rng(0))
    assert np.abs(np.linalg.eigvals(np.abs(paper.w))).max() < 0.25
    last = asked.model_copy(update={"construction": "rescaled"})
    rescaled = Reservoir.draw(last, 2, 1, np.random.default_rng(0))
    assert np.abs(np.linalg.eigvals(rescaled.w)).max() == pytest.approx(0.7, abs=1e-12)
    assert rescaled.w / rescaled.w.max() == pytest.approx(paper.w / paper.w.max(), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(0, 11),
    st.sampled_from([0.0, 0.3, 0.75, 1.0]),
    st.sampled_from([1.0, 0.3]),
    st.integers(0, 1_000),
)
def test_a_step_is_that_of_numpy(size: int, count: int, fed: int, sparsity: float, leak: float, seed: int) -> None:
    """Dense and sparse, of any size, from any state: to rounding."""
    chosen = ReservoirSettings(size=size, sparsity=sparsity, leak=leak)
    made = Reservoir.draw(chosen, count, fed, np.random.default_rng(seed))
    u, y, start = inputs(20, count), inputs(20, fed, 2), np.random.default_rng(3).uniform(-1.0, 1.0, size)
    known = states(made.w_in, made.w, made.w_back, leak, u, y, start)
    assert made.states(u, y, start) == pytest.approx(known, abs=1e-13)


def test_a_step_is_worked_by_hand() -> None:
    """Two units, the second fed by the first: x1 = tanh(u), x2 = tanh(0.5 x1' + y), half of each state new."""
    made = Reservoir(
        np.array([[1.0], [0.0]]), np.array([[0.0, 0.0], [0.5, 0.0]]), np.array([[0.0], [1.0]]),
        ReservoirSettings(size=2, leak=0.5),
    )  # fmt: skip
    found = made.states(np.array([[1.0], [0.0]]), np.array([[0.0], [2.0]]))
    first = 0.5 * np.tanh(1.0)
    assert found[0] == pytest.approx([first, 0.0], abs=1e-16)
    assert found[1] == pytest.approx([0.5 * first, 0.5 * np.tanh(0.5 * first + 2.0)], abs=1e-15)


def test_dense_and_sparse_layouts_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, u = ReservoirSettings(size=53), inputs(50, 3)
    sparse = Reservoir.draw(chosen, 3, 0, np.random.default_rng(5))
    assert sparse.packed()[: kernels.HEADER].view(np.int64)[kernels.DENSE] == 0
    monkeypatch.setattr("halfspread.agents.reservoir.reservoir.DENSE", 0.0)
    dense = Reservoir.draw(chosen, 3, 0, np.random.default_rng(5))
    assert dense.packed()[: kernels.HEADER].view(np.int64)[kernels.DENSE] == 1
    assert dense.states(u) == pytest.approx(sparse.states(u), abs=1e-14)


def test_a_sparse_weight_takes_ten_bytes() -> None:
    made = Reservoir.draw(ReservoirSettings(size=400), 2, 1, np.random.default_rng(0))
    columns = 3 * 400 * 8
    assert made.packed().nbytes - columns < 10.3 * np.count_nonzero(made.w)


def test_scratch_may_hold_anything_and_what_is_packed_stays_as_it_is() -> None:
    made = Reservoir.draw(ReservoirSettings(size=21), 2, 1, np.random.default_rng(0))
    packed, x, again = made.packed(), np.zeros(21), np.zeros(21)
    before = packed.tobytes()
    kernels.update(packed, np.ones(2), np.ones(1), x, np.zeros(made.scratch))
    kernels.update(packed, np.ones(2), np.ones(1), again, np.full(made.scratch + 9, np.nan))
    assert packed.tobytes() == before
    assert np.array_equal(x, again)
    assert x.any()


def test_states_do_not_depend_on_how_their_input_is_cut() -> None:
    made, u = Reservoir.draw(ReservoirSettings(size=40), 3, 0, np.random.default_rng(1)), inputs(60, 3)
    whole = made.states(u)
    first = made.states(u[:23])
    rest = made.states(u[23:], start=first[-1])
    assert np.array_equal(np.concatenate([first, rest]), whole)


def test_the_largest_eigenvalue_of_positive_weights_is_found_without_a_library() -> None:
    for n in (1, 2, 5, 80):
        w = np.random.default_rng(n).random((n, n))
        assert kernels.perron_root(w, 1_000) == pytest.approx(np.abs(np.linalg.eigvals(w)).max(), rel=1e-14)
    assert np.isnan(kernels.perron_root(np.zeros((3, 3)), 100))


def test_the_papers_construction_refuses_a_radius_of_one() -> None:
    assert ReservoirSettings(radius=0.999).radius == 0.999
    with pytest.raises(ConfigError, match=r"radius: expected less than 1 .* got 1; construction = \"rescaled\""):
        ReservoirSettings(radius=1.0)
    assert ReservoirSettings(radius=1.0, construction="rescaled").radius == 1.0


def test_a_rescaled_reservoir_that_does_not_forget_is_refused() -> None:
    """One unit that feeds itself 3 times over stays where it was, above or below zero."""
    chosen = ReservoirSettings(size=100, radius=6.0, construction="rescaled", input_scale=0.1, feedback_scale=0.0)
    with pytest.raises(ConfigError, match=r"fails the test of echo states.*under random input"):
        Reservoir.draw(chosen, 2, 1, np.random.default_rng(0))
    latch = Reservoir(np.zeros((1, 1)), np.array([[3.0]]), np.zeros((1, 0)), ReservoirSettings(size=1))
    with pytest.raises(ConfigError, match="fails the test of echo states"):
        latch.refuse_lasting_states()


def test_a_radius_below_one_does_not_say_that_a_reservoir_forgets() -> None:
    """Two units of radius 0.78 that never come to rest: a radius below 1 is not enough (Yildiz et al. 2012)."""
    chosen = ReservoirSettings(size=2, construction="rescaled")
    latch = Reservoir(np.zeros((2, 1)), np.array([[-1.5, 0.1], [-6.1, 0.0]]), np.zeros((2, 0)), chosen)
    assert np.abs(np.linalg.eigvals(latch.w)).max() == pytest.approx(0.78, abs=0.01)
    assert latch.steps_to_forget(driven=False) is None
    with pytest.raises(ConfigError, match="have not met"):
        latch.refuse_lasting_states()


def test_how_long_a_unit_remembers_is_worked_by_hand() -> None:
    """Without input a unit of weight w close to zero shrinks by w a step, from 2 apart to 1e-6."""
    unit = Reservoir(np.zeros((1, 1)), np.array([[0.5]]), np.zeros((1, 0)), ReservoirSettings(size=1))
    x, steps = 1.0, 0
    while 2.0 * x > 1e-6:
        x, steps = float(np.tanh(0.5 * x)), steps + 1
    assert unit.steps_to_forget(driven=False) == steps
    assert 15 < steps < 25


def test_a_reservoir_of_which_nothing_leads_back_cannot_be_rescaled() -> None:
    chosen = ReservoirSettings(size=10, sparsity=1.0, construction="rescaled")
    with pytest.raises(ConfigError, match="nothing leads from a unit back to itself"):
        Reservoir.draw(chosen, 2, 1, np.random.default_rng(0))


def test_weights_of_another_shape_or_that_are_not_numbers_are_refused() -> None:
    good = Reservoir.draw(ReservoirSettings(size=5), 2, 1, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"w: expected shape \(5, 5\), got \(5, 4\)"):
        Reservoir(good.w_in, good.w[:, :4], good.w_back, good.settings)
    with pytest.raises(DataError, match="w_back"):
        Reservoir(good.w_in, good.w, good.w_back[:4], good.settings)
    with pytest.raises(DataError, match="w_in: a weight is not finite"):
        Reservoir(np.full_like(good.w_in, np.nan), good.w, good.w_back, good.settings)


def test_inputs_of_another_shape_or_that_are_not_numbers_are_refused() -> None:
    made = Reservoir.draw(ReservoirSettings(size=5), 2, 1, np.random.default_rng(0))
    with pytest.raises(DataError, match="u: expected rows of 2 numbers"):
        made.states(np.zeros((3, 3)))
    with pytest.raises(DataError, match="u: row 1 is not finite"):
        made.states(np.array([[0.0, 0.0], [np.inf, 0.0]]))
    with pytest.raises(DataError, match="as many rows of y as of u"):
        made.states(np.zeros((3, 2)), np.zeros((2, 1)))
    with pytest.raises(DataError, match="start"):
        made.states(np.zeros((3, 2)), start=np.zeros(4))


def test_below_a_radius_of_one_a_reservoir_has_to_forget_without_input_too() -> None:
    """Strong input brings its states together; where it falls silent they stay apart."""
    w = np.array([[-1.5, 0.1], [-6.1, 0.0]])
    chosen = ReservoirSettings(size=2, construction="rescaled", radius=0.9)
    driven = Reservoir(np.array([[5.0], [5.0]]), w, np.zeros((2, 0)), chosen)
    assert driven.steps_to_forget(driven=True) is not None
    assert driven.steps_to_forget(driven=False) is None
    with pytest.raises(ConfigError, match="two initial states have not met without input"):
        driven.refuse_lasting_states()
    beyond = chosen.model_copy(update={"radius": 1.1})
    Reservoir(driven.w_in, w, driven.w_back, beyond).refuse_lasting_states()
