"""Text of others on a terminal."""

from __future__ import annotations

__all__ = ["without_controls"]


def without_controls(text: str) -> str:
    """Messages of plug-ins, names and the like with control characters, but new lines and tabs, as ``\\x1b``."""
    return "".join(repr(each)[1:-1] if _controls(each) else each for each in text)


def _controls(letter: str) -> bool:
    return letter not in "\n\t" and (letter < " " or "\x7f" <= letter <= "\x9f")
