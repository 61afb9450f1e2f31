"""Costs of a config: latencies as tables, measured delays from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from halfspread.configs.build import build_agents, data_files, effective, run_terms
from halfspread.configs.costs import build_costs
from halfspread.configs.load import Loaded, load
from halfspread.configs.toml import to_toml
from halfspread.costs.latency import Delay
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.errors import ConfigError, DataError

BASE = """\
name = "costs"
[market]
source = "synthetic"
days = 2
[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5e-4, maker = 0.0 }
funding = { kind = "none" }
[sizing]
kind = "fixed_notional"
amount = 10_000
[agent]
type = "buy_and_hold"
"""
TIMES = np.array([1_704_067_200, 1_704_070_800]) * 1_000_000_000


def config(folder: Path, *settings: str, more: str = "") -> Loaded:
    path = folder / "costs.toml"
    path.write_text(BASE.replace("[sizing]", more + "[sizing]"), encoding="utf-8")
    return load(path, settings)


def costs(loaded: Loaded) -> Costs:
    return build_costs(loaded.config.costs, loaded.folder, loaded.places)


def fault(folder: Path, *settings: str, more: str = "") -> str:
    with pytest.raises((ConfigError, DataError)) as caught:
        costs(config(folder, *settings, more=more))
    return str(caught.value)


def test_there_is_no_latency_and_no_impact_unless_given(tmp_path: Path) -> None:
    built = costs(config(tmp_path))
    assert built.latency.is_zero
    assert built.impact.kind == "none"


def test_a_delay_is_a_table_and_the_answer_takes_as_long_as_the_order(tmp_path: Path) -> None:
    latency = costs(config(tmp_path, "costs.latency.order.delay=5ms")).latency
    assert (latency.order, latency.response, latency.feed) == (Delay.fixed("5ms"), Delay.fixed("5ms"), Delay.none())
    more = 'latency = { order = { kind = "lognormal", median = "9ms", sigma = 0.4 }, response = { delay = "1ms" } }\n'
    latency = costs(config(tmp_path, more=more)).latency
    assert (latency.order, latency.response) == (
        Delay(kind="lognormal", median="9ms", sigma=0.4),
        Delay.fixed("1ms"),
    )


def test_recorded_and_empirical_delays_are_read_from_their_file(tmp_path: Path) -> None:
    pd.DataFrame({"ts": TIMES, "ms": [1.5, 20.0]}).to_parquet(tmp_path / "delays.parquet")
    of_file = 'file = "delays.parquet", delay_column = "ms", delay_unit = "ms"'
    more = f'latency = {{ order = {{ kind = "recorded", {of_file} }}, feed = {{ kind = "empirical", {of_file} }} }}\n'
    loaded = config(tmp_path, more=more)
    latency = costs(loaded).latency
    assert latency.order == latency.response == Delay.recorded(TIMES, np.array([1_500_000, 20_000_000]))
    assert latency.feed == Delay.empirical([1_500_000, 20_000_000])
    assert data_files(loaded)["costs.latency.order"] == tmp_path / "delays.parquet"
    text = to_toml(effective(loaded, build_agents(loaded)))
    assert "1500000" not in text
    shown = tmp_path / "shown.toml"
    shown.write_text(text, encoding="utf-8")
    assert costs(load(shown)) == costs(loaded)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("{ kind = 'recorded' }", "costs.latency.order.file: kind 'recorded' needs a file of delays"),
        ("{ delay = '1ms', file = 'x.parquet' }", "costs.latency.order.file: is for kinds 'empirical' and 'recorded'"),
        ("{ kind = 'recorded', file = 'absent.parquet' }", "costs.latency.order.file: "),
        (
            "{ kind = 'recorded', file = 'delays.parquet', delay_column = 'us' }",
            "missing column(s) us; found ts, delay",
        ),
        ("{ kind = 'recorded', file = 'bad.parquet' }", "row 1: column delay: expected a delay, got nan"),
        ("{ kind = 'recorded', file = 'late.parquet' }", "expected a later time than the row before it"),
        ("{ kind = 'fixed' }", "costs.latency.order.delay: kind 'fixed' needs it"),
        ("{ delay = '2h' }", "costs.latency.order.delay: expected a delay of at most 1h, got '2h'"),
        ("{ delay = '5mm' }", "costs.latency.order.delay: expected a length of time such as '5ms'"),
        ("{ kind = 'lognormall', median = '1ms', sigma = 0.1 }", "did you mean 'lognormal'?"),
        ("{ dealy = '1ms' }", "costs.latency.order.dealy: unknown key"),
    ],
)
def test_a_delay_that_cannot_be_is_told_once_with_its_place(tmp_path: Path, order: str, expected: str) -> None:
    pd.DataFrame({"ts": TIMES, "delay": [1, 2]}).to_parquet(tmp_path / "delays.parquet")
    pd.DataFrame({"ts": TIMES, "delay": [1, np.nan]}).to_parquet(tmp_path / "bad.parquet")
    pd.DataFrame({"ts": TIMES[::-1], "delay": [1, 2]}).to_parquet(tmp_path / "late.parquet")
    message = fault(tmp_path, f"costs.latency.order={order}")
    assert expected in message
    assert len(message.splitlines()) == 1
    assert message.startswith("--set costs.latency.order=")


def test_impact_tiers_and_hours_are_read_as_tables(tmp_path: Path) -> None:
    built = costs(config(tmp_path, "costs.impact.kind=square_root", "costs.impact.coefficient=0.7"))
    assert (built.impact.kind, built.impact.coefficient) == ("square_root", 0.7)
    tiers = "[{ volume = 1e6, taker = 5e-4, maker = 0.0 }]"
    fees = f"{{ kind = 'dated', periods = [{{ taker = 6e-4, maker = 1e-4, tiers = {tiers} }}] }}"
    assert costs(config(tmp_path, f"costs.fees={fees}")).fees.periods[0].tiers[0].volume == 1e6
    table = ", ".join(["1.0"] * 24)
    built = costs(config(tmp_path, f"costs.half_spread={{ kind = 'hours', table = [{table}] }}"))
    assert built.half_spread.kind == "hours"
    assert "costs.impact.coefficient: expected less than or equal to 100" in fault(
        tmp_path, "costs.impact={ kind = 'square_root', coefficient = 1000 }"
    )


def test_margin_and_execution_reach_the_run(tmp_path: Path) -> None:
    assert run_terms(config(tmp_path))["margin"] == Margin.cross()
    assert run_terms(config(tmp_path, "margin.leverage=3"))["margin"] == Margin.cross(3)
    settings = (
        "margin={ kind = 'isolated', leverage = 5, without_mark = 'close' }",
        "execution={ matching = 'optimistic', stale_after = 0, rates = { USDT = 1.01 }, capital = { USDT = 5e3 } }",
        "execution.fill=this_close",
    )
    terms = run_terms(config(tmp_path, *settings))
    assert terms["margin"] == Margin.isolated(5, "close")
    assert (terms["matching"], terms["stale_after"], terms["fill"]) == ("optimistic", 0, "this_close")
    assert (terms["rates"], terms["capital"]) == ({"USDT": 1.01}, {"USDT": 5e3})


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("margin.kind=crss", "margin.kind: expected 'none', 'cross' or 'isolated', got 'crss'; did you mean 'cross'?"),
        ("margin.leverage=0.5", "margin.leverage: expected greater than or equal to 1, got 0.5"),
        ("margin={ kind = 'none', leverage = 5 }", "margin: kind 'none' takes no leverage and no without_mark"),
        ("execution.matching=optimist", "execution.matching: expected 'pessimistic' or 'optimistic'"),
        ("execution.fill=next_opn", "did you mean 'next_open'?"),
        ("execution.stale_after=soon", "execution.stale_after: expected"),
        ("execution.capital=-1", "execution.capital"),
        ("execution.capital={ USDT = 0 }", "execution.capital"),
        ("execution.rates={ USDT = 'one' }", "execution.rates.USDT: expected a number, got 'one'"),
    ],
)
def test_margin_and_execution_that_cannot_be_are_told_with_the_setting(
    tmp_path: Path, setting: str, expected: str
) -> None:
    message = fault(tmp_path, setting)
    assert expected in message
    assert message.startswith(f"--set {setting}: ")
