"""Arguments, exit codes, and what goes to which stream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import halfspread
from halfspread import cli
from halfspread.errors import InternalError

Command = Any
Start = Callable[..., subprocess.Popen[str]]


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"halfspread {halfspread.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["run"], ["run", "a", "b"], ["config"], ["compare"]])
def test_wrong_arguments_end_with_2_and_a_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("usage: halfspread")
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["compare", "--help"], ["run"]])
def test_nothing_heavy_is_loaded_before_the_arguments_are_right(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom halfspread.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *({'numpy', 'numba', 'pandas', 'pyarrow', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_a_fault_of_our_own_ends_with_1_its_traceback_and_a_request_to_report_it(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise InternalError("the books do not close")

    monkeypatch.setattr("halfspread.commands.replay.run_backtest", broken)
    done = halfspread("run", small)
    assert done.code == 1
    assert "Traceback" in done.err
    assert "the books do not close" in done.err
    assert "this is a fault of halfspread" in done.err
    assert not Path("runs/small").exists()


def test_any_unexpected_error_counts_as_our_own(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("halfspread.commands.run.build_tape", lambda _: 1 / 0)
    done = halfspread("run", small)
    assert done.code == 1
    assert "ZeroDivisionError" in done.err


def test_out_of_memory_is_told_with_a_way_out(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("halfspread.commands.run.build_tape", full)
    done = halfspread("run", small)
    assert done.code == 2
    assert done.err == (
        "halfspread: error: out of memory; a market of bars can be read while it is replayed: market.stream = true\n"
    )


def test_an_error_of_the_user_is_one_message_without_a_traceback(small: Path, halfspread: Command) -> None:
    done = halfspread("run", small, "--set", "agent.fsat=3", "--json")
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("halfspread: error: small.toml:") or "small.toml:" in done.err
    assert "no parameter 'fsat'" in done.err


def test_what_a_plug_in_says_cannot_steer_the_terminal(small: Path, halfspread: Command) -> None:
    fault = "raise ValueError('\\x1b[31mred\\x9b')"
    text = f"import halfspread as hs\n\n\nclass Bad(hs.Strategy):\n    def on_bar(self, m):\n        {fault}\n"
    small.with_name("bad.py").write_text(text, encoding="utf-8")
    both = small.read_text(encoding="utf-8").replace("[agent]", "[[agents]]") + '\n[[agents]]\ntype = "./bad.py"\n'
    small.write_text(both, encoding="utf-8")
    for command in (
        ("run", small, "--agent", "bad"),
        ("compare", small),
        ("sweep", small, "--agent", "bad", "--grid", "seed=1,2"),
    ):
        done = halfspread(*command)
        assert done.code == 2
        assert "\\x1b[31mred\\x9b" in done.err
        assert "\x1b" not in done.err + done.out
    name = "benchmark={ path='b.csv', values='returns', name=\"x\\u001b[31m\" }"
    done = halfspread("run", small, "--agent", "sma_cross", "--set", name)
    assert done.code == 2
    assert "benchmark.name" in done.err


def test_a_reader_that_goes_away_is_no_error_of_ours(start: Start) -> None:
    process = start("config", "schema")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == cli.BROKEN_PIPE
