"""``halfspread runs``: what is listed, shown, compared and deleted, and what is never touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from halfspread.commands.registry import COMPLETE, moment, scan
from halfspread.commands.run_files import seal_of
from halfspread.errors import ConfigError

Command = Any


def listed(halfspread: Command, *arguments: object) -> list[dict[str, Any]]:
    """The runs of ``halfspread runs --json``."""
    done = halfspread("runs", *arguments, "--json")
    assert done.code == 0, done.err
    runs: list[dict[str, Any]] = json.loads(done.out)["runs"]
    return runs


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def write_sealed(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest as a run of it would have."""
    text = json.dumps({**manifest, "seal": ""})
    (folder / "manifest.json").write_text(json.dumps({**manifest, "seal": seal_of(text)}), encoding="utf-8")


def copies(folder: Path, count: int, days: int = 0) -> list[Path]:
    """Copies of a run, made ``days`` ago and each a second after the one before."""
    manifest, made = manifest_of(folder), []
    for i in range(count):
        at = datetime.now(UTC) - timedelta(days=days, seconds=count - i)
        copy = folder.parent / f"{at:%Y%m%dT%H%M%SZ}-{i:08x}"
        shutil.copytree(folder, copy)
        write_sealed(copy, {**manifest, "created": at.isoformat(timespec="milliseconds")})
        made.append(copy)
    return made


@pytest.fixture
def ran(small: Path, halfspread: Command) -> Path:
    """The folder of one run."""
    assert halfspread("run", small, "--no-report").code == 0
    (folder,) = Path("runs/small").iterdir()
    return folder


