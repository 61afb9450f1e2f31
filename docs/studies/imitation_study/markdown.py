"""Tables and numbers as the page writes them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from halfspread.reports import formats

__all__ = ["p_value", "plus_minus", "share", "table", "wrapped"]

LEAST_P = 0.0001
WIDTH = 120
#: What begins a block that is left as it is.
_AS_IT_IS = ("|", "#", "!", "```")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Markdown; the first ``words`` columns are text, the others numbers."""
    marks = [*["---"] * words, *["---:"] * (len(heads) - words)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, marks, *rows))


def share(value: float, digits: int = 2) -> str:
    """A fraction in percent."""
    return formats.percent(value, digits).replace("%", " %")


def plus_minus(value: float, error: float | None) -> str:
    """A fraction in percent with its error."""
    text = share(value)
    return text if error is None else f"{text} ± {formats.number(100.0 * error)}"


def p_value(value: float | None) -> str:
    """A p-value; empty where there is none."""
    if value is None:
        return ""
    return f"below {LEAST_P:g}" if value < LEAST_P else formats.number(value, 4 if value < 0.01 else 2)


def wrapped(text: str) -> str:
    """Markdown with its paragraphs and list items broken anew."""
    return "\n\n".join(_broken(block) for block in text.rstrip().split("\n\n")) + "\n"


def _broken(block: str) -> str:
    if block.startswith(_AS_IT_IS):
        return block
    if block.startswith("- "):
        items = ("\n" + block).split("\n- ")[1:]
        return "\n".join(_filled(f"- {item}", "  ") for item in items)
    return _filled(block, "")


def _filled(text: str, indent: str) -> str:
    together = " ".join(text.split()).replace(" %", "\N{NO-BREAK SPACE}%")  # a number stays with its unit
    lines = textwrap.fill(together, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\N{NO-BREAK SPACE}%", " %")
