"""The disk cache of compiled code, seen from fresh processes: filled once, never stale, never in the way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from halfspread import compiled

ROOT = Path(__file__).parents[2]

RUN = """
import sys
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.strategies import BuyAndHold, CompiledStrategy, SmaCross
from tests.engine.worlds import FREE, tape
def run(agent):
    result = run_backtest(tape([100.0, 101.0, 103.0, 106.0]), agent, FREE, sizing=FixedContracts(10))
    print(result.curve["position"].tolist(), result.pnl)
"""
HOLD = RUN + "run(BuyAndHold())"
HELD = "[0.0, 10.0, 10.0, 10.0] 60.0\n"

PLUGIN = """
import halfspread as hs
from level import level

@hs.compiled_agent
def decide(context, memory, history, row):
    context.targets[0] = 0.5 * level()
    return hs.OK

class Plugin(hs.CompiledStrategy):
    function = decide
"""
HELPER = "import numba\n\n@numba.njit\ndef level():\n    return 1.0\n"


def start(script: str, cache: Path, stdin: bool = False, temporary: Path | None = None) -> subprocess.Popen[str]:
    known = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", *(["-"] if stdin else ["-c", script])],
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**known, "HALFSPREAD_CACHE_DIR": str(cache), "TMPDIR": str(temporary or tempfile.gettempdir())},
    )


def finish(process: subprocess.Popen[str], stdin: str | None = None) -> str:
    out, err = process.communicate(stdin, timeout=300)
    assert (process.returncode, err) == (0, "")
    return out


def python(script: str, cache: Path, temporary: Path | None = None) -> str:
    return finish(start(script, cache, temporary=temporary))


def contents(cache: Path) -> dict[str, int]:
    """Every file with the time of its last change."""
    return {str(path.relative_to(cache)): path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


def added(cache: Path, before: dict[str, int]) -> set[str]:
    """Names of the functions compiled since; fails where a file that was there has changed."""
    after = contents(cache)
    assert {name: after.get(name) for name in before} == before
    return {re.sub(r"-\d+\.py.*", "", Path(name).name) for name in after.keys() - before.keys()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes, started at once, have filled."""
    folder = tmp_path_factory.mktemp("kernels")
    processes = [start(HOLD, folder) for _ in range(2)]
    assert [finish(process) for process in processes] == [HELD, HELD]
    return folder


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "level.py").write_text(HELPER)
    return tmp_path


def run_plugin(folder: Path) -> str:
    return (
        RUN
        + f"sys.path.insert(0, {str(folder)!r})\nsys.dont_write_bytecode = True\n"
        + ("from plugin import Plugin\nrun(Plugin())")
    )


def test_two_processes_that_start_at_once_on_an_empty_cache_both_finish_and_fill_it(cache: Path) -> None:
    names = contents(cache)
    assert any("loop_kernels.loop-" in name and name.endswith(".nbc") for name in names)
    assert any("expert_kernels.hold-" in name and name.endswith(".nbc") for name in names)
    assert not [name for name in names if name.endswith(".tmp")]


def test_the_next_process_compiles_nothing(cache: Path) -> None:
    before = contents(cache)
    assert python(HOLD, cache) == HELD
    assert added(cache, before) == set()


def test_another_built_in_strategy_compiles_its_decision_alone(cache: Path) -> None:
    before = contents(cache)
    python(RUN + "run(SmaCross(fast=1, slow=2))", cache)
    assert added(cache, before) == {"expert_kernels.sma_cross"}


def test_a_plug_in_file_compiles_its_decision_alone_and_once_and_edits_take_effect(cache: Path, plugin: Path) -> None:
    before = contents(cache)
    assert python(run_plugin(plugin), cache) == "[0.0, 5.0, 5.0, 5.0] 30.0\n"
    assert added(cache, before) == {"plugin.decide"}
    before = contents(cache)
    assert python(run_plugin(plugin), cache) == "[0.0, 5.0, 5.0, 5.0] 30.0\n"
    assert added(cache, before) == set()
    edit(plugin / "plugin.py", "0.5", "0.4")
    assert python(run_plugin(plugin), cache) == "[0.0, 4.0, 4.0, 4.0] 24.0\n"
    edit(plugin / "level.py", "1.0", "0.5")
    assert python(run_plugin(plugin), cache) == "[0.0, 2.0, 2.0, 2.0] 12.0\n"


def edit(file: Path, old: str, new: str) -> None:
    """To the same length, and with the time of the last change set back, so that only the text tells."""
    before = file.stat()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_plug_in_in_the_root_or_a_folder_of_the_checkout_is_not_taken_for_a_kernel_of_ours() -> None:
    from halfspread.engine.agent_functions import _neighbours_hash

    for folder in (ROOT, ROOT / "examples", ROOT / "tests" / "engine"):
        assert _neighbours_hash(folder / "plugin.py") != ""
    for folder in (ROOT / "strategies", ROOT / "halfspread" / "strategies", ROOT / "engine"):
        assert _neighbours_hash(folder / "kernels.py") == ""


def test_a_plug_in_beside_files_that_cannot_be_read_runs(plugin: Path) -> None:
    from halfspread.engine.agent_functions import _neighbours_hash

    (plugin / ".#level.py").symlink_to(plugin / "gone")  # as editors leave behind
    (plugin / "folder.py").mkdir()
    assert _neighbours_hash(plugin / "plugin.py")


