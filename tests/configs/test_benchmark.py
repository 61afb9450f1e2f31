"""The benchmark of a config: what it may say, and what it is refused with."""

from __future__ import annotations

from pathlib import Path

import pytest

from halfspread.configs.benchmark import read_benchmark
from halfspread.configs.build import build_agents, data_files, effective
from halfspread.configs.load import Loaded, load
from halfspread.errors import ConfigError, DataError

BASE = """\
name = "b"

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

[[agents]]
type = "buy_and_hold"
name = "holder"

[benchmark]
"""


def config(folder: Path, lines: str) -> Loaded:
    path = folder / "b.toml"
    path.write_text(BASE + lines + "\n", encoding="utf-8")
    return load(path)


def series(folder: Path, text: str = "date,return\n2024-01-01,0.01\n2024-01-02,-0.01\n") -> None:
    (folder / "index.csv").write_text(text, encoding="utf-8")


def test_a_file_is_read_from_beside_the_config_and_counts_as_data(tmp_path: Path) -> None:
    series(tmp_path)
    loaded = config(tmp_path, 'path = "index.csv"\nvalues = "returns"')
    assert data_files(loaded) == {"benchmark": tmp_path / "index.csv"}
    found = read_benchmark(loaded.config.benchmark, loaded.folder, loaded.places)
    assert found is not None
    assert found.name == "index"
    assert found.returns.tolist() == [0.01, -0.01]


def test_the_effective_config_shows_the_defaults_of_a_file_and_nothing_else_of_the_others(tmp_path: Path) -> None:
    series(tmp_path)
    loaded = config(tmp_path, 'path = "index.csv"\nvalues = "returns"')
    shown = effective(loaded, build_agents(loaded))["benchmark"]
    assert shown == {"path": "index.csv", "values": "returns", "unit": "fraction", "time_unit": "ns", "stamp": "open"}
    held = config(tmp_path, "hold = true")
    assert effective(held, build_agents(held))["benchmark"] == {"hold": True}
    agent = config(tmp_path, 'agent = "holder"')
    assert effective(agent, build_agents(agent))["benchmark"] == {"agent": "holder"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "expected one of path, hold and agent, got none of them"),
        ('hold = true\nagent = "holder"', "got hold and agent"),
        ('path = "index.csv"', "values: expected 'returns' or 'prices'"),
        ('hold = true\ncolumn = "close"', "column: is for a benchmark from a file"),
        ('hold = true\nunit = "percent"', "unit: is for a benchmark from a file"),
        ('path = "i.csv"\nvalues = "prices"\nunit = "percent"', "unit: is for returns"),
        ('path = "i.csv"\nvalues = "levels"', "benchmark.values"),
        ("hold = false", "benchmark.hold"),
        ('agent = "hodler"', "benchmark.agent: no agent 'hodler'; there are sma_cross, holder"),
        ('agent = "buy_and_hold"', "no agent 'buy_and_hold'"),
        ('file = "i.csv"', "file"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, lines: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, lines)
    assert words in str(raised.value)


def test_the_only_agent_is_no_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    text = BASE.replace('[[agents]]\ntype = "buy_and_hold"\nname = "holder"\n', "")
    path.write_text(text + 'agent = "sma_cross"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="'sma_cross' is the only agent"):
        load(path)


def test_a_file_that_is_not_there_or_is_bad_is_named_with_its_line(tmp_path: Path) -> None:
    loaded = config(tmp_path, 'path = "index.csv"\nvalues = "returns"')
    with pytest.raises(ConfigError, match=r"b.toml:24: benchmark.path: .*index.csv: no such file"):
        data_files(loaded)
    series(tmp_path, "date,return\n2024-01-01,2.0\n")
    with pytest.raises(DataError, match=r"b.toml:24: benchmark: .*unit = 'percent'"):
        read_benchmark(loaded.config.benchmark, loaded.folder, loaded.places)
