"""No cost is left out without saying so."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from halfspread.costs import Costs, Delay, Fees, Funding, HalfSpread, Impact, Latency
from halfspread.errors import ConfigError


def test_half_spread_fees_and_funding_are_required() -> None:
    with pytest.raises(ConfigError, match=r"fees, funding missing: .* for none say .*Fees.none\(\)"):
        Costs(half_spread=HalfSpread.none())  # type: ignore[call-arg]


def test_a_misspelt_cost_is_refused() -> None:
    with pytest.raises(ConfigError, match="slippage: Extra inputs"):
        Costs(  # type: ignore[call-arg]
            half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none(), slippage=1
        )


def test_costs_are_read_from_the_plain_values_of_a_config() -> None:
    read = Costs.model_validate(
        {
            "half_spread": {"kind": "ticks", "amount": 1},
            "fees": {"taker": 5.5e-4, "maker": 2e-4},
            "funding": {"kind": "published", "missing": "previous"},
        }
    )
    assert read == Costs(
        half_spread=HalfSpread.ticks(1), fees=Fees(taker=5.5e-4, maker=2e-4), funding=Funding.published("previous")
    )
    assert Costs.model_validate_json(read.model_dump_json()) == read


def test_a_fault_in_a_config_is_named_by_its_path() -> None:
    with pytest.raises(ValidationError) as caught:
        Costs.model_validate(
            {"half_spread": {"kind": "none"}, "fees": {"taker": 0.055, "maker": 0}, "funding": {"kind": "none"}}
        )
    assert caught.value.errors()[0]["loc"] == ("fees", "taker")


def test_the_report_gets_a_sentence_on_each_cost() -> None:
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
    assert costs.describe() == {
        "half_spread": "no half-spread is charged: a taker fills at the reference price",
        "fees": "no fees are charged",
        "funding": "no funding is paid or received",
        "impact": Impact.none().describe(),
        "latency": Latency.none().describe(),
    }


def test_impact_and_latency_are_none_unless_they_are_given() -> None:
    plain = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
    assert plain.impact == Impact.none()
    assert plain.latency == Latency.none()
    given = Costs.model_validate(
        {
            **plain.model_dump(),
            "impact": {"kind": "square_root", "coefficient": 0.8},
            "latency": {"order": {"kind": "fixed", "delay": "10ms"}},
        }
    )
    assert given.impact == Impact.square_root(0.8)
    assert given.latency == Latency(order=Delay.fixed("10ms"))


def test_importing_the_costs_loads_no_compiler_and_no_tables() -> None:
    code = "import sys, halfspread.costs; print([m for m in ('numba', 'pandas', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
