"""Feed-forward networks: what they give, and the gradient of their loss. Float64 throughout; no NaN in, none out.

``sizes`` int64 (layers + 1,): inputs, hidden units..., outputs. ``parameters`` is flat: for each layer its weights
(inputs x outputs, row after row), then its biases. ``units`` is flat too: for each layer its outputs, (rows x size).
The inner loops run over outputs, so that no sum is reordered: the same bits whatever the compiler makes of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.compiled import inner_kernel, kernel, loop_kernel

Array = Any

#: Hidden units.
RELU, TANH = 0, 1
#: What the outputs mean: logits of classes; values; values, then the logarithms of their standard deviations.
SOFTMAX, SQUARED, GAUSSIAN = 0, 1, 2

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@inner_kernel
def affine_of_row(x: Array, weights: Array, biases: Array, out: Array) -> None:
    """out = x @ weights + biases for one row; four inputs at a time, added in the same order as one by one."""
    inputs, outputs = weights.shape
    for j in range(outputs):
        out[j] = biases[j]
    k = 0
    while k + 4 <= inputs:
        a0, a1, a2, a3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for j in range(outputs):
            out[j] = (((out[j] + a0 * w0[j]) + a1 * w1[j]) + a2 * w2[j]) + a3 * w3[j]
        k += 4
    while k < inputs:
        a0, w0 = x[k], weights[k]
        for j in range(outputs):
            out[j] += a0 * w0[j]
        k += 1


@loop_kernel
def affine(x: Array, weights: Array, biases: Array, out: Array) -> None:
    """out = x @ weights + biases; four rows at a time share each row of the weights."""
    rows, inputs = x.shape
    outputs = weights.shape[1]
    i = 0
    while i + 4 <= rows:
        o0, o1, o2, o3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(outputs):
            o0[j] = o1[j] = o2[j] = o3[j] = biases[j]
        for k in range(inputs):
            a0, a1, a2, a3 = x0[k], x1[k], x2[k], x3[k]
            row = weights[k]
            for j in range(outputs):
                weight = row[j]
                o0[j] += a0 * weight
                o1[j] += a1 * weight
                o2[j] += a2 * weight
                o3[j] += a3 * weight
        i += 4
    while i < rows:
        affine_of_row(x[i], weights, biases, out[i])
        i += 1


@loop_kernel
def gradient_of_affine(x: Array, delta: Array, weights: Array, biases: Array) -> None:
    """weights = x.T @ delta, biases = the sum of delta over rows: what `affine` passes back to its parameters."""
    rows, inputs = x.shape
    outputs = delta.shape[1]
    weights[:] = 0.0
    biases[:] = 0.0
    i = 0
    while i + 4 <= rows:
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        d0, d1, d2, d3 = delta[i], delta[i + 1], delta[i + 2], delta[i + 3]
        for j in range(outputs):
            biases[j] += d0[j] + d1[j] + d2[j] + d3[j]
        for k in range(inputs):
            a0, a1, a2, a3 = x0[k], x1[k], x2[k], x3[k]
            row = weights[k]
            for j in range(outputs):
                row[j] += a0 * d0[j] + a1 * d1[j] + a2 * d2[j] + a3 * d3[j]
        i += 4
    while i < rows:
        x0, d0 = x[i], delta[i]
        for j in range(outputs):
            biases[j] += d0[j]
        for k in range(inputs):
            a0, row = x0[k], weights[k]
            for j in range(outputs):
                row[j] += a0 * d0[j]
        i += 1


@loop_kernel
def activate(units: Array, activation: int) -> None:
    """Pass outputs of a hidden layer through its activation, in place."""
    flat = units.reshape(-1)
    if activation == RELU:
        for i in range(len(flat)):
            flat[i] = flat[i] if flat[i] > 0.0 else 0.0
    else:
        for i in range(len(flat)):
            flat[i] = math.tanh(flat[i])


@loop_kernel
def damp(delta: Array, units: Array, activation: int) -> None:
    """Multiply a gradient by the slope of the activation that gave ``units``, in place."""
    flat, active = delta.reshape(-1), units.reshape(-1)
    if activation == RELU:
        for i in range(len(flat)):
            flat[i] = flat[i] if active[i] > 0.0 else 0.0
    else:
        for i in range(len(flat)):
            flat[i] *= 1.0 - active[i] * active[i]


@loop_kernel
def forward(sizes: Array, activation: int, parameters: Array, x: Array, units: Array) -> int:
    """Fill ``units`` with the outputs of every layer for rows ``x``; gives where those of the last layer begin."""
    rows, layers = len(x), len(sizes) - 1
    at, begin, source = 0, 0, x
    for layer in range(layers):
        inputs, outputs = sizes[layer], sizes[layer + 1]
        weights = parameters[at : at + inputs * outputs].reshape((inputs, outputs))
        at += inputs * outputs
        out = units[begin : begin + rows * outputs].reshape((rows, outputs))
        affine(source, weights, parameters[at : at + outputs], out)
        at += outputs
        if layer < layers - 1:
            activate(out, activation)
            begin += rows * outputs
        source = out
    return begin


@loop_kernel
def to_probabilities(logits: Array) -> None:
    """Softmax of every row, in place."""
    for i in range(len(logits)):
        row = logits[i]
        highest = row[0]
        for j in range(1, len(row)):
            highest = max(highest, row[j])
        total = 0.0
        for j in range(len(row)):
            row[j] = math.exp(row[j] - highest)
            total += row[j]
        for j in range(len(row)):
            row[j] /= total


@loop_kernel
def head_loss(head: int, outputs: Array, wanted: Array, weights: Array) -> float:
    """Loss of a batch, the mean over its rows each times its weight; ``outputs`` become its gradient.

    ``wanted``: probabilities of classes for SOFTMAX, else values. SOFTMAX: cross-entropy; SQUARED: half the squared
    distance; GAUSSIAN: the negative log-likelihood.
    """
    rows, count = len(outputs), wanted.shape[1]
    loss = 0.0
    if head == SOFTMAX:
        to_probabilities(outputs)
    for i in range(rows):
        row, goal = outputs[i], wanted[i]
        share = weights[i] / rows
        for j in range(count):
            if head == SOFTMAX:
                if goal[j] > 0.0:
                    loss -= share * goal[j] * math.log(max(row[j], 1e-300))
                row[j] = share * (row[j] - goal[j])
            elif head == SQUARED:
                away = row[j] - goal[j]
                loss += share * 0.5 * away * away
                row[j] = share * away
            else:
                spread = row[count + j]
                away = (row[j] - goal[j]) * math.exp(-spread)
                loss += share * (0.5 * away * away + spread + HALF_LOG_TWO_PI)
                row[j] = share * away * math.exp(-spread)
                row[count + j] = share * (1.0 - away * away)
    return loss


@loop_kernel
def backward(
    sizes: Array, activation: int, parameters: Array, x: Array, units: Array, deltas: Array, turned: Array, found: Array
) -> None:
    """Fill ``found`` with the gradient of the parameters. The last layer's part of ``units`` holds that of its outputs.

    ``deltas`` is as large as ``units``; ``turned`` holds the weights of one layer, outputs x inputs, and as many zeros
    as the largest layer has units.
    """
    rows, layers = len(x), len(sizes) - 1
    at, begin = len(parameters), 0
    for layer in range(1, layers):
        begin += rows * sizes[layer]
    last = rows * sizes[layers]
    delta = units[begin : begin + last].reshape((rows, sizes[layers]))
    for layer in range(layers - 1, -1, -1):
        inputs, outputs = sizes[layer], sizes[layer + 1]
        biases = found[at - outputs : at]
        at -= outputs + inputs * outputs
        weights = parameters[at : at + inputs * outputs].reshape((inputs, outputs))
        found_weights = found[at : at + inputs * outputs].reshape((inputs, outputs))
        if layer == 0:
            gradient_of_affine(x, delta, found_weights, biases)
            return
        begin -= rows * inputs
        source = units[begin : begin + rows * inputs].reshape((rows, inputs))
        gradient_of_affine(source, delta, found_weights, biases)
        across = turned[: inputs * outputs].reshape((outputs, inputs))
        for k in range(inputs):
            for j in range(outputs):
                across[j, k] = weights[k, j]
        before = deltas[begin : begin + rows * inputs].reshape((rows, inputs))
        affine(delta, across, turned[len(turned) - inputs :], before)
        damp(before, source, activation)
        delta = before


@kernel
def outputs_of(sizes: Array, activation: int, parameters: Array, x: Array) -> Array:
    """Outputs of the last layer, (rows, outputs), for rows of any number, 256 at a time."""
    rows, last = len(x), sizes[len(sizes) - 1]
    found = np.empty((rows, last))
    units = np.empty(256 * sizes[1:].sum())
    for first in range(0, rows, 256):
        part = x[first : first + 256]
        begin = forward(sizes, activation, parameters, part, units)
        found[first : first + len(part)] = units[begin : begin + len(part) * last].reshape((len(part), last))
    return found
