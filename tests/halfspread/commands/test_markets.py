"""Books, orders and several instruments from the command line: files, JSON, comparisons, interruptions."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from halfspread.configs.load import packaged

Command = Any
Start = Callable[..., subprocess.Popen[str]]

BOOK = """\
name = "book"
seed = 3

[market]
source = "world"
world = "consistent"
duration = "3m"
levels = 3
first_price = 300.0
tick = 0.01
lot = 1.0
trades_per_snapshot = 1.0
level_size = 20.0
trade_size = 5.0
bars_interval = "10s"

[costs]
half_spread = { kind = "quotes" }
fees = { kind = "constant", taker = 5.5e-4, maker = 2e-4 }
funding = { kind = "none" }

[sizing]
kind = "fixed_contracts"
contracts = 10
"""
LEGS = """\
name = "legs"

[market]
source = "world"
world = "two_legs"
bars = 100

[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5.5e-4, maker = 2e-4 }
funding = { kind = "published" }

[sizing]
kind = "fixed_notional"
amount = 10_000

[[agents]]
type = "./pairs.py"
name = "carry"

[[agents]]
type = "buy_and_hold"
"""
RESTS = """\
import halfspread as hs


class Rests(hs.Strategy):
    def on_book(self, market):
        if market.open_contracts(getattr(self, "order", -1)) == 0.0:
            side = -1.0 if market.position > 0 else 1.0
            self.order = market.send_limit(10.0 * side, market.bid if side > 0 else market.ask)
        market.send_limit(1.0, -5.0)
"""
PAIRS = """\
import halfspread as hs


class Pairs(hs.Strategy):
    def on_bar(self, market):
        return {"INVERSE": -1.0, "LINEAR": 1.0}
