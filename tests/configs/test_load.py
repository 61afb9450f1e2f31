"""Reading a config: what is right comes back typed, what is wrong is told with its place."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from halfspread.configs.load import find_config, load, packaged
from halfspread.configs.market import BarsSource, SyntheticSource
from halfspread.errors import ConfigError

BASE = """\
name = "mine"

[market]
source = "synthetic"
days = 2

[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5.5e-4, maker = 2e-4 }
funding = { kind = "published" }

[sizing]
kind = "fixed_notional"
amount = 10_000

[[agents]]
type = "sma_cross"
name = "sma"
fast = 20

[[agents]]
type = "buy_and_hold"
"""
BARS = """\
[market]
source = "bars"
venue = "bybit"
symbol = "BTCUSDT"
bars = "bars.parquet"
"""


def write(folder: Path, text: str = BASE) -> Path:
    path = folder / "mine.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def fault(folder: Path, old: str, new: str, *settings: str) -> str:
    """The message for the base config with ``old`` replaced by ``new``."""
    assert old in BASE
    with pytest.raises(ConfigError) as caught:
        load(write(folder, BASE.replace(old, new)), settings)
    return str(caught.value)


def test_a_config_comes_back_typed_and_frozen(tmp_path: Path) -> None:
    config = load(write(tmp_path)).config
    assert isinstance(config.market, SyntheticSource)
    assert config.market.days == 2
    assert config.costs.fees.taker == 5.5e-4
    assert config.execution.fill is None
    assert [agent.label for agent in config.all_agents] == ["sma", "buy_and_hold"]
    assert config.agents[0].parameters == {"fast": 20}
    with pytest.raises(Exception, match="frozen"):
        config.seed = 3


def test_times_are_utc_whether_written_as_date_as_time_or_as_text(tmp_path: Path) -> None:
    times = 'start = 2024-01-01\nend = 2024-01-01T12:00:00+02:00\ngaps = [["2024-01-01T03:00", 2024-01-01T04:00:00]]\n'
    text = BASE.replace('[market]\nsource = "synthetic"\ndays = 2\n', BARS + times)
    market = load(write(tmp_path, text)).config.market
    assert isinstance(market, BarsSource)
    assert market.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert market.end == datetime(2024, 1, 1, 10, tzinfo=UTC)
    assert market.gaps == ((datetime(2024, 1, 1, 3, tzinfo=UTC), datetime(2024, 1, 1, 4, tzinfo=UTC)),)


def test_a_typo_in_a_key_names_file_line_and_the_key_that_was_meant(tmp_path: Path) -> None:
    message = fault(tmp_path, "half_spread =", "half_spred =")
    assert f"{tmp_path / 'mine.toml'}:8: costs.half_spred: unknown key" in message
    assert "half_spread, fees, funding, impact, latency; did you mean 'half_spread'?" in message


def test_a_typo_in_a_table_of_agents_is_left_to_the_agent_but_not_in_another_table(tmp_path: Path) -> None:
    assert load(write(tmp_path, BASE.replace("fast = 20", "fsat = 20"))).config.agents[0].parameters == {"fsat": 20}
    assert "mine.toml:5: market.dayz: unknown key" in fault(tmp_path, "days = 2", "dayz = 2")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("amount = 10_000", 'amount = "10000"', "mine.toml:14: sizing.amount: expected a number, got '10000'"),
        ("amount = 10_000", "amount = -1", "mine.toml:14: sizing.amount: expected greater than 0, got -1"),
        ("amount = 10_000", "amount = nan", "mine.toml:14: sizing.amount: expected a finite number, got nan"),
        ("amount = 10_000\n", "", "mine.toml:12: sizing.amount: is missing"),
        ("days = 2", "days = 2.5", "mine.toml:5: market.days: expected a whole number, got 2.5"),
        ('name = "mine"', "name = 3", "mine.toml:1: name: expected a text in quotes, got 3"),
        ('name = "mine"', 'name = "../mine"', "mine.toml:1: name: expected letters, digits, '.', '_', '-'"),
        ('name = "mine"', 'name = "a/b"', "got 'a/b'"),
        ('name = "sma"', 'name = ".."', "mine.toml:18: agents[0].name: expected letters"),
        ('source = "synthetic"', 'source = "synthetc"', "market.source: expected one of 'synthetic', 'bars'"),
        ('source = "synthetic"', 'source = "synthetc"', "did you mean 'synthetic'?"),
        ('source = "synthetic"\n', "", "mine.toml:3: market.source: is missing; expected one of 'synthetic', 'bars'"),
        ('kind = "fixed_notional"', 'kind = "fixed"', "mine.toml:13: sizing.kind: expected one of 'fixed_notional'"),
        ("taker = 5.5e-4", "taker = 5.5", "mine.toml:9: costs.fees.taker: expected a fraction"),
        ("taker = 5.5e-4, ", "", "mine.toml:9: costs.fees"),
        ('kind = "published"', 'kind = "published", missing = "prev"', "expected 'error' or 'previous' or a number"),
        (
            'funding = { kind = "published" }\n',
            "",
            'costs.funding: is missing; a cost is never left out silently: write funding = { kind = "none" }',
        ),
        ('type = "buy_and_hold"', 'type = "buy_and_hold"\nname = "sma"', "2 agents are called 'sma'"),
        ("[[agents]]\n", "[[other]]\n", "other: unknown key"),
        ("days = 2", 'days = 2\nstart = "soon"', "market.start: expected a time such as 2024-01-31"),
        ("days = 2", 'days = 2\ninterval = "7m"', "mine.toml:6: market.interval: expected a length that divides a day"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_was_expected(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert expected in fault(tmp_path, old, new)


def test_every_fault_is_told_at_once_one_line_each(tmp_path: Path) -> None:
    message = fault(tmp_path, "days = 2", "dayz = 2", "sizing.amount=0", "seed=-1")
    assert [line.split(": ")[1] for line in message.splitlines()] == ["seed", "market.dayz", "sizing.amount"]


def test_a_config_without_agents_or_with_both_forms_is_refused(tmp_path: Path) -> None:
    start = BASE[: BASE.index("[[agents]]")]
    with pytest.raises(ConfigError, match=r"expected one \[agent\], or one or more \[\[agents\]\], got neither"):
        load(write(tmp_path, start))
    with pytest.raises(ConfigError, match="got both"):
        load(write(tmp_path, BASE + '\n[agent]\ntype = "bollinger"\n'))


def test_text_that_is_no_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: not readable as TOML: .*line 2"):
        load(write(tmp_path, 'name = "x"\nseed = = 2\n'))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "caf\xe9"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load(path)


def test_a_packaged_config_is_found_by_its_name_and_a_path_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_config("quickstart") == packaged()["quickstart"]
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text(BASE, encoding="utf-8")
    assert load("quickstart").config.name == "mine"


def test_a_config_that_does_not_exist_is_told_with_what_does(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file.*did you mean 'quickstart'"):
        find_config("quikstart")
    path = write(tmp_path)
    with pytest.raises(ConfigError, match=r"did you mean '.*mine\.toml'"):
        find_config(str(path.with_name("mien.toml")))
    with pytest.raises(ConfigError, match="is a folder"):
        find_config(str(tmp_path))


def test_a_line_is_found_in_inline_tables_and_in_the_right_entry_of_a_list(tmp_path: Path) -> None:
    places = load(write(tmp_path)).places
    path = tmp_path / "mine.toml"
    assert places.of(("costs", "fees", "taker")) == f"{path}:9"
    assert places.of(("agents", 0, "fast")) == f"{path}:19"
    assert places.of(("agents", 1, "fast")) == f"{path}:21"
    assert places.of(("execution", "fill")) == str(path)


def test_a_table_and_a_list_in_the_wrong_place_are_told_as_such(tmp_path: Path) -> None:
    assert "market: expected a table, got 3" in fault(tmp_path, "[market]", "market = 3\n[other]")
    assert "agents: expected a list" in fault(tmp_path, "amount = 10_000", "amount = 10_000\n", "agents=3")
    assert "agents[0]: expected a table" in fault(tmp_path, "amount = 10_000", "amount = 10_000\n", "agents=[3]")


def test_dated_fees_are_read_with_their_times(tmp_path: Path) -> None:
    periods = "[{ taker = 1e-3, maker = 0.0 }, { start = 2024-01-01, taker = 5e-4, maker = 0.0 }]"
    setting = f"costs.fees={{ kind = 'dated', periods = {periods} }}"
    fees = load(write(tmp_path), [setting]).config.costs.fees
    assert fees.periods[1].start == datetime(2024, 1, 1, tzinfo=UTC)
