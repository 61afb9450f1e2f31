"""No import runs upwards or in a circle, and compiled functions live in kernel modules only."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "halfspread"

FOUNDATION = ("errors", "compiled")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "costs": (),
    "engine": ("costs",),
    "strategies": ("engine", "costs"),
    "agents": ("engine", "costs", "strategies"),
    "datafeeds": ("engine",),
    "reports": ("engine",),
    "configs": ("engine", "costs", "strategies", "agents", "datafeeds", "reports"),
}
FACE = "the face"
NOT_FOR_KERNELS = ("pydantic", "pandas", "pyarrow", "io", "os", "pathlib", "json", "tomllib", "datetime")


def python_files(folder: Path) -> list[Path]:
    found = [Path(at, name) for at, _, names in os.walk(folder, followlinks=True) for name in names]
    return sorted(path for path in found if path.suffix == ".py")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in python_files(PACKAGE)}
OURS_OUTSIDE = [path for name in ("tests", "benchmarks", "examples") for path in python_files(ROOT / name)]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str, str | None]]:
    """Each import anywhere in the module: line, module, and the name taken from it (None for ``import module``)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def our_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full module name of each import of ours; ``from halfspread import strategies`` is the module."""
    for line, module, name in imported_names(tree):
        if module.split(".")[0] != "halfspread":
            continue
        inner = f"{module}.{name}"
        yield line, inner if name is not None and inner in SOURCES else module


def layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (parts[1] in MAY_IMPORT or parts[1] in FOUNDATION) else FACE


def allowed(module: str) -> tuple[str, ...]:
    """The layers that ``module`` may import from, its own among them."""
    mine = layer(module)
    if mine in FOUNDATION:
        return ()
    if mine == FACE:
        return (FACE, *FOUNDATION, *MAY_IMPORT)
    return (mine, *FOUNDATION, *MAY_IMPORT[mine])


def upward_imports(module: str, tree: ast.AST) -> list[str]:
    return [
        f"{module}, line {line}: {target} ({layer(target)}) may not be imported from {layer(module)}"
        for line, target in our_imports(tree)
        if layer(target) not in allowed(module)
    ]


def foreign_spellings(tree: ast.AST) -> list[str]:
    """Imports of our folders without ``halfspread.``, and relative imports."""
    return [
        f"line {line}: {module}"
        for line, module, _ in imported_names(tree)
        if module.startswith(".") or module.split(".")[0] in MAY_IMPORT
    ]


def decorator_names(function: ast.FunctionDef) -> list[str]:
    called = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    return [ast.unparse(node).split(".")[-1] for node in called]


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_imports_only_from_the_layers_below_it(module: str) -> None:
    assert upward_imports(module, parse(SOURCES[module])) == []


def test_no_imports_run_in_a_circle() -> None:
    graph = {module: {target for _, target in our_imports(parse(path))} for module, path in SOURCES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("path", [*SOURCES.values(), *OURS_OUTSIDE], ids=lambda path: str(path.relative_to(ROOT)))
def test_our_modules_are_imported_by_their_full_name(path: Path) -> None:
    assert foreign_spellings(parse(path)) == []


@pytest.mark.parametrize("module", SOURCES)
def test_compiled_functions_live_in_kernel_modules(module: str) -> None:
    compiled = [
        function.name for function in functions(parse(SOURCES[module])) if "kernel" in decorator_names(function)
    ]
    assert not compiled or module.endswith("kernels")


@pytest.mark.parametrize("module", [module for module in SOURCES if module.endswith("kernels")])
def test_a_kernel_module_knows_no_models_tables_or_files(module: str) -> None:
    tree = parse(SOURCES[module])
    assert [name for _, name, _ in imported_names(tree) if name.split(".")[0] in NOT_FOR_KERNELS] == []


def test_the_checks_find_what_they_look_for() -> None:
    upward = ast.parse("def late():\n    from halfspread.reports import html\n    from halfspread import api")
    assert len(upward_imports("halfspread.engine.loop", upward)) == 2
    assert len(upward_imports("halfspread.errors", ast.parse("import halfspread.costs.fees"))) == 1
    assert upward_imports("halfspread.engine.loop", ast.parse("from halfspread.costs import fees")) == []
    assert len(foreign_spellings(ast.parse("import engine.tape\nfrom costs import fees\nfrom . import tape"))) == 3
