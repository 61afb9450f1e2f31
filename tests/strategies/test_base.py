"""Strategy: typed parameters, where they come from, and how a wrong one is named."""

from __future__ import annotations

import copy
import pickle
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field, model_validator

from halfspread.costs.base import Model
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.subscriptions import METHODS
from halfspread.errors import ConfigError
from halfspread.strategies import BuyAndHold, CompiledStrategy, SmaCross, Strategy
from halfspread.strategies.base import METHODS as METHODS_OF_BASE
from tests.engine.worlds import FREE, tape


class Momentum(Strategy):
    """Of every kind of parameter one."""

    LEVELS: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    plain_constant = 3

    lookback: int = 0
    fast: Annotated[int, Field(ge=1)] = 5
    threshold: float = 0.0
    side: Literal["both", "long"] = "both"
    weights: list[float] = [1.0, 2.0]  # noqa: RUF012
    note: str | None = None
    _private: int = 1

    def on_bar(self, market: Market) -> float:
        return 1.0


class Inherited(Momentum):
    """Another default, another parameter."""

    fast = 7
    slow: Annotated[int, Field(gt=1)]


def refusal(cls: type[Strategy], **parameters: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        cls(**parameters)
    return str(caught.value)


def test_defaults_stand_where_nothing_is_given() -> None:
    assert Momentum().parameters() == {
        "lookback": 0,
        "fast": 5,
        "threshold": 0.0,
        "side": "both",
        "weights": [1.0, 2.0],
        "note": None,
    }


def test_parameters_are_attributes_of_their_type() -> None:
    given: dict[str, Any] = {"fast": "8", "threshold": 1, "lookback": 3}
    agent = Momentum(**given)
    assert (agent.fast, agent.threshold, agent.lookback) == (8, 1.0, 3)
    assert isinstance(agent.threshold, float)


def test_a_limit_in_the_annotation_holds() -> None:
    assert refusal(Momentum, fast=0) == "Momentum: fast: expected greater than or equal to 1, got 0"


def test_a_value_of_the_wrong_type_is_named_with_what_was_given() -> None:
    assert refusal(Momentum, fast=2.5).startswith("Momentum: fast: expected a valid integer")
    assert refusal(Momentum, fast="fast").endswith("got 'fast'")
    assert "'both' or 'long'" in refusal(Momentum, side="short")


class Inside(Model):
    size: Annotated[int, Field(ge=1)] = 1
    share: float = 0.5

    @model_validator(mode="after")
    def _fits(self) -> Inside:
        if self.share > self.size:
            raise ValueError(f"share: expected at most size = {self.size}, got {self.share:g}")
        return self


class Nested(Strategy):
    table: Inside | Literal["none"] = Inside()
    factor: Annotated[float, Field(gt=0.0)] | Literal["fresh"] = 1.0
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"table": {"size": 0}}, "table.size: expected greater than or equal to 1, got 0"),
        ({"table": {"size": 0, "sise": 3}}, "table.size: expected greater than or equal to 1, got 0; "
         "table.sise: there is no such key"),
        ({"table": {"share": 9.0}}, "table: share: expected at most size = 1, got 9"),
        ({"table": "no"}, "table: expected a valid dictionary or instance of Inside or 'none', got 'no'"),
        ({"factor": -1.0}, "factor: expected greater than 0 or 'fresh', got -1.0"),
        ({"names": ("a", 3)}, "names.1: expected a valid string, got 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_a_parameter_is_named_by_its_place(given: dict[str, Any], message: str) -> None:
    assert refusal(Nested, **given) == f"Nested: {message}"


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    message = refusal(Momentum, fsat=3)
    assert message == "Momentum: no parameter 'fsat'; there are lookback, fast, threshold, side, weights, note"


def test_private_names_class_variables_and_plain_attributes_are_no_parameters() -> None:
    for name in ("_private", "LEVELS", "plain_constant"):
        assert f"no parameter {name!r}" in refusal(Momentum, **{name: 1})


def test_a_parameter_without_a_default_has_to_be_given() -> None:
    assert refusal(Inherited) == "Inherited: parameter 'slow' is missing"


def test_every_fault_is_told_at_once() -> None:
    message = refusal(Inherited, fast=0, fsat=1)
    assert all(part in message for part in ("fast: expected", "'slow' is missing", "no parameter 'fsat'"))


def test_a_subclass_inherits_parameters_and_limits_and_may_change_a_default() -> None:
    assert Inherited(slow=9).parameters() == {**Momentum().parameters(), "fast": 7, "slow": 9}
    assert "fast: expected greater" in refusal(Inherited, slow=9, fast=0)
    assert Momentum().fast == 5


def test_a_default_that_breaks_its_own_limit_is_refused() -> None:
    class Wrong(Momentum):
        fast = 0

    assert refusal(Wrong) == "Wrong: fast: expected greater than or equal to 1, got 0"


def test_a_property_may_stand_for_a_parameter_and_can_then_not_be_given() -> None:
    class Property(Momentum):
        @property  # type: ignore[misc]
        def lookback(self) -> int:  # type: ignore[override]
            return self.fast * 2

    class Cached(Momentum):
        @cached_property  # type: ignore[misc]
        def lookback(self) -> int:  # type: ignore[override]
            return self.fast * 2

    for cls in (Property, Cached):
        assert cls(fast=4).lookback == 8
        assert "lookback" not in cls().parameters()
        assert "no parameter 'lookback'" in refusal(cls, lookback=3)


def test_a_lookback_below_zero_is_refused_when_the_run_begins() -> None:
    with pytest.raises(ConfigError, match=r"Momentum\.lookback: expected a whole number of rows from 0, got -1"):
        run_backtest(tape([1.0, 2.0]), Momentum(lookback=-1), FREE, sizing=FixedContracts(1))


def test_a_mutable_default_is_not_shared() -> None:
    one, other = Momentum(), Momentum()
    one.weights.append(3.0)
    assert other.weights == Momentum().weights == [1.0, 2.0]


@pytest.mark.parametrize("name", ["copy", "json", "schema", "model_path", "validate", "construct"])
def test_a_parameter_may_bear_a_name_that_pydantic_uses(name: str) -> None:
    cls = type("Named", (Momentum,), {"__annotations__": {name: "int"}, name: 3, "__module__": __name__})
    assert cls(**{name: 4}).parameters()[name] == 4


@pytest.mark.parametrize("name", ["model", "name", "parameters", "check", "reset", "events", *METHODS.values()])
def test_a_parameter_may_not_take_the_place_of_a_method(name: str) -> None:
    cls = type("Named", (Momentum,), {"__annotations__": {name: "int"}, name: 3, "__module__": __name__})
    with pytest.raises(ConfigError, match=f"Named: call the parameter {name!r} otherwise"):
        Strategy.model.__func__(cls)  # type: ignore[attr-defined]


def test_an_annotation_that_cannot_be_read_names_file_and_class() -> None:
    class Unknown(Strategy):
        window: Sequence[int] = ()  # type: ignore[name-defined]  # noqa: F821

    message = refusal(Unknown)
    assert "test_base.py: Unknown: an annotation cannot be read: name 'Sequence' is not defined" in message


def test_parameters_that_do_not_fit_together_are_refused_by_check() -> None:
    assert refusal(SmaCross, fast=9, slow=9) == "SmaCross: fast has to be less than slow, got fast=9, slow=9"


def test_repr_and_name_show_the_parameters() -> None:
    assert repr(BuyAndHold()) == "BuyAndHold(lookback=0, position=1.0)"
    assert SmaCross().name == "SmaCross"


def test_a_strategy_can_be_copied_and_sent_to_another_process() -> None:
    for agent in (SmaCross(fast=3, slow=8), Inherited(slow=4)):
        for twin in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):
            assert type(twin) is type(agent)
            assert twin.parameters() == agent.parameters()


