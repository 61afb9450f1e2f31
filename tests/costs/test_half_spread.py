"""The half-spread model refuses what makes no sense and says what it assumes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from halfspread.costs.half_spread import HalfSpread
from halfspread.errors import ConfigError


def test_the_constructors_name_their_kind() -> None:
    made = [
        HalfSpread.none(),
        HalfSpread.price(0.1),
        HalfSpread.ticks(1),
        HalfSpread.bps(2),
        HalfSpread.from_bars(),
        HalfSpread.from_quotes(),
        HalfSpread.by_hour([1.0] * 24),
    ]
    assert [model.kind for model in made] == ["none", "price", "ticks", "bps", "bars", "quotes", "hours"]
    assert [model.code for model in made] == [0, 1, 2, 3, 4, 5, 6]
    assert [model.amount for model in made] == [0.0, 0.1, 1.0, 2.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"kind": "ticks", "amount": -1}, "amount: Input should be greater than or equal to 0, got -1"),
        ({"kind": "ticks", "amount": float("nan")}, "finite number"),
        ({"kind": "price", "amount": float("inf")}, "finite number"),
        ({"kind": "none", "amount": 1}, "kind 'none' takes no amount, got 1"),
        ({"kind": "bars", "amount": 1}, "kind 'bars' takes no amount"),
        ({"kind": "ticks", "amount": 1, "missing": "last"}, "is for quotes in the bars"),
        ({"kind": "bps", "amount": 10_000}, "below 10,000 bp"),
        ({"kind": "pips", "amount": 1}, "kind: Input should be 'none', 'price', 'ticks', 'bps', 'bars'"),
        ({"kind": "quotes", "amount": 1}, "kind 'quotes' takes no amount"),
        ({"kind": "bps", "amount": 1, "table": [1.0] * 24}, "kind 'bps' takes no table of hours"),
        ({"kind": "hours"}, "table: expected 24 half-spreads by hour of the day or 168 by hour of the week, got 0"),
        ({"kind": "hours", "table": [1.0] * 25}, "by hour of the week, got 25"),
        ({"kind": "hours", "table": [1.0] * 23 + [-1]}, "table: hour 23: expected basis points from 0"),
        ({"kind": "hours", "table": [1e4] * 24}, "table: hour 0: expected basis points"),
        ({"kind": "none", "amuont": 1}, "amuont: Extra inputs are not permitted"),
    ],
)
def test_a_half_spread_that_makes_no_sense_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match="HalfSpread: ") as caught:
        HalfSpread(**fields)
    assert complaint in str(caught.value)


def test_inside_a_config_the_error_keeps_the_path_to_the_field() -> None:
    with pytest.raises(ValidationError) as caught:
        HalfSpread.model_validate({"kind": "ticks", "amount": "wide"})
    assert caught.value.errors()[0]["loc"] == ("amount",)


def test_a_half_spread_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        HalfSpread.ticks(1).amount = 2.0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (HalfSpread.none(), "no half-spread"),
        (HalfSpread.ticks(1), "1 tick wide at all times; a taker pays half"),
        (HalfSpread.ticks(2), "2 ticks wide"),
        (HalfSpread.bps(1.5), "1.5 bp of the price"),
        (HalfSpread.price(0.25), "0.25 in quote currency"),
        (HalfSpread.from_bars(), "a missing quote stops the run"),
        (HalfSpread.from_bars("last"), "replaced by the last half-spread seen"),
        (HalfSpread.from_quotes(), "half of the spread shown at that moment"),
        (
            HalfSpread.by_hour([1.0] * 23 + [3.0]),
            "by hour of the day (UTC), 1 to 3 bp of the price, 1.08 bp on average",
        ),
    ],
)
def test_the_report_says_in_one_sentence_what_is_assumed(model: HalfSpread, words: str) -> None:
    assert words in model.describe()
    assert not model.describe().endswith(".")
    assert "\n" not in model.describe()
