"""The examples of docs/fake_exchange.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from halfspread.datafeeds.fake_exchange.faults import FAULTS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "fake_exchange.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int) -> None:
    exec(compile(EXAMPLES[number], f"docs/fake_exchange.md, example {number}", "exec"), {"__name__": "example"})


def test_every_fault_is_described() -> None:
    assert len(EXAMPLES) == 3
    assert [kind for kind in FAULTS if f"`{kind}`" not in TEXT] == []
