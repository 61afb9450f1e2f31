"""What each gradient is the exact derivative of, by central differences with frozen weights, and how far it is from the
total derivative.

The utility after decision T is a function of two positions, f_T and f_{T-1}; mean and variance before are given. The
gradients differ in what of the past counts as a function of the weights:

- exact: all of it, through positions fed back and the reservoir that they drive;
- lags: all positions fed back, the states of the reservoir being given;
- recursive: of those the last one, the others and the states being given;
- paper: the last one, and what it was decided on is given;
- direct: nothing, z is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import esn_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.covariance import packed
from halfspread.agents.rrl.esn_rrl import EsnRrl, RiskAppetite
from halfspread.agents.rrl.esn_rrl_kernels import decide_once
from halfspread.agents.rrl.online_trader import Gate
from tests.agents.rrl.slow_esn_rrl import draw
from tests.agents.rrl.worlds import prepared

Floats = np.ndarray[Any, np.dtype[np.float64]]
KINDS = ("exact", "lags", "recursive", "paper", "direct")
STEPS, INPUTS, SIZE, LAGS = 60, 4, 12, 3
TAU, RISK = 0.9, 0.3


class Lesson:
    """The market and the frozen weights of the finite differences of the specification (section 4)."""

    def __init__(self, seed: int = 1, leak: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        self.u = np.column_stack([rng.standard_normal((STEPS, INPUTS - 1)), np.ones(STEPS)])
        self.moves, self.carries = rng.standard_normal(STEPS), 0.1 * rng.standard_normal(STEPS)
        self.costs = 0.05 + 0.02 * rng.random(STEPS)
        self.weights = 0.15 * rng.standard_normal(INPUTS + SIZE + LAGS)
        self.settings = ReservoirSettings(size=SIZE, sparsity=0.5, leak=leak)
        self.seed = seed
        self.w_in, self.w, self.w_back = draw(self.settings, INPUTS, LAGS, np.random.default_rng(seed))

    def learnt(self, kind: Any, exact_utility: bool, funding_on: Any) -> tuple[Floats, Floats, float, float]:
        """The kernel's gradient at the last decision, all vectors z that it decided on, and the mean and variance
        before."""
        agent = EsnRrl(
            features=tuple(f"log_return({i})" for i in range(1, INPUTS)), reservoir=self.settings, feedback=LAGS,
            gradient=kind, exact_utility=exact_utility, funding_on=funding_on, decay=TAU, clip=1.0,
            risk_appetite=RiskAppetite(value=RISK), gate=Gate(kind="none"),
        )  # fmt: skip
        memory = prepared(agent, self.seed)
        places: Any = memory[: at.HEADER].view(np.int64)
        numbers, width = memory[places[at.NUMBERS] :], agent.width
        identity, zs = packed(np.eye(width)), []
        mean = variance = 0.0
        for t in range(STEPS):
            memory[places[mine.WEIGHTS] : places[mine.TRACE]] = self.weights
            memory[places[mine.COVARIANCE] : places[mine.LAST]] = identity
            numbers[mine.PENDING] = 0.0
            mean, variance = numbers[at.MEAN], numbers[at.VARIANCE]
            before = memory[places[at.INPUT] :][:width].copy()
            decide_once(memory, self.u[t, :-1], self.moves[t], self.costs[t], self.carries[t])
            z = memory[places[at.INPUT] :][:width].copy()
            z[-LAGS:] = before[-LAGS:]  # what it decided on, not what it has been given since
            zs.append(z)
        return memory[places[mine.GRADIENTS] :][:width].copy(), np.array(zs), mean, variance

    def positions(self, w: Floats, kind: str, zs: Floats) -> tuple[float, float]:
        """The last two positions with weights ``w``, where all that ``kind`` takes as given is from ``zs``."""
        x, y, found = np.zeros(SIZE), np.zeros(LAGS), []
        for t in range(STEPS):
            z = zs[t].copy()
            if kind == "exact":
                inside = self.w_in @ self.u[t] + self.w @ x + self.w_back @ y
                x = (1.0 - self.settings.leak) * x + self.settings.leak * np.tanh(inside)
                z = np.concatenate([self.u[t], x, y])
            elif kind == "lags":
                z[-LAGS:] = y
            elif kind == "recursive":
                z[-1] = y[-1]
            elif kind == "paper" and t > 0:
                z[-1] = np.tanh(w @ zs[t - 1])
            found.append(np.tanh(w @ z))
            y = np.append(y[1:], found[-1])
        return found[-1], found[-2]

    def utility(self, w: Floats, kind: str, past: Any, mean_in_deviation: float | None, funding_on: str) -> float:
        zs, mean, variance = past
        f, before = self.positions(w, kind, zs)
        paying = f if funding_on == "chosen" else before
        reward = self.moves[-1] * before - self.costs[-1] * abs(f - before) - self.carries[-1] * paying
        mean = TAU * mean + (1 - TAU) * reward
        middle = mean if mean_in_deviation is None else mean_in_deviation
        return float(mean - 0.5 * RISK * (TAU * variance + (1 - TAU) * (reward - middle) ** 2))

    def mean_after(self, past: Any, funding_on: str) -> float:
        """The mean after the last decision, as it was."""
        zs, mean, _ = past
        f, before = self.positions(self.weights, "direct", zs)
        paying = f if funding_on == "chosen" else before
        reward = self.moves[-1] * before - self.costs[-1] * abs(f - before) - self.carries[-1] * paying
        return float(TAU * mean + (1 - TAU) * reward)


def differences(function: Callable[[Floats], float], w: Floats, step: float = 1e-6) -> Floats:
    found = np.zeros(len(w))
    for i in range(len(w)):
        up, down = w.copy(), w.copy()
        up[i] += step
        down[i] -= step
        found[i] = (function(up) - function(down)) / (2 * step)
    return found


@pytest.mark.parametrize("leak", [1.0, 0.4])
@pytest.mark.parametrize("funding_on", ["chosen", "carried"])
@pytest.mark.parametrize("exact_utility", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_is_the_derivative_of_what_it_says(
    kind: str, exact_utility: bool, funding_on: str, leak: float
) -> None:
    # without the exact utility the mean that the deviation is taken from counts as given: the paper's factor
    lesson = Lesson(leak=leak)
    gradient, *past = lesson.learnt(kind, exact_utility, funding_on)
    held = None if exact_utility else lesson.mean_after(past, funding_on)
    expected = differences(lambda w: lesson.utility(w, kind, past, held, funding_on), lesson.weights)
    assert np.abs(expected).max() > 0.01
    assert np.abs(gradient - expected).max() < 1e-6 * np.abs(expected).max()


#: Cosine with the total derivative, with the exact utility, as measured with the specification's reference.
COSINES = {"exact": 1.0, "lags": 0.841, "recursive": 0.890, "paper": 0.883, "direct": 0.841}


@pytest.mark.parametrize("kind", KINDS)
def test_the_truncated_gradients_are_as_far_from_the_total_derivative_as_the_specification_says(kind: str) -> None:
    lesson = Lesson()
    gradient, *past = lesson.learnt(kind, True, "chosen")
    total = differences(lambda w: lesson.utility(w, "exact", past, None, "chosen"), lesson.weights)
    cosine = gradient @ total / (np.linalg.norm(gradient) * np.linalg.norm(total))
    assert cosine == pytest.approx(COSINES[kind], abs=6e-4)


def test_the_factor_that_the_paper_leaves_out_shows_where_the_decay_is_small() -> None:
    lesson = Lesson()
    gradient, *past = lesson.learnt("exact", False, "chosen")
    total = differences(lambda w: lesson.utility(w, "exact", past, None, "chosen"), lesson.weights)
    apart = np.abs(gradient - total).max() / np.abs(total).max()
    assert apart == pytest.approx(8.8e-3, abs=1e-4)
