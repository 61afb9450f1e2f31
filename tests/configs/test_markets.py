"""Markets of a config: books, quotes and trades from files, synthetic worlds, several instruments, carried quotes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from halfspread.configs.build import build_agents, build_tape, data_files, effective
from halfspread.configs.load import Loaded, load
from halfspread.configs.toml import to_toml
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import PoissonBook, consistent_market, two_legs
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError, InstrumentError

REST = """
[costs]
half_spread = { kind = "quotes" }
fees = { kind = "constant", taker = 5e-4, maker = 0.0 }
funding = { kind = "none" }
[sizing]
kind = "fixed_contracts"
contracts = 1
[agent]
type = "buy_and_hold"
"""
TERMS = '{ kind = "linear", base = "BTC", quote = "USDT", tick = 0.1, lot = 0.001 }'
OWN = f'venue = "here"\nsymbol = "BOOK"\ncontract = {TERMS}\n'
WORLD = consistent_market(np.random.default_rng(5), "3m", levels=3, trades_per_snapshot=1.0, feed_latency="5ms")


def config(folder: Path, market: str, *settings: str) -> Loaded:
    path = folder / "market.toml"
    path.write_text('name = "market"\nseed = 5\n' + market + REST, encoding="utf-8")
    return load(path, settings)


def fault(folder: Path, market: str, *settings: str) -> str:
    with pytest.raises((ConfigError, DataError, InstrumentError)) as caught:
        build_tape(config(folder, market, *settings))
    return str(caught.value)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("books", "quotes", "trades", "bars"):
        WORLD.table(name).to_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def events(source: str, *names: str, more: str = "") -> str:
    tables = "".join(f'{name} = "{name}.parquet"\n' for name in names)
    return f'[market]\nsource = "{source}"\n{OWN}{tables}{more}'


@pytest.mark.parametrize(
    ("source", "names", "kinds"),
    [
        ("books", ("books",), ("books",)),
        ("books", ("books", "quotes", "trades", "bars"), ("books", "quotes", "trades", "bars")),
        ("quotes", ("quotes", "trades"), ("quotes", "trades")),
        ("trades", ("trades",), ("trades",)),
    ],
)
def test_a_market_of_events_is_read_from_its_files(
    files: Path, source: str, names: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    loaded = config(files, events(source, *names))
    tape = build_tape(loaded)
    assert tape.feeds[0].kinds == kinds
    assert tape.feeds[0].market == source
    assert sorted(data_files(loaded)) == sorted(names)


def test_a_streamed_market_of_events_is_the_same_market(files: Path) -> None:
    market = events("books", "books", "trades", "bars", more="levels = 2\n")
    whole = build_tape(config(files, market))
    streamed = build_tape(config(files, market, "market.stream=true"))
    assert streamed.streamed
    assert streamed.hash() == whole.hash()


def test_bars_are_made_of_the_events_where_that_is_asked_for(files: Path) -> None:
    tape = build_tape(config(files, events("books", "books", "trades", more='bars_interval = "30s"\n')))
    assert tape.feeds[0].kinds == ("books", "trades", "bars")
    assert tape.interval == 30_000_000_000
    assert tape.origin["bars"].startswith("30s bars made of")


def test_the_range_the_clock_and_the_columns_can_be_said(files: Path) -> None:
    table = WORLD.table("quotes").rename(columns={"ts": "received", "exch_ts": "stamped"})
    table["received"] -= 20_000_000  # a local clock that is behind
    table.to_parquet(files / "quotes.parquet")
    more = 'time_column = "received"\nexchange_column = "stamped"\n'
    assert "local time at or after the exchange time" in fault(files, events("quotes", "quotes", more=more))
    tape = build_tape(config(files, events("quotes", "quotes", more=more + 'clock = "shift"\n')))
    assert tape.feeds[0].quotes is not None
    assert tape.feeds[0].quotes.counts["clock_shift_ns"] == 15_000_000
    cut = 'clock = "exchange"\nstart = 2024-01-01T00:01:00Z\nend = 2024-01-01T00:02:00Z\n'
    assert len(build_tape(config(files, events("quotes", "quotes", more=more + cut)))) == 601


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        (events("books", "quotes"), ":3: market.books: source 'books' needs this file"),
        (events("quotes", "quotes", "books"), "market.books: they would fill the orders, not the quotes; set source"),
        (events("trades", "trades", more="levels = 3\n"), "market.levels: only books have levels"),
        (events("books", "books", more='bars_interval = "1m"\nstream = true\n'), "market.bars_interval: bars are made"),
        (events("books", "books", "bars", more='bars_interval = "1m"\n'), "there is a file of bars already"),
        (events("books", "books", more='interval = "1m"\n'), "market.interval: is for a file of bars"),
        (events("books", "books", more='clock = "shif"\n'), "expected 'error', 'shift' or 'exchange', got 'shif'"),
        (events("books", "books", more='books_file = "x"\n'), "market.books_file: unknown key"),
        (events("books", "books", more="start = 2024-01-02\nend = 2024-01-01\n"), "market.end: expected a time after"),
        (events("books", "books", more='trades = "absent.parquet"\n'), "market.trades: "),
        (events("books", "books", more='bars_interval = "1h"\n'), "market.bars_interval: "),
    ],
)
def test_a_market_of_events_that_cannot_be_is_told_with_its_place(files: Path, market: str, expected: str) -> None:
    message = fault(files, market)
    assert expected in message
    assert "market.toml:" in message


def test_only_parquet_is_streamed(files: Path) -> None:
    WORLD.table("trades").to_csv(files / "trades.csv", index=False)
    message = fault(files, events("books", "books", more='trades = "trades.csv"\nstream = true\n'))
    assert "market.stream: only Parquet files can be streamed, got trades.csv" in message


def test_a_contract_may_have_margin_tiers_and_order_sizes(files: Path) -> None:
    terms = (
        events("books", "books").split("contract")[0]
        + 'books = "books.parquet"\n[market.contract]\nkind = "linear"\nbase = "BTC"\nquote = "USDT"\ntick = 0.1\n'
        + "lot = 0.001\nmin_contracts = 0.002\nmax_contracts = 50\n[market.contract.margin]\n"
        + "tiers = [{ limit = 1e6, initial = 0.02, maintenance = 0.01 }, { initial = 0.05, maintenance = 0.025 }]\n"
    )
    instrument = build_tape(config(files, terms)).instrument
    assert (instrument.min_contracts, instrument.max_contracts) == (0.002, 50)
    assert instrument.margin_schedule.max_leverage(0, 5e5) == 50.0
    assert instrument.margin_schedule.max_leverage(0, 5e6) == 20.0
    message = fault(files, terms.replace("limit = 1e6, ", ""))
    assert "market.toml:17: market.contract.margin.tiers: tier 1: expected a limit above that of tier 0" in message
    message = fault(files, terms.replace("max_contracts = 50", "max_contracts = 0.001"))
    assert "market.toml:15: market.contract.max_contracts: expected at least the smallest order of 0.002" in message


POISSON = '[market]\nsource = "world"\nworld = "poisson_book"\nduration = "1m"\nlevels = 4\n'


def test_a_world_is_made_of_its_parameters_and_the_seed(tmp_path: Path) -> None:
    world = PoissonBook(duration="1m", levels=4).market(np.random.default_rng(5))
    assert build_tape(config(tmp_path, POISSON)).hash() == world_tape(world).hash()
    assert build_tape(config(tmp_path, POISSON, "seed=6", "market.seed=5")).hash() == world_tape(world).hash()
    assert build_tape(config(tmp_path, POISSON, "seed=6")).hash() != world_tape(world).hash()


@pytest.mark.parametrize(
    ("world", "more"),
    [
        ("consistent", 'duration = "2m"\nlevels = 3\n'),
        ("book", "snapshots = 100\n"),
        ("trending", "bars = 50\n"),
        ("mean_reverting", "bars = 50\nhalf_life = 5.0\n"),
        ("pure_noise", "bars = 50\n"),
        ("signal", "bars = 50\n"),
        ("constant_funding", "bars = 50\nrate = -2e-4\n"),
        ("two_legs", "bars = 50\n"),
    ],
)
def test_every_world_makes_a_market_and_is_shown_as_it_reads_back(tmp_path: Path, world: str, more: str) -> None:
    loaded = config(tmp_path, f'[market]\nsource = "world"\nworld = "{world}"\n{more}')
    tape = build_tape(loaded)
    assert len(tape.instruments) == (2 if world == "two_legs" else 1)
    text = to_toml(effective(loaded, build_agents(loaded)))
    shown = tmp_path / "shown.toml"
    shown.write_text(text, encoding="utf-8")
    assert build_tape(load(shown)).hash() == tape.hash()
    assert to_toml(effective(load(shown), build_agents(load(shown)))) == text


def test_tables_of_a_world_can_be_left_out(tmp_path: Path) -> None:
    assert build_tape(config(tmp_path, POISSON, "market.show=['quotes']")).feeds[0].kinds == ("quotes",)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("market.intensiti=2", "market.intensiti: unknown key; there are "),
        ("market.intensiti=2", "did you mean 'intensity'?"),
        ("market.intensity=-2", "market.intensity: expected greater than 0, got -2"),
        ("market.world=poison_book", "market.world: expected one of 'poisson_book', 'consistent', 'book'"),
        ("market.first_price=1", "market.first_price: expected at least"),
        ("market.show=['book']", "market.show[0]: expected 'books', 'quotes', 'trades' or 'bars', got 'book'"),
        ("market={ source = 'world' }", "market.world: is missing; expected one of 'poisson_book'"),
        ("market={ source = 'world', world = 'consistent', snapshots = 9 }", "takes a duration instead"),
        ("market={ source = 'world', world = 'trending', start = 2024-01-01T00:00:01Z }", "market.start: expected a"),
        ("market.start=soon", "market.start: expected a time such as 2024-01-31"),
    ],
)
def test_a_world_that_cannot_be_is_told_with_the_setting(tmp_path: Path, setting: str, expected: str) -> None:
    message = fault(tmp_path, POISSON, setting)
    assert expected in message
    assert message.startswith(f"--set {setting}: ")


def two_markets(second: str = "quotes") -> str:
    first = f'[[markets]]\nsource = "books"\n{OWN}books = "books.parquet"\n'
    other = f'[[markets]]\nsource = "{second}"\n{OWN}{second} = "{second}.parquet"\n'
    return first + other.replace('"BOOK"', '"QUOTE"')


def test_several_markets_are_joined_in_their_order(files: Path) -> None:
    loaded = config(files, two_markets())
    tape = build_tape(loaded)
    assert [feed.instrument.symbol for feed in tape.feeds] == ["BOOK", "QUOTE"]
    assert [feed.market for feed in tape.feeds] == ["books", "quotes"]
    assert list(data_files(loaded)) == ["markets[0].books", "markets[1].quotes"]


def test_two_legs_are_two_instruments_of_one_market(tmp_path: Path) -> None:
    tape = build_tape(config(tmp_path, '[market]\nsource = "world"\nworld = "two_legs"\nbars = 40\n'))
    assert tape.hash() == Tape.join(*map(world_tape, two_legs(np.random.default_rng(5), bars=40))).hash()


def test_a_market_is_overridden_by_symbol_or_number(files: Path) -> None:
    for which in ("QUOTE", "1"):
        tape = build_tape(config(files, two_markets(), f"markets.{which}.end=2024-01-01T00:01:00Z"))
        assert [len(feed) for feed in tape.feeds] == [1800, 601]
    message = fault(files, two_markets(), "market.end=2024-01-01T00:01:00Z")
    assert "there are 2 markets, BOOK, QUOTE; say which: markets.BOOK.end=..." in message
    message = fault(files, two_markets(), "markets.QUOT.levels=1")
    assert "no market 'QUOT'; there are BOOK, QUOTE; did you mean 'QUOTE'?" in message


def test_faults_in_one_of_several_markets_are_told_with_its_line(files: Path) -> None:
    message = fault(files, two_markets().replace("quotes.parquet", "absent.parquet"))
    assert "market.toml:14: markets[1].quotes: " in message
    assert "market.toml:15: markets[1].levels: only books" in fault(files, two_markets() + "levels = 2\n")
    own = f"contract = {TERMS}\n"
    table = '[markets.contract]\nkind = "linear"\nbase = "BTC"\nquote = "USDT"\ntick = -1\n'
    nested = two_markets()[::-1].replace(own[::-1], "", 1)[::-1] + table
    assert "market.toml:18: markets[1].contract.tick: expected greater than 0" in fault(files, nested)
    double = two_markets().replace('"QUOTE"', '"BOOK"')
    assert "here:BOOK is there 2 times" in fault(files, double)


def test_one_market_or_several_but_not_both_and_not_none(files: Path) -> None:
    both = events("books", "books") + two_markets()
    assert "expected one [market], or one or more [[markets]], got both" in fault(files, both)
    assert "expected one [market], or one or more [[markets]], got neither" in fault(files, "")


def test_quotes_of_bars_are_carried_only_where_the_config_says_so(tmp_path: Path) -> None:
    frame = WORLD.table("bars").copy()
    frame.loc[1, ["bid_open", "ask_open", "bid_close", "ask_close"]] = np.nan
    frame.to_parquet(tmp_path / "bars.parquet")
    market = f'[market]\nsource = "bars"\n{OWN}bars = "bars.parquet"\n'
    assert build_tape(config(tmp_path, market)).bars.counts["bars_without_quote"] == 1
    for more in ((), ("market.stream=true",)):
        tape = build_tape(config(tmp_path, market, "market.quotes=carry", *more))
        for feed in tape.feeds:
            for _ in feed.blocks("bars"):
                pass
        assert tape.bars.counts["quotes_carried"] == 1
    assert "market.quotes: expected 'as_given' or 'carry', got 'carried'" in fault(
        tmp_path, market, "market.quotes=carried"
    )
    assert "market.carry_limit: is for quotes = 'carry'" in fault(tmp_path, market, "market.carry_limit=1h")
