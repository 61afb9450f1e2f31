"""``halfspread data fetch``: what it asks for, what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from halfspread.commands import data_fetch
from halfspread.data_cli import add_data_commands
from halfspread.datafeeds.bybit.envelope import BybitLimits
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.net.http import Retries
from halfspread.errors import ConfigError, FetchError


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(days=2)


@pytest.fixture(scope="module")
def venue(market: GeneratedMarket) -> Iterator[FakeExchange]:
    with FakeExchange(market) as exchange:
        yield exchange


def arguments(*given: str) -> Namespace:
    parser = ArgumentParser()
    add_data_commands(parser)
    found = parser.parse_args(["fetch", *given])
    found.stdout = io.StringIO()
    return found


def run(venue: FakeExchange, folder: Path, *given: str) -> Namespace:
    where = ("--base-url", venue.bybit, "--dumps-url", venue.dumps, "--store", str(folder))
    found = arguments("bybit", "BTCUSDT", *where, "--requests-per-second", "5000", *given)
    assert data_fetch.execute(found) == 0
    return found


def test_the_usual_kinds_come_in_one_command(venue: FakeExchange, tmp_path: Path, capsys: Any) -> None:
    run(venue, tmp_path, "--interval", "1h", "--from", "2024-01-01")
    told = capsys.readouterr().out
    for kind in ("instrument", "bars_1h", "mark_1h", "index_1h", "funding"):
        assert kind in told
    assert "requests in" in told
    assert str(tmp_path) in told
    run(venue, tmp_path, "--interval", "1h", "--from", "2024-01-01", "--to", "2024-01-02")
    assert "nothing was missing" in capsys.readouterr().out


def test_kinds_may_be_named_and_the_object_says_what_came(venue: FakeExchange, tmp_path: Path) -> None:
    kinds = ("--kind", "trades", "--kind", "open_interest", "--interval", "1h")
    found = run(venue, tmp_path, *kinds, "--from", "2023-12-31", "--to", "2024-01-03", "--json")
    told = json.loads(found.stdout.getvalue())
    assert {part["kind"] for part in told["parts"]} == {"trades", "open_interest_1h"}
    parts = {part["kind"]: part for part in told["parts"]}
    assert parts["trades"]["rows"] > 0
    assert parts["trades"]["findings"] is not None
    assert "before the first row of the venue" in parts["open_interest_1h"]["holes"][0]["reason"]
    assert told["error"] is None


def test_rules_alone_need_no_time(venue: FakeExchange, tmp_path: Path, capsys: Any) -> None:
    run(venue, tmp_path, "--kind", "instrument", "--no-check")
    assert "instrument" in capsys.readouterr().out
    assert (tmp_path / "bybit" / "BTCUSDT" / "documents" / "risk_limits").is_dir()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_venue_that_stops_answering_is_an_error_after_what_was_kept(
    market: GeneratedMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, as_json: bool
) -> None:
    monkeypatch.setattr("halfspread.datafeeds.net.http.Retries.wait", lambda *given: 0.0)
    faults = Faults(schedule=dict.fromkeys(range(8, 99), "html"), repeat=None)
    with FakeExchange(market, faults) as venue:
        where = ("--base-url", venue.bybit, "--store", str(tmp_path), "--requests-per-second", "5000")
        kinds = ("--kind", "bars", "--interval", "1m", "--from", "2024-01-01", "--workers", "1")
        given = arguments("bybit", "BTCUSDT", *kinds, *where, *(["--json"] if as_json else []))
        with pytest.raises(FetchError, match="got a web page"):
            data_fetch.execute(given)
    if as_json:
        told = json.loads(given.stdout.getvalue())
        assert "got a web page" in told["error"]
        assert told["parts"][0]["rows"] > 0
    else:
        assert "the same command goes on from there" in capsys.readouterr().out


BARS = ("bybit", "A", "--interval", "5m", "--from", "2024-01-02")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nyse", "BTCUSDT"), "VENUE: expected bybit or bitmex, got 'nyse'"),
        (("bybit", "BTCUSDT", "--from", "2024-01-01"), "--interval: expected the length of bars, mark, index"),
        (("bybit", "BTCUSDT", "--interval", "5m"), "--from: expected the first time to fetch"),
        (("bybit", "BTCUSDT", "--kind", "funding", "--interval", "5m"), "--interval: funding have none"),
        ((*BARS, "--to", "2024-01-01"), "--to: expected a time after"),
        ((*BARS[:-1], "2099-01-01"), "--from: expected a time that is over, got 2099"),
        ((*BARS, "--base-url", "http://[bad"), "expected an address"),
        ((*BARS, "--workers", "0"), "--workers: expected 1 to 32"),
        ((*BARS, "--requests-per-second", "nan"), "--requests-per-second: expected a number above 0"),
        ((*BARS, "--interval", "7m"), "bybit: expected bars of 1m, 3m, 5m"),
        ((*BARS, "--interval", "7d"), "weeks and months have no fixed grid"),
        ((*BARS, "--base-url", "nowhere"), "expected an address"),
        (("bybit", "A", "--kind", "quotes", "--from", "2024-01-01"), "bybit: expected bars, mark, index, premium"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(
    given: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as told:
        data_fetch.execute(arguments(*given, "--store", str(tmp_path / "store")))
    assert said in str(told.value)
    assert not (tmp_path / "store").exists()


def test_the_venue_is_asked_gently_unless_told_otherwise() -> None:
    assert BybitLimits().per_second == 10.0
    assert Retries().attempts == 7
