"""``halfspread verify``: the same bits again, or the first difference by its kind and place."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from halfspread.commands import differences, machine
from halfspread.commands.result_differences import TABLES, result_differences, table_difference
from halfspread.commands.run_files import hash_of_file
from halfspread.commands.sources import folder_hashes, plugin_sources
from halfspread.commands.tables import ROWS_IN_GROUP, write_table
from halfspread.configs.build import build_agents
from halfspread.configs.load import load
from halfspread.configs.market import SyntheticSource

Command = Any
Patch = pytest.MonkeyPatch

PLUGIN = """\
import halfspread as hs
from beside import LEVEL


class Mine(hs.Strategy):
    lookback: int = 12
    limit: float = float("inf")

    def on_bar(self, market):
        return LEVEL if market.close > market.history("close").mean() else -LEVEL
"""
ENVIRONMENT = """\
import os
import halfspread as hs

DAY = 86_400_000_000_000


class Mine(hs.Strategy):
    def on_bar(self, market):
        return float(os.environ["LEVEL"]) if market.time % DAY == DAY // 3 else None
"""
FILE = "market={ source='bars', venue='bybit', symbol='BTCUSDT', bars='bars.parquet', stream=%s }"
NO_FUNDING = ("--set", "costs.funding.kind=none")


def verified(halfspread: Command, *arguments: object) -> dict[str, Any]:
    """The JSON object of a verification, and its exit code as ``code``."""
    done = halfspread("verify", *arguments, "--json")
    assert done.out, done.err
    return {**json.loads(done.out), "code": done.code}


def the_run(name: str = "small") -> Path:
    (folder,) = Path("runs", name).iterdir()
    return folder


def run_on_file(small: Path, halfspread: Command, stream: str = "false") -> pd.DataFrame:
    """A run on bars from a file; gives the bars."""
    market = load(small).config.market
    assert isinstance(market, SyntheticSource)
    frame: pd.DataFrame = market.generate(np.random.default_rng(0)).bars_frame()
    frame.to_parquet("bars.parquet")
    assert halfspread("run", small, "--set", FILE % stream, *NO_FUNDING).code == 0
    return frame


def run_plugin(small: Path, halfspread: Command, text: str = PLUGIN) -> None:
    small.with_name("mine.py").write_text(text, encoding="utf-8")
    small.with_name("beside.py").write_text("LEVEL = 1.0\n", encoding="utf-8")
    done = halfspread("run", small, "--set", "agent={ type = './mine.py' }")
    assert done.code == 0, done.err


@pytest.fixture
def fresh_modules(monkeypatch: Patch) -> Callable[[], None]:
    """Forget the module beside a plug-in, as a process of its own would."""

    def forget() -> None:
        for name in [name for name in sys.modules if name == "beside" or name.startswith("halfspread_agent_mine")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr("sys.dont_write_bytecode", True)

    forget()
    return forget


def test_a_run_is_the_same_again(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    done = halfspread("verify", the_run())
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "verified: the same bits again"
    assert "differs" not in done.out
    assert len(list(Path("runs/small").iterdir())) == 1


def test_json_is_one_object_of_a_known_shape(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    data = verified(halfspread, the_run())
    assert data.pop("seconds") > 0.0
    assert data == {
        "name": "small",
        "run_dir": str(the_run()),
        "kind": "run",
        "verified": True,
        "same_bits": True,
        "verdict": "verified: the same bits again",
        "first": None,
        "inputs": [],
        "results": [],
        "agents": ["sma_cross"],
        "sample": None,
        "code": 0,
    }


def test_every_agent_of_a_comparison_is_run_again(small: Path, several: Path, halfspread: Command) -> None:
    halfspread("compare", small, several)
    data = verified(halfspread, the_run("small_several"))
    assert data["verified"]
    assert data["agents"] == ["small.sma_cross", "several.sma_cross", "buy_and_hold", "bollinger"]
    file = the_run("small_several") / "bollinger" / "fills.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    data = verified(halfspread, the_run("small_several"))
    assert (data["code"], data["first"]["kind"]) == (1, "file")
    assert data["first"]["file"] == "bollinger/fills.parquet"


def test_a_label_that_no_config_may_hold_is_verified_too(small: Path, halfspread: Command) -> None:
    long = "x" * 80
    text = small.read_text(encoding="utf-8").replace('"small"', f'"{long}"')
    small.write_text(text, encoding="utf-8")
    small.with_name("other.toml").write_text(text, encoding="utf-8")
    done = halfspread("compare", small, "other.toml", "--json")
    data = verified(halfspread, json.loads(done.out)["run_dir"])
    assert data["verified"]
    assert len(data["agents"][0]) > 80


@pytest.mark.parametrize("stream", ["false", "true"])
def test_one_number_of_the_data_is_found(small: Path, halfspread: Command, stream: str) -> None:
    frame = run_on_file(small, halfspread, stream)
    assert verified(halfspread, "small")["verified"]
    row = 400
    frame.loc[frame.index[row], "volume"] += 1.0
    frame.to_parquet("bars.parquet")
    data = verified(halfspread, "small")
    assert (data["code"], data["verified"], data["same_bits"]) == (1, False, True)
    first = data["first"]
    assert (first["kind"], first["instrument"], first["table"]) == ("data", "bybit:BTCUSDT", "bars")
    assert first["where"] == "bars of bybit:BTCUSDT (bars.parquet)"
    assert first["expected"].startswith(f"{len(frame)} rows, hash ")
    assert first["expected"] != first["found"]
    assert len(data["inputs"]) == 1


def test_an_altered_price_is_the_cause_and_its_first_event_is_named(small: Path, halfspread: Command) -> None:
    frame = run_on_file(small, halfspread)
    equity = pd.read_parquet(the_run() / "equity.parquet")
    row = 400
    columns = ["open", "high", "low", "close"]
    columns += [name for name in frame.columns if name.startswith(("bid", "ask"))]
    frame.loc[frame.index[row], columns] += 10.0
    frame.to_parquet("bars.parquet")
    done = halfspread("verify", "small")
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("not verified: data differs: bars of bybit:BTCUSDT (bars.parquet)")
    data = verified(halfspread, "small")
    event = next(each for each in data["results"] if each["kind"] == "event")
    assert (event["file"], event["row"], event["field"]) == ("equity.parquet", row, "equity")
    assert event["instrument"] == "bybit:BTCUSDT"
    assert event["time"] == f"{equity['time'][row]:%Y-%m-%d %H:%M:%S} UTC"
    assert event["expected"] == equity["equity"][row]
    position = equity["position"][row]
    assert event["found"] - event["expected"] == pytest.approx(10.0 * position)
    assert [each["kind"] for each in data["results"]] == ["event", "metrics"]


def test_the_file_of_the_second_market_and_of_delays_is_named(small: Path, halfspread: Command) -> None:
    frame = run_on_file(small, halfspread)
    frame.to_parquet("other.parquet")
    pd.DataFrame({"delay": [1_000_000, 2_000_000]}).to_csv("delays.csv", index=False)
    table = "\n[[markets]]\nsource = 'bars'\nvenue = 'bybit'\nsymbol = '{}'\nbars = '{}.parquet'\n"
    text = small.read_text(encoding="utf-8").replace('[market]\nsource = "synthetic"\ndays = 3\n', "")
    text = text.replace('funding = { kind = "published" }', "funding = { kind = 'none' }\nlatency = { order = DELAY }")
    text = text.replace(
        "DELAY", "{ kind = 'empirical', file = 'delays.csv', time_column = '', delay_column = 'delay' }"
    )
    both = small.with_name("both.toml")
    both.write_text(
        text.replace('"small"', '"both"') + table.format("BTCUSDT", "bars") + table.format("ETHUSDT", "other")
    )
    done = halfspread("run", both, "--set", "agent={ type = 'buy_and_hold' }")
    assert done.code == 0, done.err
    frame.loc[frame.index[7], "volume"] += 1.0
    frame.to_parquet("other.parquet")
    pd.DataFrame({"delay": [1_000_000, 3_000_000]}).to_csv("delays.csv", index=False)
    told = [each["where"] for each in verified(halfspread, "both")["inputs"]]
    assert told == [
        "bars of bybit:ETHUSDT (other.parquet)",
        *(f"costs.latency.{each} (delays.csv)" for each in ("order", "response")),
    ]


def test_rows_that_are_gone_are_counted(small: Path, halfspread: Command) -> None:
    frame = run_on_file(small, halfspread)
    frame.iloc[:-1].to_parquet("bars.parquet")
    first = verified(halfspread, "small")["first"]
    assert first["expected"].startswith(f"{len(frame)} rows, 2024-01-01 00:00:00 UTC to ")
    assert first["found"].startswith(f"{len(frame) - 1} rows, 2024-01-01 00:00:00 UTC to ")


def test_data_that_cannot_be_replayed_are_told_with_what_has_changed(small: Path, halfspread: Command) -> None:
    frame = run_on_file(small, halfspread)
    frame.loc[frame.index[10], "close"] = -1.0
    frame.to_parquet("bars.parquet")
    done = halfspread("verify", "small")
    assert done.code == 2
    assert "bars.parquet: row 10" in done.err


def test_a_file_that_is_gone_is_named_and_may_be_elsewhere(small: Path, halfspread: Command) -> None:
    run_on_file(small, halfspread)
    Path("moved").mkdir()
    Path("bars.parquet").rename("moved/bars.parquet")
    done = halfspread("verify", "small")
    assert done.code == 2
    assert "market.bars" in done.err
    assert "bars.parquet: no such file" in done.err
    assert "--folder FOLDER" in done.err
    assert verified(halfspread, "small", "--folder", "moved")["verified"]


def test_a_project_that_was_moved_as_a_whole_is_verified(small: Path, halfspread: Command, monkeypatch: Patch) -> None:
    run_on_file(small, halfspread)
    Path("there").mkdir()
    for name in ("runs", "bars.parquet", "small.toml"):
        shutil.move(name, "there")
    assert verified(halfspread, "there/runs/small/" + next(Path("there/runs/small").iterdir()).name)["verified"]
    monkeypatch.chdir("there")
    assert verified(halfspread, "small")["verified"]


def test_a_config_that_was_edited_since_is_told_and_does_not_matter(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    text = small.read_text(encoding="utf-8")
    small.write_text(text.replace("fast = 5", "fast = 6").replace("seed = 1", "seed = 2"), encoding="utf-8")
    data = verified(halfspread, "small")
    assert (data["code"], data["verified"]) == (0, True)
    assert data["verdict"] == "verified: the same bits again, although this differs: config, seed"
    told = {each["kind"]: (each["where"], each["expected"], each["found"]) for each in data["inputs"]}
    assert told == {"seed": (f"{small}: seed", 1, 2), "config": (f"{small}: agent.fast", 5, 6)}
    small.write_text("name = ", encoding="utf-8")
    data = verified(halfspread, "small")
    assert data["verified"]
    assert "not readable as TOML" in data["first"]["found"]
    small.unlink()
    assert verified(halfspread, "small")["inputs"] == []


def test_a_default_that_a_plugin_has_got_since_is_told(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    run_plugin(small, halfspread)
    text = PLUGIN.replace("lookback: int = 12", "lookback: int = 12\n    more: int = 1")
    small.with_name("mine.py").write_text(text, encoding="utf-8")
    data = verified(halfspread, "small")
    assert data["verified"]
    told = [(each["kind"], each.get("source"), each.get("key"), each["found"]) for each in data["inputs"]]
    assert told[0] == ("config", "manifest", "agent.more", 1)
    assert told[2] == ("config", "file", "agent.more", 1)
    assert told[1][0] == "code"
    assert [(each["kind"], each["field"]) for each in data["results"]] == [("words", "parameters.more")]


def test_a_metric_that_is_new_is_no_difference_and_one_that_is_gone_is(tmp_path: Path) -> None:
    def compared(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, int]]:
        for name, metrics in (("before", before), ("now", now)):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
            for table in TABLES:
                write_table(folder / f"{table}.parquet", pd.DataFrame({"time": pd.to_datetime([]), "sent": 0}))
        found = result_differences(tmp_path / "before", tmp_path / "now", "mine", ["A"])
        return [(each.kind, each.more["field"], each.more["differ"]) for each in found]

    before = {"metrics": {"a": 1.0, "b": None}, "assumptions": {"fees": "none"}, "warnings": []}
    assert compared(before, before) == []
    assert compared(before, {**before, "metrics": {"a": 1.0, "b": None, "c": 3.0}}) == [("words", "metrics.c", 1)]
    assert compared(before, {**before, "metrics": {"a": 1.0}}) == []
    assert compared(before, {**before, "metrics": {"b": None}}) == [("metrics", "metrics.a", 1)]
    assert compared(before, {**before, "metrics": {"a": 2.0, "b": 1.0}}) == [("metrics", "metrics.a", 2)]
    words = {**before, "assumptions": {"fees": "some"}, "warnings": ["x"]}
    assert compared(before, words) == [("words", "assumptions.fees", 2)]


def test_a_manifest_that_was_edited_is_not_run(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    path = the_run() / "manifest.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"fast": 5', '"fast": 6'), encoding="utf-8")
    data = verified(halfspread, "small")
    assert (data["code"], data["verified"], data["same_bits"], data["agents"]) == (1, False, None, [])
    assert (data["first"]["kind"], data["first"]["file"]) == ("file", "manifest.json")


def test_metrics_that_were_edited_are_found(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    path = the_run() / "metrics.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["metrics"]["total_return"] = 0.5
    path.write_text(json.dumps(data), encoding="utf-8")
    done = halfspread("verify", "small")
    assert done.code == 1
    assert "not verified: file differs: metrics.json" in done.out
    assert "other bytes (edited)" in done.out
    path.unlink()
    first = verified(halfspread, "small")["first"]
    assert (first["file"], first["state"], first["found"]) == ("metrics.json", "missing", "no such file")


def test_a_plugin_is_verified_with_what_it_imports(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    run_plugin(small, halfspread)
    (found,) = json.loads((the_run() / "manifest.json").read_text(encoding="utf-8"))["plugins"].values()
    assert list(found["files"]) == ["mine.py", "beside.py"]
    assert verified(halfspread, "small")["inputs"] == []
    small.with_name("mine.py").write_text(PLUGIN + "# edited\n", encoding="utf-8")
    data = verified(halfspread, "small")
    assert data["verified"]
    assert [(each["kind"], each["where"]) for each in data["inputs"]] == [("code", "agent mine, mine.py")]


def test_a_plugin_that_decides_otherwise_is_the_cause(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    run_plugin(small, halfspread)
    fills = pd.read_parquet(the_run() / "fills.parquet")
    fresh_modules()
    small.with_name("beside.py").write_text("LEVEL = 0.5\n", encoding="utf-8")
    data = verified(halfspread, "small")
    assert data["code"] == 1
    assert (data["first"]["kind"], data["first"]["where"]) == ("code", "agent mine, beside.py")
    event = data["results"][0]
    assert (event["kind"], event["file"], event["row"], event["field"]) == ("event", "fills.parquet", 0, "contracts")
    assert event["time"] == f"{fills['time'][0]:%Y-%m-%d %H:%M:%S} UTC"
    assert event["expected"] == fills["contracts"][0]
    assert abs(event["found"]) == pytest.approx(abs(event["expected"]) / 2, abs=0.001)
    small.write_text(small.read_text(encoding="utf-8").replace("days = 3", "days = 4"), encoding="utf-8")
    data = verified(halfspread, "small")
    assert [(each["kind"], each.get("source")) for each in data["inputs"]] == [("code", None), ("config", "file")]
    assert data["first"]["kind"] == "code"
    small.with_name("beside.py").unlink()
    done = halfspread("verify", "small")
    assert done.code == 2
    assert "beside.py: no such file" in done.err


def test_a_plugin_edited_while_it_runs_is_listed_as_it_was_loaded(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    edits = "import pathlib\n        pathlib.Path('mine.py').write_text('# other')\n        return 1.0"
    text = PLUGIN.partition("return")[0] + edits + "\n"
    run_plugin(small, halfspread, text)
    listed = json.loads((the_run() / "manifest.json").read_text(encoding="utf-8"))["plugins"]["mine"]["files"]
    small.with_name("mine.py").write_text(text, encoding="utf-8")
    assert listed["mine.py"] == hash_of_file(small.with_name("mine.py"))


def test_a_plugin_that_fails_now_is_told_with_what_has_changed(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    run_plugin(small, halfspread)
    small.with_name("mine.py").write_text(PLUGIN.replace("LEVEL if", "3.0 if"), encoding="utf-8")
    done = halfspread("verify", "small")
    assert done.code == 2
    assert "target 3.0" in done.err
    assert "since it was made, this has changed: agent mine, mine.py" in done.err


def test_a_difference_without_a_cause_is_an_event(small: Path, halfspread: Command, monkeypatch: Patch) -> None:
    monkeypatch.setenv("LEVEL", "1.0")
    run_plugin(small, halfspread, ENVIRONMENT)
    monkeypatch.setenv("LEVEL", "-1.0")
    data = verified(halfspread, "small")
    assert (data["code"], data["inputs"]) == (1, [])
    first = data["first"]
    assert (first["kind"], first["file"], first["field"]) == ("event", "fills.parquet", "contracts")
    assert first["expected"] == -first["found"]
    assert first["where"].startswith("agent mine, fill 1, BTCUSDT, 2024-01-01 08:")


def test_other_packages_and_another_cpu_are_told_and_the_bits_decide(
    small: Path, halfspread: Command, monkeypatch: Patch
) -> None:
    halfspread("run", small)
    real = version
    monkeypatch.setattr(machine, "version", lambda name: "9.9" if name == "numpy" else real(name))
    data = verified(halfspread, "small")
    assert (data["code"], data["verified"], data["same_bits"]) == (0, True, True)
    (told,) = data["inputs"]
    assert (told["kind"], told["where"], told["expected"], told["found"]) == ("package", "numpy", real("numpy"), "9.9")
    monkeypatch.setattr(differences, "cpu_features", lambda: {"target": "old", "features": "sse2"})
    monkeypatch.setattr(machine, "cpu_model", lambda: "Old CPU")
    done = halfspread("verify", "small")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "verified: the same bits again, although this differs: package, cpu"
    assert "found Old CPU" in done.out


def test_other_sources_of_halfspread_are_told_by_folder(small: Path, halfspread: Command, monkeypatch: Patch) -> None:
    halfspread("run", small)
    real = folder_hashes()
    monkeypatch.setattr(differences, "folder_hashes", lambda: {**real, "costs": "0", "reports": "0"})
    (told,) = verified(halfspread, "small")["inputs"]
    assert (told["kind"], told["where"]) == ("code", "halfspread, sources in costs, reports")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"halfspread": "0.1.0", "config": {}}', "manifest version 1 (by halfspread 0.1.0); this halfspread reads 2"),
        ('{"manifest": 3, "halfspread": "9.0"}', "manifest version 3 (by halfspread 9.0); this halfspread reads 2"),
        ('{"name": "something else"}', "manifest.json is not one of halfspread"),
        ('{"manifest": 2, ', "manifest.json cannot be read"),
        (None, "manifest.json is missing"),
    ],
)
def test_a_folder_that_is_no_run_of_this_version_is_refused(
    small: Path, halfspread: Command, text: str | None, said: str
) -> None:
    halfspread("run", small)
    path = the_run() / "manifest.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    done = halfspread("verify", the_run(), "--json")
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_run_that_is_not_there_is_told(small: Path, halfspread: Command) -> None:
    done = halfspread("verify", "runs/small/nothing")
    assert done.code == 2
    assert "no such run" in done.err
    assert "halfspread runs" in done.err
    assert "a folder without a manifest" in halfspread("verify", small.parent).err


def test_verify_leaves_nothing_behind(small: Path, halfspread: Command, monkeypatch: Patch, tmp_path: Path) -> None:
    halfspread("run", small)
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert halfspread("verify", "small").code == 0
    assert list(scratch.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before


def test_a_process_of_its_own_gets_the_same_bits(
    small: Path, halfspread: Command, start: Callable[..., subprocess.Popen[str]]
) -> None:
    halfspread("run", small)
    process = start("verify", "small", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["verified"]
    assert err == ""


def test_only_the_files_of_a_plugin_and_its_imports_are_its_sources(
    small: Path, halfspread: Command, fresh_modules: Callable[[], None]
) -> None:
    text = PLUGIN.replace("import halfspread as hs\n", "import json\nimport pytest\nimport halfspread as hs\n")
    run_plugin(small, halfspread, text)
    (built,) = build_agents(load(small, ["agent={ type = './mine.py' }"]))
    found = plugin_sources(built.agent, small.parent)
    assert list(found["files"]) == ["mine.py", "beside.py"]
    assert found["packages"] == {"pytest": pytest.__version__}
    (plain,) = build_agents(load(small))
    assert plugin_sources(plain.agent, small.parent) == {"files": {}, "packages": {}}


def tables(tmp_path: Path, before: dict[str, Any], now: dict[str, Any]) -> Any:
    times = pd.date_range("2024-01-01", periods=ROWS_IN_GROUP * 5, freq="1s", tz="UTC")
    for name, columns in (("before", before), ("now", now)):
        rows = len(next(iter(columns.values())))
        write_table(tmp_path / name, pd.DataFrame({"time": times[:rows], **columns}))
    return table_difference(tmp_path / "before", tmp_path / "now", "fills", "mine")


def test_equal_values_are_the_same_and_a_zero_has_a_sign(tmp_path: Path) -> None:
    def compared(before: list[float], now: list[float]) -> Any:
        for name, values in (("before", before), ("now", now)):
            columns = {"time": pa.array([0, 1], pa.timestamp("ns", "UTC")), "price": np.array(values)}
            pq.write_table(pa.table(columns), tmp_path / name)
        return table_difference(tmp_path / "before", tmp_path / "now", "fills", "mine")

    assert compared([1.0, math.nan], [1.0, -math.nan]) is None
    found = compared([1.0, 0.0], [1.0, -0.0])
    assert (found.more["row"], found.more["field"], str(found.found)) == (1, "price", "-0.0")
    assert compared([1.0, 2.0], [1.0, math.nan]).found == "nan"


def test_the_earliest_row_comes_before_the_first_column(tmp_path: Path) -> None:
    before = {"price": [1.0, 2.0, 3.0], "fee": [1.0, 1.0, 1.0], "instrument": ["A", "B", "A"]}
    now = {"price": [1.0, 2.0, 4.0], "fee": [1.0, 2.0, 1.0], "instrument": ["A", "B", "B"]}
    found = tables(tmp_path, before, now)
    assert (found.more["row"], found.more["field"], found.expected, found.found) == (1, "fee", 1.0, 2.0)
    assert found.more["instrument"] == "B"
    assert found.where == "agent mine, fill 2, B, 2024-01-01 00:00:01 UTC: fee"


@pytest.mark.parametrize(("had", "has"), [(3, 2), (2, 3), (0, 2)])
def test_a_row_too_many_and_a_row_too_few_are_told(tmp_path: Path, had: int, has: int) -> None:
    found = tables(tmp_path, {"price": [1.0] * had}, {"price": [1.0] * has})
    assert (found.more["row"], found.more["field"]) == (min(had, has), "rows")
    assert found.expected == ("a row" if had > has else "the end of the table")
    assert found.more["time"] is not None


def test_a_long_table_is_compared_to_its_end(tmp_path: Path) -> None:
    rows = 1024 * 1024 + 10
    before, now = np.zeros(rows), np.zeros(rows)
    now[-1] = 1.0
    assert tables(tmp_path, {"price": before}, {"price": now}).more["row"] == rows - 1
    assert tables(tmp_path, {"price": before}, {"price": before[: 1024 * 1024]}).more["row"] == 1024 * 1024


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="there is no /proc/cpuinfo")
def test_the_cpu_is_named_with_what_numba_compiles_for() -> None:
    found = machine.cpu_features()
    assert found["target"]
    assert found["features"].split() == sorted(found["features"].split())
