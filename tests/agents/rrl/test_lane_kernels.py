from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.rrl.lane_kernels import LANES, dot, load, splat, store, sum_of
from halfspread.compiled import kernel


@kernel
def work_out(a: Any, b: Any, c: float, out: Any) -> float:
    lanes = load(a, 2) * load(b, 1) - splat(c) + load(a, 0)
    store(out, 3, lanes)
    return sum_of(lanes)  # type: ignore[no-any-return]


@kernel
def dot_of(a: Any, b: Any) -> float:
    return dot(a, b)


def test_lanes_are_read_worked_with_and_written_number_by_number() -> None:
    a, b, out = np.arange(1.0, 13.0), 0.1 * np.arange(12.0), np.zeros(12)
    total = work_out(a, b, 0.7, out)
    expected = a[2:10] * b[1:9] - 0.7 + a[:8]
    assert out[3:11].tolist() == expected.tolist()
    assert (out[:3] == 0.0).all()
    assert out[11] == 0.0
    e = expected
    assert total == ((e[0] + e[4]) + (e[2] + e[6])) + ((e[1] + e[5]) + (e[3] + e[7]))


def test_a_multiplication_and_an_addition_are_rounded_one_after_the_other() -> None:
    almost = 1.0 + 2.0**-30  # its square needs 61 bits; a contracted instruction would leave 2^-60
    a, b, out = np.zeros(12), np.zeros(12), np.ones(12)
    a[2] = b[1] = almost
    work_out(a, b, almost * almost, out)
    assert out[3] == 0.0


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, 118])
def test_a_product_of_vectors_has_one_order(length: int) -> None:
    rng = np.random.default_rng(length)
    a, b = rng.standard_normal(length), rng.standard_normal(length)
    lanes = np.zeros(LANES)
    whole = length - length % LANES
    for i in range(0, whole, LANES):
        lanes = lanes + a[i : i + LANES] * b[i : i + LANES]
    total = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    for i in range(whole, length):
        total += a[i] * b[i]
    assert dot_of(a, b) == total
