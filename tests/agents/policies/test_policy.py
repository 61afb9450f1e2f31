"""The compiled policy decides what a plain NumPy forward pass of its features decides, at every decision of a run."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import save_model
from halfspread.agents.policies.policy import Policy
from halfspread.agents.trees.forest import Forest
from halfspread.costs.margin import Margin
from halfspread.engine.codes import OK
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError, StrategyError
from tests.agents.features.lookers import ON_BOOKS, OTHER, Floats, Looker, random_bars, random_books
from tests.agents.policies.models import TARGETS, drawn_model
from tests.engine.worlds import FREE

TERMS: Any = {"sizing": FixedContracts(4.0), "capital": 1e6, "margin": Margin.none()}


def plain_outputs(model: Model, x: Floats) -> Floats:
    """Logits or values for one observation."""
    x = (x - model.scaler.centre) / model.scaler.spread
    inner = model.network
    if isinstance(inner, Forest):
        found = np.zeros(inner.values)
        for i, root in enumerate(inner.roots):
            feature, number, below, above = inner.nodes[root]
            while feature >= 0:
                feature, number, below, above = inner.nodes[int(below if x[int(feature)] <= number else above)]
            found[i % inner.values] += number
        return found
    at = 0
    for layer, (before, after) in enumerate(pairwise(inner.sizes)):
        weights = inner.parameters[at : at + before * after].reshape(before, after)
        at += before * after
        x = x @ weights + inner.parameters[at : at + after]
        at += after
        if layer < len(inner.sizes) - 2:
            x = np.maximum(x, 0.0) if inner.activation == "relu" else np.tanh(x)
    return x


class Plain(Looker):
    """A twin of `Policy` in Python, of the features alone."""

    model: Model
    traded = 0

    def on_bar(self, market: Market) -> Any:
        super().on_bar(market)
        found = plain_outputs(self.model, self.rows[-1])
        wanted: Any = TARGETS[found.argmax()]
        if self.model.network.head != "softmax":
            wanted = np.clip(found[: self.model.network.values], -1.0, 1.0)
            if len(wanted) > 1:
                return wanted.tolist()
            wanted = float(wanted[0])
        targets = [view.target for view in market.views]
        targets[self.traded] = float(wanted)
        return targets if len(targets) > 1 else targets[0]

    on_quote = on_book = on_trade = on_bar


def same_run(tape: Tape, model: Model, instrument: int = 0, costs: Any = FREE) -> int:
    """Assert that the policy trades as its twin does; gives the number of fills."""
    plain = Plain(model.features, events=model.events)
    plain.model, plain.traded = model, instrument
    expected = run_backtest(tape, plain, costs, **TERMS)
    found = run_backtest(tape, Policy.of(model, instrument=instrument), costs, **TERMS)
    assert found.mode == "compiled"
    assert found.fills.equals(expected.fills)
    assert found.pnl == expected.pnl
    return len(found.fills)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(), (9,), (9, 5), (8, 4, 4)])
@pytest.mark.parametrize("head", ["softmax", "squared", "gaussian"])
def test_a_policy_trades_as_plain_numpy_does(head: str, hidden: tuple[int, ...], activation: str) -> None:
    tape = random_bars(250)
    fills = same_run(tape, drawn_model(tape, head, hidden=hidden, activation=activation, seed=2))
    assert fills > 25


@pytest.mark.parametrize("head", ["softmax", "squared"])
def test_a_forest_trades_as_plain_python_does(head: str) -> None:
    tape = random_bars(250)
    assert same_run(tape, drawn_model(tape, head, kind="forest")) > 25


@pytest.mark.parametrize("stack", [1, 4])
def test_stacks_of_any_height_trade_as_plain_numpy_does(stack: int) -> None:
    tape = random_bars(250)
    assert same_run(tape, drawn_model(tape, stack=stack)) > 25


TWO = ("log_return(1)", "log_return(1)@OTHER", "position@OTHER", "position", "average_gap(2, 9)@OTHER")


@pytest.mark.parametrize("head", ["squared", "gaussian"])
def test_a_head_of_several_values_trades_as_many_instruments(head: str) -> None:
    tape = Tape.join(random_bars(200, 1), random_bars(200, 2, OTHER))
    model = drawn_model(tape, head, values=2, names=TWO)
    assert same_run(tape, model) > 50
    fills = run_backtest(tape, Policy.of(model), FREE, **TERMS).fills
    assert set(fills["instrument"]) == {"UNIT", "OTHER"}


@pytest.mark.parametrize("head", ["softmax", "squared"])
def test_a_head_of_one_value_trades_the_instrument_that_was_named(head: str) -> None:
    tape = Tape.join(random_bars(200, 1), random_bars(200, 2, OTHER))
    model = drawn_model(tape, head, names=TWO)
    assert same_run(tape, model, instrument=1) > 25
    fills = run_backtest(tape, Policy.of(model, instrument=1), FREE, **TERMS).fills
    assert set(fills["instrument"]) == {"OTHER"}


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_a_policy_is_refused_on_each_market_that_its_model_has_seen(seen: int) -> None:
    tapes = [random_bars(60, number) for number in (1, 2, 3)]
    trained = tuple(each for tape in tapes for each in training_range(tape))
    policy = Policy.of(replace(drawn_model(tapes[0]), trained=trained))
    assert policy.trained == trained
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(random_bars(60, seen), policy, FREE, **TERMS)


def test_a_policy_decides_on_the_events_of_its_model() -> None:
    tape = random_books()
    features = FeatureSet(("imbalance", "trade_flow(5s)", "position"))
    made = drawn_model(random_bars(30), names=("log_return(1)", "position", "age"), stack=1)
    model = Model(features, made.scaler, made.network, TARGETS, events=("book",))
    assert Policy.of(model).events == ("book",)
    assert same_run(tape, model, costs=ON_BOOKS) > 20


def decisions(tape: Tape, model: Model, seed: int) -> Any:
    return run_backtest(tape, Policy.of(model, deterministic=False), FREE, **TERMS, seed=seed).fills


@pytest.mark.parametrize("head", ["softmax", "gaussian"])
def test_draws_repeat_with_the_seed_and_differ_without(head: str) -> None:
    tape = random_bars(200)
    model = drawn_model(tape, head)
    assert decisions(tape, model, 1).equals(decisions(tape, model, 1))
    assert not decisions(tape, model, 1).equals(decisions(tape, model, 2))


def constant_model(head: str, outputs: list[float], temperature: float = 1.0) -> Model:
    """Its outputs do not depend on what it sees."""
    made = drawn_model(random_bars(30), names=("position",), stack=1)
    network = Network((1, len(outputs)), "relu", head, np.concatenate([np.zeros(len(outputs)), outputs]))
    targets = TARGETS if head == "softmax" else np.zeros(0)
    return Model(made.features, made.scaler, network, targets, temperature)


def drawn_targets(model: Model, rows: int = 6_000) -> Floats:
    """What a policy that draws wants at each of many decisions."""
    from halfspread.agents.policies.policy import memory_of
    from halfspread.agents.policies.policy_kernels import act_now

    memory = memory_of(model.features, [hs.instruments.linear("X")], [("close",)], model, bits=7, draws=True)
    return np.array([act_now(memory, 0) for _ in range(rows)])


def test_classes_are_drawn_as_often_as_their_probabilities_say() -> None:
    for temperature in (1.0, 2.5):
        model = constant_model("softmax", [0.0, 1.0, -1.0, 2.0], temperature)
        found = drawn_targets(model)
        shares = [(found == target).mean() for target in TARGETS]
        expected = model.probabilities(np.zeros((1, 1)))[0]
        logits = np.exp(np.array([0.0, 1.0, -1.0, 2.0]) / temperature)
        assert expected == pytest.approx(logits / logits.sum())
        # four standard errors of a share
        assert shares == pytest.approx(expected, abs=4.0 * math.sqrt(0.25 / len(found)))


def test_values_are_drawn_from_the_normal_distribution_that_the_head_tells() -> None:
    found = drawn_targets(constant_model("gaussian", [0.1, math.log(0.15)]))
    assert found.mean() == pytest.approx(0.1, abs=4 * 0.15 / math.sqrt(len(found)))
    assert found.std() == pytest.approx(0.15, rel=0.04)
    inside = (np.abs(found - 0.1) < 0.15).mean()
    assert inside == pytest.approx(0.6827, abs=0.025)


def test_a_saved_model_runs_through_the_front_door(tmp_path: Path) -> None:
    tape = random_bars(200)
    model = drawn_model(tape)
    path = save_model(model, tmp_path / "models" / "drawn.npz")
    costs = hs.Costs(
        half_spread=hs.HalfSpread.bps(1.0), fees=hs.Fees(taker=5e-4, maker=2e-4), funding=hs.Funding.published()
    )
    terms: Any = {"sizing": hs.FixedContracts(4), "capital": 1e6}
    result = hs.backtest(tape, Policy(model_file=str(path)), costs, **terms)
    again = hs.backtest(tape, Policy.of(model), costs, **terms)
    assert len(result.fills) > 25
    assert result.fills.equals(again.fills)
    assert result.pnl == again.pnl


def test_a_policy_that_fits_neither_tape_nor_head_is_refused() -> None:
    tape = random_bars(40)
    two = Tape.join(tape, random_bars(40, 1, OTHER))
    three = drawn_model(tape, "squared", values=3)
    with pytest.raises(ConfigError, match="the model tells targets of 3 instruments, and the tape has 2"):
        run_backtest(two, Policy.of(three), FREE, **TERMS)
    with pytest.raises(ConfigError, match="instrument: the tape has 1, numbered from 0, got 1"):
        run_backtest(tape, Policy.of(drawn_model(tape), instrument=1), FREE, **TERMS)
    with pytest.raises(ConfigError, match="instrument: "):
        Policy.of(drawn_model(tape), instrument=-1)
    with pytest.raises(ConfigError, match="a squared head tells one value, there is nothing to draw from"):
        Policy.of(drawn_model(tape, "squared"), deterministic=False)
    with pytest.raises(ConfigError, match="it needs quotes, and the tape holds bars"):
        run_backtest(tape, Policy.of(Model(FeatureSet(("spread",)), *_one_input(tape))), FREE, **TERMS)
    with pytest.raises(ConfigError, match="has no on_bar method, the twin in Python"):
        run_backtest(tape, Policy.of(drawn_model(tape)), FREE, **TERMS, mode="python")
    with pytest.raises(ConfigError, match=r"nowhere\.npz: no such model; halfspread train CONFIG makes one"):
        Policy(model_file="nowhere.npz")
    assert OK == 1


def _one_input(tape: Tape) -> tuple[Any, ...]:
    made = drawn_model(tape, names=("position",), stack=1)
    return made.scaler, made.network, TARGETS


def odd_column(value: float) -> Tape:
    closes = 100.0 + np.arange(30.0)
    bars: dict[str, Any] = {"ts": 1_577_836_800_000_000_000 + 300_000_000_000 * np.arange(30)}
    bars |= dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": np.ones(30)}
    odd = np.zeros(30)
    odd[20] = value
    return Tape.from_bars(
        {**bars, "odd": odd}, hs.instruments.linear("ODD", multiplier=1.0, lot=1.0, tick=0.01), extra=("odd",)
    )


def reads_a_column(weight: float) -> Model:
    features = FeatureSet(("column(odd)",))
    network = Network((1, 3), "relu", "softmax", np.array([weight, -weight, weight, 0.0, 1.0, 0.0]))
    return Model(features, Scaler(np.zeros(1), np.ones(1)), network, np.array([-1.0, 0.0, 1.0]))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_in_the_data_says_nothing(value: float) -> None:
    result = run_backtest(odd_column(value), Policy.of(reads_a_column(1.0)), FREE, **TERMS)
    assert len(result.fills) == 0


def test_a_model_whose_outputs_are_no_numbers_stops_the_run_and_trades_nothing() -> None:
    with pytest.raises(StrategyError, match=r"Policy.*2020-01-01 01:45"):
        run_backtest(odd_column(1e300), Policy.of(reads_a_column(1e300)), FREE, **TERMS)