def test_a_run_is_listed_with_its_headline(ran: Path, halfspread: Command) -> None:
    (run,) = listed(halfspread)
    metrics = json.loads((ran / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    (agent,) = run.pop("agents")
    assert (agent["name"], agent["agent"]) == ("sma_cross", "SmaCross")
    for name in ("total_return", "information_ratio", "max_drawdown", "turnover", "start", "end", "fills"):
        assert agent[name] == metrics[name], name
    assert run == {
        "name": "small",
        "id": ran.name,
        "run_dir": str(ran),
        "created": manifest_of(ran)["created"],
        "kind": "run",
        "state": "complete",
        "reason": "",
        "size": sum(path.stat().st_size for path in ran.iterdir()),
    }


@pytest.mark.parametrize("width", [80, 140])
def test_a_listing_fits_the_screen(
    ran: Path, several: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    halfspread("compare", several, "--no-report")
    monkeypatch.setenv("COLUMNS", str(width))
    for arguments in (["runs"], ["runs", "list"], ["runs", "show", "several"], ["runs", "compare", "small", "several"]):
        done = halfspread(*arguments)
        assert done.code == 0, done.err
        assert max(len(line) for line in done.out.splitlines()) <= width
    out = halfspread("runs").out
    assert ran.name in out
    assert "sma_cross" in out
    assert "+2" in out
    assert "2024-01-01" in out
    assert "2 of 2 runs in runs" in out


def test_runs_are_filtered_and_sorted(ran: Path, several: Path, halfspread: Command) -> None:
    halfspread("compare", several, "--no-report", "--rank", "turnover")
    halfspread("run", several, "--agent", "buy_and_hold", "--no-report", "--set", "name=held")
    assert [run["name"] for run in listed(halfspread)] == ["held", "several", "small"]
    assert [run["name"] for run in listed(halfspread, "--name", "s*")] == ["several", "small"]
    assert [run["name"] for run in listed(halfspread, "--agent", "Bollinger")] == ["several"]
    assert [run["name"] for run in listed(halfspread, "list", "--agent", "buy*", "--limit", "1")] == ["held"]
    assert [run["name"] for run in listed(halfspread, "--sort", "name")] == ["held", "several", "small"]
    for key, most in (("total_return", True), ("turnover", False), ("max_drawdown", False)):
        best = [run["agents"][0][key] for run in listed(halfspread, "--sort", key)]
        assert best == sorted(best, reverse=most), key
    assert [run["agents"][0]["name"] for run in listed(halfspread, "--name", "several")] == ["buy_and_hold"]
    assert listed(halfspread, "--since", "1h") == listed(halfspread)
    assert listed(halfspread, "--since", "2999-01-01") == []
    done = halfspread("runs", "--since", "soon")
    assert done.code == 2
    assert "--since soon: expected a date" in done.err


def test_options_may_stand_before_and_after_the_word_list(ran: Path, halfspread: Command) -> None:
    assert listed(halfspread, "--name", "other", "list") == []
    assert listed(halfspread, "list", "--name", "other") == []
    assert len(listed(halfspread, "--dir", "runs", "list", "--name", "small")) == 1


def test_without_runs_there_is_nothing_to_list(small: Path, halfspread: Command) -> None:
    done = halfspread("runs")
    assert (done.code, done.out) == (0, "no runs in runs\n")
    assert listed(halfspread) == []
    done = halfspread("runs", "--dir", "elsewhere")
    assert done.code == 2
    assert "--dir elsewhere: no such folder" in done.err


def test_damage_is_listed_with_its_reason(ran: Path, halfspread: Command) -> None:
    lost, cut, edited, broken, old, foreign = copies(ran, 6)
    (lost / "fills.parquet").unlink()
    (cut / "metrics.json").write_text("{}", encoding="utf-8")
    text = (edited / "manifest.json").read_text(encoding="utf-8")
    (edited / "manifest.json").write_text(text.replace('"fast": 5', '"fast": 7'), encoding="utf-8")
    (broken / "manifest.json").write_text(text[:100], encoding="utf-8")
    write_sealed(old, {**manifest_of(old), "manifest": 1})
    (foreign / "manifest.json").unlink()
    found = {Path(run["run_dir"]): (run["state"], run["reason"]) for run in listed(halfspread)}
    assert found[ran] == ("complete", "")
    assert found[lost] == ("damaged", "fills.parquet is missing")
    assert found[cut] == ("damaged", "metrics.json is edited")
    assert found[edited] == ("damaged", "manifest.json was edited")
    assert found[broken][0] == "damaged"
    assert found[broken][1].startswith("manifest.json cannot be read")
    assert found[old] == ("other version", "manifest version 1 (by halfspread 0.1.0); this halfspread reads 2")
    assert found[foreign] == ("damaged", "manifest.json is missing")
    assert "7 of 7 runs in runs, 6 not complete" in halfspread("runs").out


def test_a_manifest_of_any_shape_is_listed_and_not_a_fault_of_ours(ran: Path, halfspread: Command) -> None:
    texts = ["[]", '"x"', "{}", '{"manifest": 2}', '{"manifest": 2, "agents": 5, "configs": [1], "files": 7}']
    texts += ['{"configs": []}', '{"configs": {}, "halfspread": 1}', '{"manifest": 2, "created": 5, "kind": {}}']
    folders = copies(ran, len(texts))
    for folder, text in zip(folders, texts, strict=True):
        (folder / "manifest.json").write_text(text, encoding="utf-8")
    assert [run["state"] for run in listed(halfspread, "--sort", "size")].count("complete") == 1
    assert halfspread("runs").code == 0
    assert halfspread("runs", "clean", "--damaged").code == 0
    for folder in folders:
        for command in (["verify"], ["verify", "--json"], ["runs", "show"], ["runs", "compare"]):
            done = halfspread(*command, folder)
            assert done.code == 2 or (done.code == 1 and "Traceback" not in done.err), (folder, command)


def test_a_killed_run_is_not_listed(
    ran: Path, small: Path, halfspread: Command, start: Callable[..., subprocess.Popen[str]]
) -> None:
    lines = ["import pathlib, time", "import halfspread as hs", "class Waits(hs.Strategy):"]
    lines += ["    def on_bar(self, market):", "        pathlib.Path('started').touch()", "        time.sleep(60)", ""]
    small.with_name("waits.py").write_text("\n".join(lines), encoding="utf-8")
    process = start("run", small, "--set", "agent={ type = './waits.py' }")
    for _ in range(600):
        if Path("started").exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert list(Path("runs/small").glob(".partial*"))
    assert [run["id"] for run in listed(halfspread)] == [ran.name]


def test_show_tells_what_a_manifest_says_and_checks_every_file(ran: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("runs", "show", "small", "--json").out)
    assert data["manifest"] == manifest_of(ran)
    assert {name: file["state"] for name, file in data["files"].items()} == dict.fromkeys(
        ["attribution.parquet", "equity.parquet", "fills.parquet", "metrics.json", "orders.parquet"], "as written"
    )
    out = halfspread("runs", "show", ran.name).out
    assert "5 files" in out
    assert "synthetic:BTCUSDT: 864 bars, 9 funding" in out
    file = ran / "fills.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert listed(halfspread)[0]["state"] == "complete"
    assert "fills.parquet is edited" in halfspread("runs", "show", "small").out


def test_show_tells_what_the_audit_found(several: Path, halfspread: Command) -> None:
    halfspread("compare", several, "--no-report")
    out = " ".join(halfspread("runs", "show", "several").out.split())
    assert "look-ahead sma_cross, buy_and_hold, bollinger: no look-ahead found" in out


def test_a_run_is_found_by_path_name_and_id(ran: Path, halfspread: Command) -> None:
    (newer,) = copies(ran, 1)
    os.rename(newer, newer := newer.with_name("29990101T000000Z-00000000"))
    for named, folder in (
        (ran, ran),
        (ran.resolve(), ran),
        (f"small/{ran.name}", ran),
        (ran.name, ran),
        (ran / "manifest.json", ran),
        ("small", newer),
        ("2999", newer),
    ):
        data = json.loads(halfspread("runs", "show", named, "--json").out)
        assert Path(data["run_dir"]).resolve() == folder.resolve(), named
    done = halfspread("runs", "show", "2")
    assert done.code == 2
    assert "2 runs begin like this" in done.err
    done = halfspread("runs", "show", "other")
    assert done.code == 2
    assert "other: no such run" in done.err


def test_runs_are_compared_by_metrics_config_and_assumptions(ran: Path, small: Path, halfspread: Command) -> None:
    settings = ["--set", "agent.fast=6", "--set", "costs.fees.taker=1e-3", "--set", "name=dear"]
    halfspread("run", small, "--no-report", *settings)
    data = json.loads(halfspread("runs", "compare", "small", "dear", "--json").out)
    assert [(each["name"], each["agent"]) for each in data["columns"]] == [
        ("small", "sma_cross"),
        ("dear", "sma_cross"),
    ]
    metrics = json.loads((ran / "metrics.json").read_text(encoding="utf-8"))
    assert data["metrics"][0] == metrics["metrics"]
    assert data["assumptions"][0] == metrics["assumptions"]
    assert data["differences"]["config"] == {
        "name": ["small", "dear"],
        "costs.fees.taker": [0.00055, 0.001],
        "agent.fast": [5, 6],
    }
    assert list(data["differences"]["assumptions"]) == ["fees"]
    assert data["differences"]["basis"] == {}
    out = halfspread("runs", "compare", "small", "dear").out
    assert "agent.fast" in out
    assert "data, code and machine are the same" in out
    assert "taker 10 bp" in out


def test_every_agent_of_a_comparison_is_a_column(ran: Path, several: Path, halfspread: Command) -> None:
    halfspread("compare", several, "--no-report")
    data = json.loads(halfspread("runs", "compare", "small", "several", "--json").out)
    assert len(data["columns"]) == len(data["metrics"]) == 4
    types = data["differences"]["config"]["agent.type"]
    assert types[0] == "sma_cross"
    assert sorted(types[1:]) == ["bollinger", "buy_and_hold", "sma_cross"]


def test_a_run_is_not_compared_with_itself_or_without_metrics(ran: Path, halfspread: Command) -> None:
    done = halfspread("runs", "compare", "small", ran)
    assert done.code == 2
    assert "is there 2 times" in done.err
    (ran / "metrics.json").write_text("[]", encoding="utf-8")
    done = halfspread("runs", "compare", "small")
    assert done.code == 2
    assert "metrics.json: cannot be read: not the metrics of run" in done.err


def cleaned(halfspread: Command, *arguments: object) -> dict[str, Any]:
    done = halfspread("runs", "clean", *arguments, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_cleaning_says_what_it_would_do_and_does_it_when_told(ran: Path, halfspread: Command) -> None:
    old = copies(ran, 3, days=40)
    found = cleaned(halfspread, "--older-than", "30d")
    assert not found["deleted"]
    assert {Path(run["run_dir"]) for run in found["runs"]} == set(old)
    assert found["size"] == sum(path.stat().st_size for folder in old for path in folder.iterdir())
    assert all(folder.is_dir() for folder in old)
    out = halfspread("runs", "clean", "--older-than", "30d").out
    assert "would delete 3 runs" in out
    assert "add --yes to do it" in out
    assert "deleted 3 runs" in halfspread("runs", "clean", "--older-than", "30d", "--yes").out
    assert list(Path("runs/small").iterdir()) == [ran]
    assert "nothing to delete" in halfspread("runs", "clean", "--older-than", "30d", "--yes").out


def test_the_newest_of_each_name_are_kept(ran: Path, small: Path, halfspread: Command) -> None:
    halfspread("run", small, "--no-report", "--set", "name=other")
    old = copies(ran, 3, days=1)
    (old[-1] / "fills.parquet").unlink()
    found = cleaned(halfspread, "--keep", 2, "--yes")
    assert [Path(run["run_dir"]) for run in found["runs"]] == [old[0]]
    assert {run.path for run in scan(Path("runs")) if run.name == "small"} == {ran, old[1], old[2]}
    cleaned(halfspread, "--keep", 0, "--name", "small", "--yes")
    assert {run.path for run in scan(Path("runs"))} == {old[2], *Path("runs/other").iterdir()}


def test_damaged_runs_are_deleted_and_whole_ones_stay(ran: Path, halfspread: Command) -> None:
    lost, broken, bare = copies(ran, 3)
    (lost / "fills.parquet").unlink()
    (broken / "manifest.json").write_text("{", encoding="utf-8")
    (bare / "manifest.json").unlink()
    found = cleaned(halfspread, "--damaged", "--yes")
    assert {Path(run["run_dir"]) for run in found["runs"]} == {lost, broken}
    assert [(Path(run["run_dir"]), run["reason"]) for run in found["kept"]] == [
        (bare, "manifest.json is missing, so it may not be a run")
    ]
    assert set(Path("runs/small").iterdir()) == {ran, bare}


def test_nothing_is_deleted_that_a_run_did_not_write(ran: Path, halfspread: Command, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(ran, outside / ran.name)
    noted, linked = copies(ran, 2, days=40)
    (noted / "notes.txt").write_text("mine", encoding="utf-8")
    (linked / "report.html").symlink_to(outside / ran.name / "metrics.json")
    Path("runs/linked").symlink_to(outside, target_is_directory=True)
    Path(f"runs/small/{ran.name[:-1]}f-2").symlink_to((outside / ran.name).resolve(), target_is_directory=True)
    Path("runs/other/thing").mkdir(parents=True)
    Path("runs/other/thing/data.csv").write_text("1", encoding="utf-8")
    before = {path for path in tmp_path.rglob("*") if ran.resolve() not in [path, *path.parents]}
    found = cleaned(halfspread, "--keep", 0, "--yes")
    assert [Path(run["run_dir"]) for run in found["runs"]] == [ran]
    assert {Path(run["run_dir"]): run["reason"] for run in found["kept"]} == {
        noted: "holds notes.txt, which the run did not write",
        linked: "holds a link, report.html",
    }
    assert set(tmp_path.rglob("*")) == before
    assert not ran.exists()


def test_runs_of_an_earlier_version_can_be_cleaned_by_age(ran: Path, halfspread: Command) -> None:
    (old,) = copies(ran, 1, days=40)
    manifest = {key: value for key, value in manifest_of(old).items() if key not in ("manifest", "files", "seal")}
    (old / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert cleaned(halfspread, "--damaged")["runs"] == []
    assert [Path(run["run_dir"]) for run in cleaned(halfspread, "--older-than", "30d", "--yes")["runs"]] == [old]


@pytest.mark.parametrize("arguments", [[], ["--keep", "-1"], ["--keep", "5", "--damaged"], ["--older-than"]])
def test_a_cleaning_without_one_clear_rule_is_refused(
    ran: Path, halfspread: Command, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        halfspread("runs", "clean", *arguments, "--yes")
    assert ended.value.code == 2
    assert ran.is_dir()


def test_a_thousand_runs_are_read_in_a_second(ran: Path) -> None:
    for i in range(1_000):
        copy = ran.parent / f"20250101T{i // 3600:02d}{i // 60 % 60:02d}{i % 60:02d}Z-{i:08x}"
        copy.mkdir()
        for path in ran.iterdir():
            os.link(path, copy / path.name)
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        found = scan(Path("runs"))
        best = min(best, time.process_time() - began)
    assert len(found) == 1_001
    assert all(run.state == COMPLETE for run in found)
    assert best < 1.0


def test_listing_runs_loads_nothing_heavy(ran: Path) -> None:
    code = (
        "import sys\nfrom halfspread.cli import main\nmain(['runs'])\n"
        "print('LOADED', *({'numpy', 'numba', 'pandas', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_an_age_is_counted_from_now_and_a_date_is_utc() -> None:
    assert abs(moment("2d", "--since") - (datetime.now(UTC) - timedelta(days=2))) < timedelta(seconds=5)
    assert abs(moment("3w", "--since") - (datetime.now(UTC) - timedelta(weeks=3))) < timedelta(seconds=5)
    assert moment("2024-02-03", "--since") == datetime(2024, 2, 3, tzinfo=UTC)
    assert moment("2024-02-03T04:05+01:00", "--since") == datetime(2024, 2, 3, 3, 5, tzinfo=UTC)
    with pytest.raises(ConfigError, match="expected a date"):
        moment("99999999999999999d", "--since")
