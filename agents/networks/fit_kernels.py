"""Fitting a network: passes over the examples in mini-batches, each followed by a step of Adam. Shapes and units as in
``agents.networks.network_kernels``; no NaN anywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.networks.network_kernels import backward, forward, head_loss
from halfspread.compiled import kernel, loop_kernel

Array = Any

#: Of Adam (Kingma and Ba 2015): memory of the gradient and of its square, and what keeps it from dividing by zero.
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


@loop_kernel
def adam(parameters: Array, found: Array, first: Array, second: Array, count: int, rate: float) -> None:
    """Step ``count`` (from 1) of Adam, in place; ``first`` and ``second`` moments are kept between steps."""
    step = rate * math.sqrt(1.0 - SECOND**count) / (1.0 - FIRST**count)
    for i in range(len(parameters)):
        slope = found[i]
        first[i] = FIRST * first[i] + (1.0 - FIRST) * slope
        second[i] = SECOND * second[i] + (1.0 - SECOND) * slope * slope
        parameters[i] -= step * first[i] / (math.sqrt(second[i]) + TINY)


@loop_kernel
def decay(sizes: Array, parameters: Array, share: float) -> None:
    """Shrink all weights by a share; biases stay (Loshchilov and Hutter 2019)."""
    at = 0
    for layer in range(len(sizes) - 1):
        count = sizes[layer] * sizes[layer + 1]
        for i in range(at, at + count):
            parameters[i] -= share * parameters[i]
        at += count + sizes[layer + 1]


@kernel
def fit_pass(
    sizes: Array,
    activation: int,
    head: int,
    parameters: Array,
    moments: Array,
    steps: int,
    x: Array,
    wanted: Array,
    weights: Array,
    order: Array,
    batch: int,
    rate: float,
    shrink: float,
) -> tuple[float, int]:
    """One pass over the rows of ``x`` in ``order``: the mean loss before each step, and all steps taken so far.

    ``parameters`` and ``moments`` (2, parameters) change in place; ``shrink`` is the weight decay, in shares of the
    rate.
    """
    rows = len(order)
    units = np.empty(batch * sizes[1:].sum())
    deltas = np.empty_like(units)
    widest = 0
    for layer in range(len(sizes) - 1):
        widest = max(widest, sizes[layer] * sizes[layer + 1])
    turned = np.zeros(widest + sizes.max())
    found = np.empty_like(parameters)
    some, goals, shares = np.empty((batch, x.shape[1])), np.empty((batch, wanted.shape[1])), np.empty(batch)
    last = sizes[len(sizes) - 1]
    loss = 0.0
    for start in range(0, rows, batch):
        count = min(batch, rows - start)
        for i in range(count):
            row = order[start + i]
            some[i], goals[i], shares[i] = x[row], wanted[row], weights[row]
        begin = forward(sizes, activation, parameters, some[:count], units)
        outputs = units[begin : begin + count * last].reshape((count, last))
        loss += count * head_loss(head, outputs, goals[:count], shares[:count])
        backward(sizes, activation, parameters, some[:count], units, deltas, turned, found)
        steps += 1
        adam(parameters, found, moments[0], moments[1], steps, rate)
        if shrink > 0.0:
            decay(sizes, parameters, rate * shrink)
    return loss / rows, steps


@kernel
def loss_of(
    sizes: Array, activation: int, head: int, parameters: Array, x: Array, wanted: Array, weights: Array, batch: int
) -> float:
    """Mean loss over all rows."""
    units = np.empty(batch * sizes[1:].sum())
    last = sizes[len(sizes) - 1]
    loss = 0.0
    for start in range(0, len(x), batch):
        part = x[start : start + batch]
        begin = forward(sizes, activation, parameters, part, units)
        outputs = units[begin : begin + len(part) * last].reshape((len(part), last))
        loss += len(part) * head_loss(head, outputs, wanted[start : start + batch], weights[start : start + batch])
    return loss / len(x)
