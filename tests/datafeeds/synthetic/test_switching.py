from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.synthetic.switching import best_switching, stationary, switching_value
from halfspread.errors import ConfigError


def by_value_iteration(transition: np.ndarray, moves: np.ndarray, cost: float, steps: int = 20_000) -> float:
    """Profit per step of the best policy: plain value iteration over (state, side), with switching before the move."""
    value = np.zeros((len(moves), 2))
    for _ in range(steps):
        stay = np.stack((moves, -moves), axis=1) + transition @ value
        new = np.maximum(stay, stay[:, ::-1] - 2.0 * cost)
        gain = new - value
        value = new - new[0, 0]
        if gain.max() - gain.min() < 1e-13:
            break
    return float(gain.mean())


def by_trying_all(transition: np.ndarray, moves: np.ndarray, cost: float) -> float:
    """The best of all policies that go long, go short or keep in each state, and of holding one side."""
    held = abs(float(stationary(transition) @ moves))
    tried = [
        switching_value(transition, moves, np.array(choice) == 1, np.array(choice) == -1, cost)
        for choice in itertools.product((-1, 0, 1), repeat=len(moves))
        if any(choice)
    ]
    return max(held, *tried)


def test_two_states_by_hand() -> None:
    transition = np.array([[0.9, 0.1], [0.3, 0.7]])
    moves = np.array([1.0, -2.0])
    assert stationary(transition) == pytest.approx([0.75, 0.25])
    following = 0.75 * 1.0 + 0.25 * 2.0  # 0.15 changes of state per step, two contracts each
    assert best_switching(transition, moves, 0.0).value == pytest.approx(following)
    assert best_switching(transition, moves, 1.0).value == pytest.approx(following - 0.15 * 2.0)
    assert best_switching(transition, moves, 5.0).value == pytest.approx(0.25)  # holding long for ever


@given(st.integers(2, 5), st.integers(0, 10_000), st.floats(0.0, 3.0))
def test_no_policy_of_a_small_chain_earns_more(states: int, seed: int, cost: float) -> None:
    rng = np.random.default_rng(seed)
    transition = rng.random((states, states)) + 0.01
    transition /= transition.sum(axis=1, keepdims=True)
    moves = rng.standard_normal(states)
    found = best_switching(transition, moves, cost)
    assert found.value == pytest.approx(by_trying_all(transition, moves, cost), abs=1e-9)
    assert found.value == pytest.approx(by_value_iteration(transition, moves, cost), abs=1e-6)


def test_a_negative_cost_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected at least 0"):
        best_switching(np.full((2, 2), 0.5), np.array([1.0, -1.0]), -0.1)
