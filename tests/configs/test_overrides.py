"""``--set``: what can be set, how values are read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.configs.load import load
from halfspread.configs.overrides import apply
from halfspread.errors import ConfigError

DATA: dict[str, Any] = {
    "name": "mine",
    "seed": 1,
    "list": [1, 2],
    "costs": {"fees": {"taker": 1e-4}},
    "agents": [{"type": "sma_cross", "name": "sma"}, {"type": "bollinger"}],
}
LABELS = ["sma", "bollinger"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seed=7", 7),
        ("seed = 7", 7),
        ("seed=0.5", 0.5),
        ("seed=true", True),
        ("seed='7'", "7"),
        ("seed=[1, 2]", [1, 2]),
        ("seed={ a = 1 }", {"a": 1}),
        ("seed=this_close", "this_close"),
        ("seed=5m", "5m"),
        ("seed=./a/b.py:Class", "./a/b.py:Class"),
        ("seed=$DATA/x.parquet", "$DATA/x.parquet"),
    ],
)
def test_a_value_is_read_as_toml_and_a_word_needs_no_quotes(setting: str, value: object) -> None:
    changed, keys = apply(DATA, [setting], LABELS)
    assert changed["seed"] == value
    assert keys == {("seed",): setting}
    assert DATA["seed"] == 1


def test_a_deep_value_is_set_and_tables_are_made_on_the_way() -> None:
    changed, _ = apply(DATA, ["costs.fees.taker=2e-4", "execution.fill=this_close"], LABELS)
    assert changed["costs"] == {"fees": {"taker": 2e-4}}
    assert changed["execution"] == {"fill": "this_close"}


@pytest.mark.parametrize("name", ["sma", "0"])
def test_one_of_several_agents_is_meant_by_name_or_number(name: str) -> None:
    changed, keys = apply(DATA, [f"agents.{name}.fast=10"], LABELS)
    assert changed["agents"][0]["fast"] == 10
    assert list(keys) == [("agents", 0, "fast")]
    whole, _ = apply(DATA, [f"agents.{name}={{ type = 'other' }}"], LABELS)
    assert whole["agents"] == [{"type": "other"}, {"type": "bollinger"}]


def test_agent_means_the_only_one_however_it_is_written() -> None:
    one = {"agents": [{"type": "sma_cross"}]}
    assert apply(one, ["agent.fast=10"], ["sma_cross"])[0]["agents"][0]["fast"] == 10
    single = {"agent": {"type": "sma_cross"}}
    for setting in ("agent.fast=10", "agents.sma_cross.fast=10", "agents.0.fast=10"):
        assert apply(single, [setting], ["sma_cross"])[0]["agent"]["fast"] == 10


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("a..b=3", "expected KEY=VALUE"),
        ("seed=[1", "is no TOML value"),
        ("seed=two words", "is no TOML value"),
        ("agents.smaa.fast=1", "no agent 'smaa'; there are sma, bollinger; did you mean 'sma'?"),
        ("agents.7.fast=1", "no agent '7'"),
        ("agent.fast=1", "there are 2 agents, sma, bollinger; say which: agents.sma.fast=..."),
        ("seed.x=1", "seed is 1, which has nothing inside"),
        ("list.0=1", "list is a list; set it as a whole"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply(DATA, [setting], LABELS)
    assert expected in str(caught.value)
    assert setting in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("cost.fees.taker=1e-4", "cost: unknown key; there are name, seed, market, markets, costs, margin"),
        (
            "costs.fee.taker=1e-4",
            "costs.fee: unknown key; there are half_spread, fees, funding, impact, latency; did you mean 'fees'?",
        ),
        (
            "market.source=bras",
            "market.source: expected one of 'synthetic', 'bars', 'books', 'quotes', 'trades', 'store', 'world', "
            "got 'bras'",
        ),
        ("seed='1'", "seed: expected a whole number, got '1'"),
        ("sizing={ kind = 'fixed_notional' }", "sizing.amount: is missing"),
    ],
)
def test_an_override_that_no_config_can_hold_is_told_as_an_override(setting: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("quickstart", [setting])
    assert str(caught.value).startswith(f"--set {setting}: {expected}")