def test_an_agent_without_a_file_runs_and_leaves_nothing_in_the_cache(cache: Path) -> None:
    before = contents(cache)
    script = RUN + PLUGIN.replace("from level import level", "").replace("level()", "1.0") + "run(Plugin())"
    assert python(script, cache) == "[0.0, 5.0, 5.0, 5.0] 30.0\n"
    assert finish(start("", cache, stdin=True), script) == "[0.0, 5.0, 5.0, 5.0] 30.0\n"
    assert added(cache, before) == set()


def test_importing_the_engine_and_the_experts_compiles_nothing(tmp_path: Path) -> None:
    script = """
import halfspread.engine.run, halfspread.strategies.expert_kernels as experts, halfspread.datafeeds.synthetic.market
from halfspread.engine.loop_kernels import loop
print(loop.signatures, "native" in vars(experts.hold))
"""
    assert python(script, tmp_path) == "[] False\n"
    assert contents(tmp_path) == {}


def test_a_cache_folder_that_cannot_be_written_is_replaced_by_one_that_goes_at_exit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "temporary").mkdir()
    script = """
from halfspread.compiled import cache_folder
print(cache_folder(), cache_folder() == cache_folder(), cache_folder().is_dir())
"""
    where, *rest = python(script, tmp_path / "file" / "cache", tmp_path / "temporary").split()
    assert rest == ["True", "True"]
    assert Path(where).parent == tmp_path / "temporary"
    assert not Path(where).exists()


def test_a_home_folder_that_cannot_be_told_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HALFSPREAD_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    folder = compiled.cache_folder.__wrapped__("test")
    assert folder.name.startswith("halfspread-kernels-")


def test_the_cache_root_is_the_one_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("HALFSPREAD_CACHE_DIR", raising=False)
    assert compiled.cache_root() == Path("/somewhere/halfspread")
    monkeypatch.setenv("HALFSPREAD_CACHE_DIR", "here")
    assert compiled.cache_root() == Path.cwd() / "here"  # stays where it was when the process changes its folder


FULL_DISK = """
import resource, sys
sys.path.insert(0, {folder!r})
import small
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
print(small.double(21), len(small.decide.native.signatures) == 1)
"""
SMALL = """
from halfspread.compiled import kernel
from halfspread.engine.agent_functions import compiled_agent

@kernel
def double(x):
    return 2 * x

@compiled_agent
def decide(context, memory, history, row):
    return 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_costs_the_cache_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(SMALL)
    assert python(FULL_DISK.format(folder=str(tmp_path)), tmp_path / "cache") == "42 True\n"
    assert not [name for name in contents(tmp_path / "cache") if name.endswith(".nbc")]


def test_a_cache_file_that_was_cut_off_does_no_harm_and_that_of_a_kernel_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(SMALL)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import small\n"
    script += "print(small.double(21), len(small.decide.native.signatures) == 1)"
    python(script, tmp_path / "cache")
    files = sorted((tmp_path / "cache").rglob("*.nbc"))
    whole = {file.name: file.stat().st_size for file in files}
    assert len(whole) == 2
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    assert python(script, tmp_path / "cache") == "42 True\n"
    (kernel,) = (file for file in files if "double" in file.name)
    assert kernel.stat().st_size == whole[kernel.name]


def test_the_name_of_the_cache_folder_changes_with_any_kernel_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = compiled.source_hash.__wrapped__
    original = compiled._kernel_sources()
    copies = []
    for number, path in enumerate(original):
        copy = tmp_path / str(number) / path.name
        copy.parent.mkdir()
        copy.write_bytes(path.read_bytes())
        copies.append(copy)
    monkeypatch.setattr(compiled, "_kernel_sources", lambda: copies)
    seen = {hashed()}
    assert seen == {compiled.source_hash()}
    for copy in copies:
        copy.write_text(copy.read_text() + "\n# edited")
        seen.add(hashed())
    assert len(seen) == len(copies) + 1


def test_every_file_with_compiled_functions_is_a_kernel_source() -> None:
    sources = {path.resolve() for path in compiled._kernel_sources()}
    found = [
        path.resolve()
        for path in (ROOT / "halfspread").glob("*/*.py")
        if re.search(r"^@(kernel|inner_kernel|loop_kernel|compiled_agent|numba\.|njit)", path.read_text(), re.MULTILINE)
    ]
    assert len(found) > 5
    assert [path for path in found if path not in sources] == []


def test_stale_caches_can_be_deleted_and_ours_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALFSPREAD_CACHE_DIR", str(tmp_path / "none"))
    assert compiled.prune_caches() == 0
    monkeypatch.setenv("HALFSPREAD_CACHE_DIR", str(tmp_path))
    mine = f"kernels-{compiled.source_hash()}"
    for name in (mine, f"{mine}-plugin", "kernels-old", "kernels-old-plugin", "notes"):
        (tmp_path / name).mkdir()
    assert compiled.prune_caches() == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mine, f"{mine}-plugin", "notes"])


def test_caching_in_the_users_own_code_is_left_alone(cache: Path, tmp_path: Path) -> None:
    assert not vars(numba.config)["CACHE_DIR"]
    (tmp_path / "mine.py").write_text("import numba\n\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n")
    before = contents(cache)
    script = HOLD + f"\nsys.path.insert(0, {str(tmp_path)!r})\nimport mine\nprint(mine.double(2))"
    assert python(script, cache) == HELD + "4\n"
    assert added(cache, before) == set()
    assert any(path.name.startswith("mine.double-") for path in (tmp_path / "__pycache__").iterdir())
