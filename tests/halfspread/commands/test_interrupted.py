"""Interruptions, killed processes and full disks: the run leaves nothing, earlier runs stay as they were."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from halfspread.commands.folder import YOUNG, RunFolder
from halfspread.errors import ConfigError, UserError

Command = Any
Start = Callable[..., subprocess.Popen[str]]

WAITS = """\
import pathlib
import time
import halfspread as hs


class Waits(hs.Strategy):
    def on_bar(self, market):
        pathlib.Path("started").touch()
        time.sleep(60)
"""
SPINS = """\
import halfspread as hs


@hs.compiled_agent
def spin(context, memory, history, row):
    for i in range(200_000):
        memory[0] = (memory[0] + i) % 7.0
    return hs.OK


class Spins(hs.CompiledStrategy):
    function = spin
"""


def state() -> dict[Path, bytes]:
    """Every file below the folder of runs."""
    return {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}


def wait_for(there: Callable[[], object], process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if there():
            return
        if process.poll() is not None:
            pytest.fail(f"ended with {process.returncode}: {process.communicate()[1]}")
        time.sleep(0.05)
    process.kill()
    pytest.fail("did not start")


def started(small: Path, start: Start, text: str, *settings: str) -> subprocess.Popen[str]:
    """A run of an agent that does not end by itself, once it is under way."""
    small.with_name("agent.py").write_text(text, encoding="utf-8")
    arguments = [part for setting in settings for part in ("--set", setting)]
    process = start("run", small, "--set", "agent={ type = './agent.py' }", *arguments)
    wait_for(lambda: Path("started").exists() or list(Path("runs/small").glob(".partial*")), process)
    return process


@pytest.mark.parametrize(("text", "settings"), [(WAITS, []), (SPINS, ["market.days=365"])], ids=["python", "compiled"])
def test_an_interrupted_run_ends_with_130_and_leaves_nothing(
    small: Path, halfspread: Command, start: Start, text: str, settings: list[str]
) -> None:
    halfspread("run", small)
    before = state()
    process = started(small, start, text, *settings)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "halfspread: interrupted; nothing was written"
    assert "Traceback" not in err
    assert out == ""
    assert state() == before


def test_a_killed_process_leaves_earlier_runs_whole_and_the_next_run_clears_up(
    small: Path, halfspread: Command, start: Start
) -> None:
    halfspread("run", small)
    before = state()
    process = started(small, start, WAITS)
    wait_for(Path("started").exists, process)
    process.kill()
    process.communicate()
    (left,) = Path("runs/small").glob(".partial*")
    assert {path: data for path, data in state().items() if left not in path.parents} == before
    os.utime(left, (time.time() - 2 * YOUNG,) * 2)
    assert halfspread("run", small).code == 0
    assert not list(Path("runs/small").glob(".partial*"))
    assert len(list(Path("runs/small").iterdir())) == 2


def test_a_disk_that_is_full_is_told_and_leaves_nothing(small: Path, halfspread: Command, start: Start) -> None:
    halfspread("run", small)
    before = state()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))

    process = start("run", small, "--set", "market.days=30", preexec_fn=limit)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert out == ""
    assert err.startswith("halfspread: error: cannot write runs/small/")
    assert "earlier runs are untouched" in err
    assert err.count("\n") == 1
    assert state() == before


@pytest.mark.parametrize("where", ["ParquetWriter.write_table", "ParquetWriter.close", "write_table"])
def test_a_full_disk_at_any_write_is_an_error_of_the_machine(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    halfspread("run", small)
    before = state()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    owner = pq.ParquetWriter if "." in where else pq
    monkeypatch.setattr(owner, where.rpartition(".")[2], full)
    done = halfspread("run", small)
    assert done.code == 2
    assert "No space left on device" in done.err
    assert state() == before
    assert not list(Path("runs").rglob(".partial*"))


def test_the_manifest_is_the_last_file_and_without_it_there_is_no_run(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text = Path.write_text

    def full(path: Path, *arguments: Any, **options: Any) -> int:
        if path.name == "manifest.json":
            raise OSError(errno.ENOSPC, "no room")
        return write_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    assert halfspread("run", small).code == 2
    assert not Path("runs/small").exists()


def test_a_folder_that_cannot_be_written_is_told(small: Path, halfspread: Command) -> None:
    Path("file").write_text("", encoding="utf-8")
    done = halfspread("run", small, "--out", "file")
    assert done.code == 2
    assert "cannot write file/small: Not a directory" in done.err


def test_a_run_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "mine", "0123456789") as folder:
        (folder.building / "file").write_text("x", encoding="utf-8")
        assert not folder.path.exists()
    assert [path.name for path in folder.path.iterdir()] == ["file"]
    with contextlib.suppress(RuntimeError), RunFolder(tmp_path, "mine", "0123456789") as broken:
        (broken.building / "file").write_text("x", encoding="utf-8")
        raise RuntimeError
    assert list((tmp_path / "mine").iterdir()) == [folder.path]


def test_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    paths = set()
    for _ in range(5):
        with RunFolder(tmp_path, "mine", "0123456789") as folder, RunFolder(tmp_path, "mine", "0123456789") as other:
            (folder.building / "file").touch()
        paths |= {folder.path, other.path}
    assert len(paths) == 10
    assert all(path.is_dir() for path in paths)


def test_a_folder_that_another_process_is_building_is_left_alone(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "mine", "0123456789") as working:
        os.utime(working.building, (time.time() - 2 * YOUNG,) * 2)
        with RunFolder(tmp_path, "mine", "0123456789"):
            assert working.building.is_dir()


@pytest.mark.parametrize("name", ["..", ".", "", "../other", "a/b", "/absolute"])
def test_no_name_leads_out_of_the_folder_of_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="lead out"):
        RunFolder(tmp_path / "runs", name, "0123456789")
    assert not list(tmp_path.iterdir())


def test_a_rename_that_fails_is_told_and_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    folder = RunFolder(tmp_path, "mine", "0123456789")
    folder.__enter__()
    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(UserError, match="No space left"):
        folder.__exit__(None)
    assert not (tmp_path / "mine").exists()
