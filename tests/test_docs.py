"""The Python examples of the documents run as they stand, and the commands they show exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "strategies",
            "costs",
            "metrics",
            "features",
            "reservoir",
            "models",
            "demonstrations",
            "shift",
            "store",
            "online_learners",
            "order_books",
            "esn_rrl",
        )
    ),
)


def blocks(document: str) -> list[str]:
    """Python blocks of a document; those marked ``notest`` need data that are not here."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if blocks(name)])
def test_the_python_examples_run(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tape = SyntheticMarket(days=5).tape(np.random.default_rng(1))
    costs = hs.Costs(half_spread=hs.HalfSpread.ticks(1), fees=hs.Fees.venue(), funding=hs.Funding.published())
    for number, block in enumerate(blocks(document)):
        module = tmp_path / f"example_{number}.py"
        module.write_text(block, encoding="utf-8")
        names: dict[str, object] = {"__name__": f"example_{number}"}
        exec(compile(block, str(module), "exec"), names)
        for value in names.values():
            if isinstance(value, type) and issubclass(value, hs.Strategy) and value is not hs.Strategy:
                result = hs.backtest(tape, value(), costs, sizing=hs.FixedNotional(1_000))
                assert result.bars == 5 * 288
    if document == "README.md":
        assert (tmp_path / "report.html").stat().st_size > 10_000


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/**/*.md")),
)


@pytest.mark.parametrize("document", PAGES)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    file = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (file.parent / target).exists(), f"{document} links to {target}"