def test_a_strategy_that_is_no_subclass_has_no_parameter_but_lookback() -> None:
    assert Strategy().parameters() == {"lookback": 0}
    assert "there are lookback" in refusal(CompiledStrategy, window=3)


def test_state_set_in_reset_does_not_leak_into_the_next_run() -> None:
    class Counter(Strategy):
        limit: int = 2

        def reset(self, rng: np.random.Generator, instruments: Any) -> None:
            self.count = 0

        def on_bar(self, market: Market) -> float:
            self.count += 1
            return 1.0 if self.count >= self.limit else 0.0

    agent, market = Counter(), tape([100.0] * 5)
    first, second = (run_backtest(market, agent, FREE, sizing=FixedContracts(1)) for _ in range(2))
    assert first.curve["position"].tolist() == second.curve["position"].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert agent.parameters() == {"lookback": 0, "limit": 2}
    assert first.agent_params == {"lookback": 0, "limit": 2}


def test_reset_gets_a_generator_and_the_instruments_and_no_tape() -> None:
    class Curious(Strategy):
        def reset(self, *given: Any, **named: Any) -> None:
            self.given, self.named = given, named

        def on_bar(self, market: Market) -> None:
            return None

    agent, market = Curious(), tape([100.0] * 2)
    run_backtest(market, agent, FREE, sizing=FixedContracts(1))
    generator, instruments = agent.given
    assert isinstance(generator, np.random.Generator)
    assert (instruments, agent.named) == ((market.instrument,), {})


def test_on_bar_of_the_base_classes_says_what_to_do() -> None:
    view: Any = None
    with pytest.raises(ConfigError, match="Strategy has no on_bar method; define on_bar"):
        Strategy().on_bar(view)
    with pytest.raises(ConfigError, match="CompiledStrategy has no twin in Python"):
        CompiledStrategy().on_bar(view)


def test_a_strategy_that_sends_orders_needs_no_on_bar_and_may_set_its_timer() -> None:
    class Bids(Strategy):
        timer = "2h"
        below: float = 1.0

        def on_timer(self, market: Market) -> None:
            market.send_limit(1.0, market.close - self.below)

    result = run_backtest(tape([100.0, 100.0, 100.0, 98.0, 98.0]), Bids(), FREE, sizing=FixedContracts(1))
    assert result.orders["price"].tolist() == [99.0, 97.0]
    assert result.orders["state"].tolist() == ["filled", "open"]
    assert Bids().parameters() == {"lookback": 0, "below": 1.0}
    assert tuple(METHODS.values()) == METHODS_OF_BASE
