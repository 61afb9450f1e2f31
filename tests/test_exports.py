"""Every public module says what it offers, sorted, and can deliver it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import halfspread

ROOT = Path(__file__).resolve().parents[1]


def public_modules() -> list[str]:
    """Every module but ``__main__``, kernels and the records these share; a package counts once it holds code."""
    found = []
    for folder, _, names in os.walk(ROOT / "halfspread", followlinks=True):
        for name in names:
            path = Path(folder, name)
            parts = path.relative_to(ROOT).with_suffix("").parts
            private = name.startswith("_") and name != "__init__.py"
            if path.suffix != ".py" or private or name.endswith(("kernels.py", "records.py", "codes.py")):
                continue
            if name == "__init__.py":
                body = ast.parse(path.read_text(encoding="utf-8")).body
                if len(body) > 1:
                    found.append(".".join(parts[:-1]))
            else:
                found.append(".".join(parts))
    return sorted(found)


def constants_classes_functions(name: str) -> tuple[int, str]:
    """Order of ``__all__``: CONSTANTS, Classes, then the rest, each alphabetical (the order of ruff's RUF022)."""
    if len(name) > 1 and name.isupper():
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)


@pytest.mark.parametrize("module", public_modules())
def test_a_public_module_lists_its_names_sorted_and_each_can_be_imported(module: str) -> None:
    loaded = import_module(module)
    assert hasattr(loaded, "__all__"), f"{module} has no __all__"
    assert list(loaded.__all__) == sorted(set(loaded.__all__), key=constants_classes_functions)
    missing = [name for name in loaded.__all__ if not hasattr(loaded, name)]
    assert not missing


@pytest.mark.parametrize("name", halfspread.__all__)
def test_a_public_name_is_delivered_by_a_fresh_process(name: str) -> None:
    code = f"import halfspread; halfspread.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_lazy_name_is_public_and_has_one_home() -> None:
    lazy = {*halfspread._HOME_OF_NAME, *halfspread._MODULES}
    assert lazy | {"__version__"} == set(halfspread.__all__)
    assert not set(halfspread._HOME_OF_NAME) & set(halfspread._MODULES)


def test_type_checkers_see_the_same_homes_as_the_lazy_table() -> None:
    tree = ast.parse(Path(halfspread.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: f"{node.module}" for node in imports for alias in node.names}
    homes = {name: seen.pop(name) for name in halfspread._HOME_OF_NAME}
    assert homes == halfspread._HOME_OF_NAME
    assert {name: f"{module}.{name}" for name, module in seen.items()} == halfspread._MODULES


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'halfspread' has no attribute 'Taep'"):
        halfspread.Taep  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    assert set(halfspread.__all__) <= set(dir(halfspread))
