"""Every check that a finding can name is in docs/data_checks.md, and every check there exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def named_in_code() -> set[str]:
    names: set[str] = set()
    for path in (ROOT / "datafeeds" / "quality").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("finding", "Finding") and isinstance(node.args[0].value, str):
                names.add(node.args[0].value)
    return names


def test_every_check_is_documented_and_every_documented_check_exists() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", (ROOT / "docs" / "data_checks.md").read_text(encoding="utf-8"), re.M)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    code = named_in_code() | {"tick", "lot"}  # these two are called by a variable
    assert len(code) > 25
    assert code == documented
