"""The start is quick because nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "numba", "pandas", "pyarrow", "pydantic")


def loaded_after(code: str) -> list[str]:
    """The heavy libraries that a fresh interpreter has loaded after ``code``."""
    report = f"{code}\nimport sys\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("LOADED")[1].split()


@pytest.mark.parametrize(
    "code", ["import halfspread", "import halfspread.errors", "import halfspread; dir(halfspread)"]
)
def test_importing_the_package_loads_nothing_heavy(code: str) -> None:
    assert loaded_after(code) == []


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    code = "import halfspread.__main__, sys\nsys.argv = ['halfspread', '--help']\n"
    code += "try:\n    halfspread.__main__.main()\nexcept SystemExit as end:\n    assert not end.code"
    assert loaded_after(code) == []


def test_subclassing_a_strategy_loads_no_tables() -> None:
    code = "import halfspread as hs\nclass Mine(hs.Strategy):\n    lookback: int = 5\n    def on_bar(self, market): ..."
    assert not {"pandas", "pyarrow"} & set(loaded_after(code))


def test_the_check_finds_a_heavy_library() -> None:
    assert loaded_after("import numpy") == ["numpy"]
