"""Text of others on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

__all__ = ["Harmless", "without_controls"]


class Harmless:
    """What rich prints (a table, say) with the control characters of its texts as `without_controls` shows them."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """The pieces that rich asks for."""
        from rich.segment import Segment

        for text, style, control in console.render(self._shown, options):
            yield Segment(text if control else without_controls(text), style, control)


def without_controls(text: str) -> str:
    """Messages of plug-ins, names and the like with control characters, but new lines and tabs, as ``\\x1b``."""
    if text.isprintable():  # nearly all texts are, and tables have many
        return text
    return "".join(repr(each)[1:-1] if _controls(each) else each for each in text)


def _controls(letter: str) -> bool:
    return letter not in "\n\t" and (letter < " " or "\x7f" <= letter <= "\x9f")
