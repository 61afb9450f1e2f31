"""docs/features.md lists every kind as the registry has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from halfspread.agents.features import KINDS, SETS, FeatureSet
from halfspread.agents.features.registry import Kind, WarmUp

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "features.md").read_text(encoding="utf-8")


def row(name: str, kind: Kind) -> str:
    """The line of the table."""
    names = [parameter.name for parameter in kind.parameters]
    written = f"{name}({', '.join(names)})" if names else name
    before = {WarmUp.NONE: "0", WarmUp.BEFORE: ", ".join(names)}
    within = f"{names[0]} - 1" if len(names) == 1 else "the larger - 1"
    if kind.warm_up is WarmUp.FADED:
        within = f"{names[-1]} + 1" if len(names) == 1 else f"{names[0]}, or {names[-1]} + 1 if that is more"
    cells = (
        f"`{written}`",
        kind.text,
        kind.unit,
        before.get(kind.warm_up, within),
        ", ".join(sorted(kind.needs)) or "-",
        kind.unknown,
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_stands_in_the_table_as_it_is(name: str) -> None:
    assert row(name, KINDS[name]) in TEXT.splitlines()


def test_nothing_else_stands_there() -> None:
    assert re.findall(r"^\| `(\w+)", TEXT, re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_listed_with_its_members(name: str) -> None:
    assert f"- `{name}`: {', '.join(f'`{each}`' for each in SETS[name])}." in TEXT.replace("\n  ", " ")


def test_the_features_of_its_examples_are_ones_that_there_are() -> None:
    found = re.findall(r"features = (\[[^\]]+\])", TEXT)
    assert found
    for text in found:
        FeatureSet(tuple(re.findall(r'"([^"]+)"', text)))