"""


def only(name: str) -> Path:
    (folder,) = Path("runs", name).iterdir()
    return folder


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of a book with an agent that rests orders, and sends one a time that is refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rests.py").write_text(RESTS, encoding="utf-8")
    path = tmp_path / "book.toml"
    path.write_text(BOOK + '[agent]\ntype = "./rests.py"\n', encoding="utf-8")
    return path


@pytest.fixture
def legs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of two instruments, and an agent for both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.py").write_text(PAIRS, encoding="utf-8")
    path = tmp_path / "legs.toml"
    path.write_text(LEGS, encoding="utf-8")
    return path


def test_a_run_on_a_book_leaves_the_ledger_of_orders(book: Path, halfspread: Command) -> None:
    done = halfspread("run", book, "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    orders = pd.read_parquet(only("book") / "orders.parquet")
    assert len(orders) == data["orders"] == data["counts"]["orders"] > 100
    assert (orders["state"] == "rejected").sum() == data["rejections"] > 100
    assert set(orders.loc[orders["state"] == "rejected", "reason"]) == {"price not above zero"}
    filled = orders[orders["state"] == "filled"]
    assert filled["filled"].abs().sum() > 0
    assert str(orders["sent"].dtype) == "datetime64[ns, UTC]"
    fills = pd.read_parquet(only("book") / "fills.parquet")
    assert fills["contracts"].abs().sum() == pytest.approx(orders["filled"].abs().sum())
    assert data["matching"] == "pessimistic"
    assert data["liquidations"] == 0
    assert list(data["by_instrument"]) == ["custom:BOOK"]


def test_the_rule_of_matching_can_be_overridden_and_changes_the_fills(book: Path, halfspread: Command) -> None:
    def filled(*settings: str) -> float:
        given = [word for setting in settings for word in ("--set", setting)]
        data = json.loads(halfspread("run", book, "--json", "--no-report", *given).out)
        assert data["matching"] == ("optimistic" if "execution.matching=optimistic" in settings else "pessimistic")
        return float(pd.read_parquet(Path(data["run_dir"]) / "orders.parquet")["filled"].abs().sum())

    found = [filled(), filled("execution.matching=optimistic"), filled("costs.latency.order.delay=300ms")]
    assert len(set(found)) == 3
    assert min(found) > 0.0


def test_equal_runs_on_a_book_leave_equal_files(book: Path, halfspread: Command) -> None:
    halfspread("run", book, "--no-report")
    halfspread("run", book, "--no-report")
    first, second = sorted(Path("runs", "book").iterdir())
    for name in ("metrics.json", "equity.parquet", "fills.parquet", "orders.parquet", "attribution.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_several_instruments_have_a_position_each_and_parts_that_add_up(legs: Path, halfspread: Command) -> None:
    done = halfspread("run", legs, "--agent", "carry", "--json", "--set", "execution.report_currency=USD")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    curve = pd.read_parquet(only("legs") / "equity.parquet")
    assert list(curve) == ["time", "equity", "collateral", "position_INVERSE", "position_LINEAR"]
    last = curve.iloc[-1]
    assert last["position_INVERSE"] < 0 < last["position_LINEAR"]
    parts = data["by_instrument"]
    assert list(parts) == ["custom:INVERSE", "custom:LINEAR"]
    for name in ("price", "fee", "funding"):
        total = sum(part[name] for part in parts.values())
        assert total == pytest.approx(data["attribution"][name], abs=1e-12)
    assert sum(part["fills"] for part in parts.values()) == data["metrics"]["fills"] == 2
    assert (only("legs") / "report.html").is_file()


def test_agents_are_compared_on_several_instruments(legs: Path, halfspread: Command) -> None:
    done = halfspread("compare", legs, "--json")
    assert done.code == 0, done.err
    agents = json.loads(done.out)["agents"]
    assert {agent["name"] for agent in agents} == {"carry", "buy_and_hold"}
    for agent in agents:
        assert (Path(agent["run_dir"]) / "orders.parquet").is_file()
    assert "carry" in halfspread("compare", legs).out


def test_configs_with_other_margins_are_not_compared_on_equal_terms(small: Path, halfspread: Command) -> None:
    other = small.with_name("other.toml")
    other.write_text(small.read_text(encoding="utf-8") + '\n[margin]\nkind = "none"\n', encoding="utf-8")
    assert "the configs differ in margin: " in halfspread("compare", small, other).err
    other.write_text(small.read_text(encoding="utf-8").replace("days = 3", "days = 4"), encoding="utf-8")
    assert "the configs differ in market: " in halfspread("compare", small, other).err


def test_an_account_that_is_liquidated_is_counted_and_told(small: Path, halfspread: Command) -> None:
    big = ("sizing.amount=1_000_000", "execution.capital=13_000", "agent={ type = 'buy_and_hold' }")
    given = [word for setting in (*big, "market.days=20") for word in ("--set", setting)]
    data = json.loads(halfspread("run", small, "--json", *given).out)
    assert data["liquidations"] >= 1
    assert data["attribution"]["liquidation"] < 0
    assert any("liquidated" in warning for warning in data["warnings"])
    without = json.loads(halfspread("run", small, "--json", *given, "--set", "margin.kind=none").out)
    assert without["liquidations"] == 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["costs.half_spread.kind=bars"], "the half-spread is to come from the bars, but they have no bid_open"),
        (["costs.half_spread={ kind = 'ticks', amount = 1 }"], "is traded against book snapshots, which a taker walks"),
        (["costs.funding.kind=published"], "funding is to be charged, but the tape has no rates"),
        (["execution.fill=next_close"], "next_close is for bars"),
        (["margin.leverage=500"], "allows a leverage of up to 100x"),
        (
            ["market.show=['trades']", "costs.half_spread={ kind = 'bps', amount = 1 }"],
            "decides on book events, and the tape holds trades only",
        ),
        (["execution.rates={ EUR = 1.1 }"], "rates: EUR: nothing settles in it"),
        (["execution.capital={ EUR = 1e3 }"], "capital: expected an amount for each account (USDT)"),
    ],
)
def test_what_does_not_fit_the_market_is_told_and_leaves_nothing(
    book: Path, halfspread: Command, settings: list[str], expected: str
) -> None:
    given = [word for setting in settings for word in ("--set", setting)]
    done = halfspread("run", book, *given)
    assert done.code == 2
    assert expected in done.err
    assert not [path for path in Path("runs").rglob("*") if path.is_file()]


def test_an_agent_that_fails_in_the_middle_of_a_book_leaves_nothing(book: Path, halfspread: Command) -> None:
    fails = RESTS + "        if market.time > 1_704_067_260_000_000_000:\n            raise KeyError('oh')\n"
    book.with_name("rests.py").write_text(fails, encoding="utf-8")
    done = halfspread("run", book)
    assert done.code == 2
    assert "KeyError: 'oh'" in done.err
    assert not [path for path in Path("runs").rglob("*") if path.is_file()]


def test_an_interruption_in_the_middle_of_a_book_leaves_nothing(book: Path, start: Start) -> None:
    waits = RESTS.replace("import halfspread as hs\n", "import pathlib\nimport time\n\nimport halfspread as hs\n", 1)
    waits += "        if market.time > 1_704_067_260_000_000_000:\n"
    waits += '            pathlib.Path("started").touch()\n            time.sleep(60)\n'
    book.with_name("rests.py").write_text(waits, encoding="utf-8")
    process = start("run", book)
    for _ in range(6000):
        if book.with_name("started").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted; nothing was written" in said
    assert not list(book.parent.joinpath("runs").rglob("*"))


#: The ready-made configs that need no files, cut to a size that runs at once.
SMALL = {
    "book_snapshots": ["market.duration=15m"],
    "carry_two_legs": ["market.bars=200"],
    "clone_reversion": ["market.bars=1500", "training.until=2024-01-04"],
    "clone_trend": ["market.days=8", "training.until=2024-01-05"],
    "market_maker": ["market.duration=2m"],
    "quickstart": ["market.days=3"],
}


def test_every_ready_made_config_without_files_is_run_here() -> None:
    texts = {name: path.read_text("utf-8") for name, path in packaged().items()}
    outside = (
        "$HALFSPREAD_DATA",
        'source = "store"',
    )  # run in test_shipped.py, test_data_path.py, test_book_captures.py
    assert {name for name, text in texts.items() if not any(word in text for word in outside)} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_ready_made_config_runs_as_a_user_starts_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, halfspread: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word for setting in SMALL[name] for word in ("--set", setting)]
    done = halfspread("compare", name, *given)
    assert done.code == 0, done.err
    folder = only(name)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert any(agent["metrics"]["fills"] > 0 for agent in metrics["agents"])
    assert (folder / "report.html").is_file()


def test_the_best_distance_shows_in_the_world_of_the_market_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, halfspread: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(
        halfspread("compare", "market_maker", "--json", "--no-report", "--set", "market.duration=30m").out
    )
    earned = {agent["name"]: agent["metrics"]["total_return"] for agent in data["agents"]}
    assert next(iter(earned)) == "5_ticks"
    assert earned["5_ticks"] > earned["7_ticks"] > earned["12_ticks"] > 0.0
    assert earned["5_ticks"] > earned["3_ticks"] > earned["1_tick"] > 0.0
    # 2 A exp(-k d tick) d tick a second, less what the limit to the inventory and the way of the mid make of it.
    theory = 1800 * 2.0 * math.exp(-0.4 * 2.5) * 2.5
    notional = data["agents"][0]["metrics"]["notional"]
    assert earned["5_ticks"] * notional == pytest.approx(theory, rel=0.2)


def test_the_legs_of_the_carry_cancel_out_and_the_funding_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, halfspread: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(halfspread("run", "carry_two_legs", "--agent", "pairs_carry", "--json", "--no-report").out)
    one, other = data["by_instrument"].values()
    assert abs(one["price"]) > 0.1
    assert abs(one["price"] + other["price"]) < 0.01
    # 270 settlements at the expected difference of the rates.
    assert one["funding"] + other["funding"] == pytest.approx(270 * 2.466e-4, abs=0.02)
    assert data["counts"]["refused_targets"] == 0


def test_quotes_of_bybit_are_carried_and_paid(
    halfspread_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, halfspread: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(halfspread("run", "bybit_quotes", "--agent", "sma_cross", "--json", "--no-report").out)
    assert data["counts"]["quotes_carried"] == 261
    assert data["counts"]["bars_without_quote"] == 0
    assert "261 of 721 bars came without a quote" in data["assumptions"]["reference price"]
    fills = pd.read_parquet(only("bybit_quotes") / "fills.parquet")
    # Half of a spread of one tick, 0.5 USDT, on every contract, whatever the minute.
    assert fills["half_spread"].to_numpy() == pytest.approx(-0.25 * fills["contracts"].abs().to_numpy())
