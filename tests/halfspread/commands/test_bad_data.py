"""Bad data from a config: exit code 2, one message with the config's line, the file, the row and the remedy, no
traceback, and nothing left behind; the same whether the file is read whole or streamed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.engine.bad_events import frame_of
from tests.engine.bad_tables import FAULTS

Command = Any
Start = Callable[..., subprocess.Popen[str]]

CONFIG = """\
name = "bad"

[market]
source = "{kind}"
venue = "here"
symbol = "UNIT"
contract = {{ kind = "linear", base = "UNIT", quote = "USDT", tick = 0.5, lot = 1.0 }}
{kind} = "{file}"
{more}
[costs]
half_spread = {spread}
fees = {{ kind = "constant", taker = 5e-4, maker = 0.0 }}
funding = {{ kind = "none" }}

[sizing]
kind = "fixed_contracts"
contracts = 1

[agent]
type = "./agent.py"
"""
AGENT = """\
import halfspread as hs


class Agent(hs.Strategy):
    def on_{event}(self, market):
        market.send_market(1.0)
        market.send_limit(1.5, 99.5)
"""


def write(folder: Path, kind: str, file: str, more: str = "") -> Path:
    """A config of a market of one file, and its agent."""
    spread = '{ kind = "bps", amount = 1.0 }' if kind == "trades" else '{ kind = "quotes" }'
    path = folder / "bad.toml"
    path.write_text(CONFIG.format(kind=kind, file=file, more=more, spread=spread), encoding="utf-8")
    (folder / "agent.py").write_text(AGENT.format(event=kind.removesuffix("s")), encoding="utf-8")
    return path


def refused(halfspread: Command, command: str, config: Path) -> str:
    """The message of a command that fails as it should."""
    done = halfspread(command, config)
    assert done.code == 2, done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err.count("halfspread: error: ") == 1
    assert not [path for path in config.parent.rglob("*") if "runs" in path.parts and path.is_file()]
    said: str = done.err
    return said


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_file_ends_with_2_and_its_message(tmp_path: Path, halfspread: Command, name: str) -> None:
    kind, break_it, message = FAULTS[name]
    frame = break_it(frame_of(kind))
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    for command, file, more in (
        ("run", "data.csv", ""),
        ("compare", "data.parquet", ""),
        ("run", "data.parquet", "stream = true"),
    ):
        said = refused(halfspread, command, write(tmp_path, kind, file, more))
        assert f"{tmp_path / file}: {message}" in said.replace("\n", " ")
        if not more:
            assert "bad.toml:3: market: " in said


def test_rows_left_out_and_orders_refused_are_told_with_the_results(tmp_path: Path, halfspread: Command) -> None:
    kind, break_it, _ = FAULTS["crossed"]
    break_it(frame_of(kind)).to_parquet(tmp_path / "data.parquet")
    told = []
    for more in ('invalid = "gap"', 'invalid = "gap"\nstream = true'):
        done = halfspread("run", write(tmp_path, kind, "data.parquet", more), "--json")
        assert done.code == 0, done.err
        data = json.loads(done.out)
        assert data["counts"]["crossed"] == data["counts"]["invalid_rows"] == data["counts"]["invalid_gaps"] == 1
        assert data["rejections"] == 9
        assert any("were rejected: off lot 9" in warning for warning in data["warnings"])
        told.append({name: data[name] for name in ("metrics", "attribution", "counts", "warnings")})
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('invalid = "skip"', "bad.toml:9: market.invalid: expected 'error' or 'gap', got 'skip'"),
        ('time_unit = "min"', "bad.toml:9: market.time_unit: expected 's', 'ms', 'us' or 'ns', got 'min'"),
        ("start = 2024-01-02\nend = 2024-01-01", "market.end: expected a time after start"),
        ("start = 2025-01-01", "bad.toml:3: market: "),
        ("start = 2025-01-01", "no quotes from 2025-01-01 00:00:00 UTC to the end; there are quotes from 2024-01-01"),
        (
            "gaps = [[2024-01-01T00:00:02Z, 2024-01-01T00:00:05Z]]",
            "row 3 (2024-01-01 00:00:03 UTC): expected no quotes",
        ),
        (
            "gaps = [[2024-01-01T00:00:05Z, 2024-01-01T00:00:02Z]]",
            "gaps: expected an end after 2024-01-01 00:00:05 UTC",
        ),
        ('time_column = "when"', "missing column when of times; found ts, exch_ts"),
        ('trades = "absent.parquet"', "absent.parquet: no such file"),
        ("[margin]\nleverage = 500", "allows a leverage of up to 100x at the lowest tier, got 500x; ask for less"),
        ("[margin]\nleverage = 0.5", "bad.toml:10: margin.leverage: expected greater than or equal to 1, got 0.5"),
    ],
)
def test_terms_that_do_not_fit_the_data_end_with_2(
    tmp_path: Path, halfspread: Command, more: str, expected: str
) -> None:
    frame_of("quotes").to_parquet(tmp_path / "data.parquet")
    assert expected in refused(halfspread, "run", write(tmp_path, "quotes", "data.parquet", more))


@pytest.mark.parametrize("content", [b"", b"PAR1 no more", None])
def test_half_a_file_ends_with_2(tmp_path: Path, halfspread: Command, content: bytes | None) -> None:
    frame_of("quotes").to_parquet(tmp_path / "data.parquet")
    whole = (tmp_path / "data.parquet").read_bytes()
    (tmp_path / "data.parquet").write_bytes(whole[: len(whole) // 2] if content is None else content)
    for more in ("", "stream = true"):
        said = refused(halfspread, "run", write(tmp_path, "quotes", "data.parquet", more))
        assert "data.parquet: " in said
        assert "write it again" in said


def test_a_run_killed_while_it_writes_its_results_leaves_no_run(
    tmp_path: Path, start: Start, halfspread: Command
) -> None:
    """The agent's file makes the first table of the results take long; the process is killed there."""
    frame_of("quotes").to_parquet(tmp_path / "data.parquet")
    config = write(tmp_path, "quotes", "data.parquet")
    waits = (
        "import pathlib\nimport time\n\nimport pyarrow.parquet\n\nplain = pyarrow.parquet.write_table\n\n\n"
        "def slow(*arguments, **terms):\n    plain(*arguments, **terms)\n    pathlib.Path('writing').touch()\n"
        "    time.sleep(60)\n\n\npyarrow.parquet.write_table = slow\n"
    )
    agent = tmp_path / "agent.py"
    agent.write_text(waits + agent.read_text(encoding="utf-8"), encoding="utf-8")
    process = start("run", config)
    for _ in range(6000):
        if (tmp_path / "writing").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, said
    left = [path.name for path in (tmp_path / "runs" / "bad").iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".partial-")  # never a run; the next one clears it up
    old = time.time() - 3_600
    os.utime(tmp_path / "runs" / "bad" / left[0], (old, old))
    agent.write_text(AGENT.format(event="quote"), encoding="utf-8")
    assert halfspread("run", config).code == 0
    (folder,) = (tmp_path / "runs" / "bad").iterdir()
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".parquet", ".html"}
    assert len(pd.read_parquet(folder / "orders.parquet")) == 20
