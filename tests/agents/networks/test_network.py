"""Networks: outputs of a plain NumPy twin, gradients by finite differences, and what a fit has to be able to do."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from halfspread.agents.networks.fit_kernels import fit_pass, loss_of
from halfspread.agents.networks.fitting import Examples, FitSettings, fit_network, fit_temperature
from halfspread.agents.networks.network import ACTIVATIONS, HEADS, Network
from halfspread.agents.networks.network_kernels import backward, forward, head_loss
from halfspread.errors import ConfigError, DataError

Floats = np.ndarray[Any, np.dtype[np.float64]]


def drawn(head: str = "softmax", activation: str = "relu", hidden: tuple[int, ...] = (7, 5), seed: int = 0) -> Network:
    made = Network.drawn(4, hidden, 3, head, activation, np.random.default_rng(seed))
    return made.with_parameters(
        made.parameters + 0.1 * np.random.default_rng(seed + 1).normal(size=len(made.parameters))
    )


def plain_outputs(network: Network, x: Floats) -> Floats:
    at = 0
    for layer, (before, after) in enumerate(pairwise(network.sizes)):
        weights = network.parameters[at : at + before * after].reshape(before, after)
        at += before * after
        x = x @ weights + network.parameters[at : at + after]
        at += after
        if layer < len(network.sizes) - 2:
            x = np.maximum(x, 0.0) if network.activation == "relu" else np.tanh(x)
    return x


def examples_for(network: Network, rows: int = 11) -> Examples:
    rng = np.random.default_rng(3)
    wanted = rng.normal(size=(rows, network.values))
    if network.head == "softmax":
        wanted = rng.dirichlet(np.ones(3), rows)
    return Examples(rng.normal(size=(rows, 4)), wanted, rng.uniform(0.5, 2.0, rows))


def plain_loss(network: Network, examples: Examples) -> float:
    found, wanted = plain_outputs(network, examples.inputs), examples.wanted
    if network.head == "softmax":
        each = np.log(np.exp(found).sum(axis=1)) * wanted.sum(axis=1) - (found * wanted).sum(axis=1)
    elif network.head == "squared":
        each = 0.5 * ((found - wanted) ** 2).sum(axis=1)
    else:
        mean, spread = found[:, :3], found[:, 3:]
        away = (wanted - mean) / np.exp(spread)
        each = (0.5 * away**2 + spread + 0.5 * math.log(2.0 * math.pi)).sum(axis=1)
    return float((each * examples.weights).mean())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (6,), (7, 5), (9, 8, 3)])
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 300])
def test_outputs_are_those_of_plain_numpy(activation: str, hidden: tuple[int, ...], rows: int) -> None:
    network = drawn(activation=activation, hidden=hidden)
    x = np.random.default_rng(5).normal(size=(rows, 4))
    assert network.outputs(x) == pytest.approx(plain_outputs(network, x), rel=1e-12, abs=1e-13)


def test_a_row_alone_gives_the_bits_that_it_gives_among_others() -> None:
    network, x = drawn(), np.random.default_rng(5).normal(size=(9, 4))
    alone = np.concatenate([network.outputs(row[None, :]) for row in x])
    assert (network.outputs(x) == alone).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("head", HEADS)
def test_gradients_are_those_of_finite_differences(head: str, activation: str) -> None:
    network = drawn(head, activation)
    examples = examples_for(network)
    sizes, rows = network.layout, len(examples)
    units = np.zeros(rows * sizes[1:].sum())
    begin = forward(sizes, ACTIVATIONS[activation], network.parameters, examples.inputs, units)
    outputs = units[begin : begin + rows * sizes[-1]].reshape(rows, -1)
    loss = head_loss(HEADS[head], outputs, examples.wanted, examples.weights)
    found = np.zeros(len(network.parameters))
    turned = np.zeros(7 * 5 + max(sizes))
    backward(
        sizes, ACTIVATIONS[activation], network.parameters, examples.inputs, units, np.zeros(len(units)), turned, found
    )
    assert loss == pytest.approx(plain_loss(network, examples), rel=1e-12)
    step = 1e-6
    for i in range(len(found)):
        there = np.zeros(len(found))
        there[i] = step
        up = plain_loss(network.with_parameters(network.parameters + there), examples)
        down = plain_loss(network.with_parameters(network.parameters - there), examples)
        assert found[i] == pytest.approx((up - down) / (2.0 * step), rel=1e-5, abs=1e-8), i


def test_a_step_of_adam_is_that_of_its_authors() -> None:
    network = drawn("squared", hidden=())
    examples = examples_for(network)
    parameters, moments = network.parameters.copy(), np.zeros((2, len(network.parameters)))
    args = (network.layout, 0, HEADS["squared"], parameters, moments)
    data = (examples.inputs, examples.wanted, examples.weights, np.arange(len(examples)), len(examples))
    slopes = []
    expected = network.parameters.copy()
    first, second = np.zeros(len(expected)), np.zeros(len(expected))
    for count in (1, 2, 3):
        made = network.with_parameters(expected)
        delta = (plain_outputs(made, examples.inputs) - examples.wanted) * examples.weights[:, None] / len(examples)
        slope = np.concatenate([(examples.inputs.T @ delta).ravel(), delta.sum(axis=0)])
        slopes.append(slope)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        expected = expected - 0.01 * (first / (1 - 0.9**count)) / (
            np.sqrt(second / (1 - 0.999**count)) + 1e-8 / math.sqrt(1 - 0.999**count)
        )
        expected[:12] -= 0.01 * 0.3 * expected[:12]
        _, steps = fit_pass(*args, count - 1, *data, 0.01, 0.3)
        assert steps == count
    assert parameters == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("head", HEADS)
def test_one_batch_is_learnt_by_heart(head: str) -> None:
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(24, 4))
    wanted = np.eye(3)[rng.integers(0, 3, 24)] if head == "softmax" else rng.normal(size=(24, 3))
    examples = Examples(inputs, wanted, np.ones(24))
    network = Network.drawn(4, (48, 48), 3, head, "tanh", rng)
    settings = FitSettings(hidden=(48, 48), activation="tanh", epochs=1500, batch=24, rate=5e-3)
    fit = fit_network(network, examples, settings, rng)
    found = fit.network.outputs(inputs)[:, :3]
    if head == "softmax":
        assert (found.argmax(axis=1) == wanted.argmax(axis=1)).all()
        assert fit.losses[-1] < 0.01
    elif head == "squared":
        assert np.abs(found - wanted).max() < 0.15
    else:  # it sharpens where it is right already: far likelier than by a standard normal (4.3), but not exact
        assert fit.losses[-1] < 0.0


def test_without_hidden_layers_it_is_a_linear_or_a_logistic_regression() -> None:
    rng = np.random.default_rng(6)
    inputs, slopes = rng.normal(size=(500, 4)), rng.normal(size=(5, 3))
    wide = np.hstack([inputs, np.ones((500, 1))])
    settings = FitSettings(hidden=(), epochs=3_000, batch=500, rate=0.02)
    wanted = wide @ slopes + rng.normal(size=(500, 3))
    fit = fit_network(
        Network.drawn(4, (), 3, "squared", "relu", rng), Examples(inputs, wanted, np.ones(500)), settings, rng
    )
    line = np.linalg.lstsq(wide, wanted, rcond=None)[0]
    assert fit.network.parameters.reshape(5, 3) == pytest.approx(line, abs=1e-4)
    labels = np.eye(3)[(wide @ slopes + rng.gumbel(size=(500, 3))).argmax(axis=1)]
    fit = fit_network(
        Network.drawn(4, (), 3, "softmax", "relu", rng), Examples(inputs, labels, np.ones(500)), settings, rng
    )
    chances = fit.network.probabilities(inputs)
    assert np.abs(wide.T @ (chances - labels)).max() < 1e-2  # the likelihood is at its maximum
    assert fit.network.parameters.reshape(5, 3) - fit.network.parameters.reshape(5, 3).mean(
        axis=1, keepdims=True
    ) == pytest.approx(slopes - slopes.mean(axis=1, keepdims=True), abs=0.6)


def test_the_same_seed_gives_the_same_bits() -> None:
    def once(seed: int) -> Floats:
        rng = np.random.default_rng(seed)
        network = Network.drawn(4, (8,), 3, "softmax", "relu", rng)
        settings = FitSettings(hidden=(8,), epochs=3, batch=4, feature_dropout=0.2)
        return fit_network(network, examples_for(network), settings, rng).network.parameters

    assert (once(1) == once(1)).all()
    assert (once(1) != once(2)).any()


@pytest.mark.parametrize("head", ["softmax", "squared"])
def test_weights_say_how_much_a_row_counts_among_others_and_not_how_much_all_do(head: str) -> None:
    network = drawn(head)
    train, other = examples_for(network, 24), examples_for(network, 9)
    settings = FitSettings(hidden=(7, 5), epochs=4, batch=8, weight_decay=0.1)

    def fitted(times: float) -> tuple[bytes, bytes, bytes]:
        heavy, judged = (Examples(each.inputs, each.wanted, times * each.weights) for each in (train, other))
        fit = fit_network(network, heavy, settings, np.random.default_rng(0), judged)
        assert isinstance(fit.network, Network)
        return fit.network.parameters.tobytes(), fit.losses.tobytes(), fit.validation.tobytes()

    assert fitted(1.0) == fitted(64.0) == fitted(0.25)


def test_the_epoch_with_the_least_validation_loss_is_kept_and_patience_ends_the_fit() -> None:
    rng = np.random.default_rng(2)
    network = Network.drawn(4, (32,), 3, "softmax", "relu", rng)
    train = Examples(rng.normal(size=(30, 4)), np.eye(3)[rng.integers(0, 3, 30)], np.ones(30))
    other = Examples(rng.normal(size=(60, 4)), np.eye(3)[rng.integers(0, 3, 60)], np.ones(60))
    settings = FitSettings(hidden=(32,), epochs=400, batch=10, rate=0.01, patience=5)
    fit = fit_network(network, train, settings, rng, other)
    assert fit.best_epoch == int(np.argmin(fit.validation)) + 1
    assert len(fit.validation) == fit.best_epoch + 5
    code = (network.layout, 0, 0)
    kept = loss_of(*code, fit.network.parameters, other.inputs, other.wanted, other.weights, 256)
    assert kept == fit.validation.min()


def test_a_temperature_brings_probabilities_to_their_level() -> None:
    rng = np.random.default_rng(4)
    network = drawn(hidden=())
    x = rng.normal(size=(40_000, 4))
    chances = network.probabilities(x, temperature=2.5)
    labels = (chances.cumsum(axis=1) > rng.random((len(x), 1))).argmax(axis=1)
    found = fit_temperature(network, Examples(x, np.eye(3)[labels], np.ones(len(x))))
    assert found == pytest.approx(2.5, rel=0.1)


def test_a_rate_that_is_too_high_is_told() -> None:
    network = drawn("squared", hidden=(8,))
    examples = Examples(np.full((8, 4), 1e200), np.full((8, 3), 1e200), np.ones(8))
    with pytest.raises(DataError, match="smaller rate"):
        fit_network(network, examples, FitSettings(rate=1.0, hidden=(8,)), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("inputs", "wanted", "weights", "said"),
    [
        (np.zeros((0, 4)), np.zeros((0, 3)), np.zeros(0), "at least one"),
        (np.zeros((2, 4)), np.zeros((3, 3)), np.ones(2), "labels of"),
        (np.zeros((2, 4)), np.zeros((2, 3)), np.ones(3), "3 weights"),
        (np.array([[0.0], [math.nan]]), np.zeros((2, 3)), np.ones(2), "row 1: inputs are not finite"),
        (np.zeros((2, 1)), np.array([[math.inf], [0.0]]), np.ones(2), "row 0: labels are not finite"),
        (np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(2), "not all of them 0"),
        (np.zeros((2, 1)), np.zeros((2, 1)), np.array([1.0, -1.0]), "weights from 0"),
    ],
)
def test_examples_that_do_not_fit_are_refused(inputs: Floats, wanted: Floats, weights: Floats, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Examples(inputs, wanted, weights)


def test_networks_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="activation: expected relu or tanh"):
        Network((2, 1), "sine", "softmax", np.zeros(3))
    with pytest.raises(DataError, match="expected 3 parameters"):
        Network((2, 1), "relu", "softmax", np.zeros(4))
    with pytest.raises(DataError, match="observations of 4 numbers"):
        drawn().outputs(np.zeros((2, 5)))
    with pytest.raises(DataError, match="row 1: an observation is not finite"):
        drawn().outputs(np.array([[0.0] * 4, [math.nan] * 4]))
