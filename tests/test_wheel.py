"""The wheel and the sdist hold real files, and the quick start runs from the wheel alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agents", "configs", "costs", "datafeeds", "engine", "reports", "strategies")
MADE_BY_TOOLS = shutil.ignore_patterns("__pycache__", "*.nbc", "*.nbi")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = {**os.environ, **variables}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def package_files() -> set[str]:
    """Every file that belongs to the package, with its path in the wheel."""
    found = {
        Path(folder, name).relative_to(ROOT).as_posix()
        for folder, _, names in os.walk(ROOT / "halfspread", followlinks=True)
        for name in names
        if "__pycache__" not in folder
    }
    return {path for path in found if not path.endswith((".nbc", ".nbi"))}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build reads, links kept, so that nothing is left behind in the checkout."""
    if Version(version("setuptools")) < Version("77"):
        reason = "building needs setuptools >= 77: pip install -e '.[dev]'"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    copy = tmp_path_factory.mktemp("source")
    for name in (*FOLDERS, "halfspread"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=MADE_BY_TOOLS)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", out, source, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an empty environment with the wheel in it; dependencies are borrowed from the running one."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home.parent)
    python = home / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=home.parent)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    # A folder named in a .pth file comes after the environment's own; .pth files inside it (editable installs) are
    # not read.
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")
    return python


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    content = {entry.filename for entry in entries if ".dist-info/" not in entry.filename}
    assert content == package_files()
    links = [entry.filename for entry in entries if (entry.external_attr >> 16) & 0o170000 == 0o120000]
    assert not links


def test_the_wheel_holds_the_licence_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = {
            name.split(".dist-info/")[1]: archive.read(name) for name in archive.namelist() if ".dist-info/" in name
        }
    assert b"Apache License" in info["licenses/LICENSE"]
    assert b"halfspread = halfspread.__main__:main" in info["entry_points.txt"]
    assert b"License-Expression: Apache-2.0" in info["METADATA"]


def test_the_sdist_holds_real_files_and_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    code = "import sys, setuptools.build_meta as build; build.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, tmp_path, cwd=source)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert [member.name for member in archive if member.issym()] == []
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", tmp_path, sdist, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {name: first.getinfo(name).CRC for name in first.namelist() if ".dist-info/" not in name} == {
            name: second.getinfo(name).CRC for name in second.namelist() if ".dist-info/" not in name
        }


def test_the_installed_wheel_is_what_is_imported(installed: Path, tmp_path: Path) -> None:
    found = run(installed, "-c", "import halfspread; print(halfspread.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(installed.parents[1])


def test_the_quick_start_runs_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("halfspread")
    run(command, "compare", "quickstart", cwd=tmp_path, HALFSPREAD_CACHE_DIR=str(tmp_path / "cache"))
    assert list(tmp_path.glob("runs/**/report.html"))
