"""Where in a file a row stands, for messages: the line of a text, the row of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Where"]


@dataclass(frozen=True)
class Where:
    """A block of rows of ``file``. ``first``: number of its first row, or of a ``text``, what counts the lines before
    it, once there is a fault to be named. ``picked``: numbers of the rows in use, where these are not all."""

    file: str
    first: int | Callable[[], int]
    text: bytes = b""
    picked: Any = None

    def of(self, rows: Any) -> Where:
        """The place of some rows of the block."""
        return replace(self, picked=rows)

    def at(self, row: int) -> str:
        """The file and the place of the row with this number."""
        row = row if self.picked is None else int(self.picked[row])
        if not callable(self.first):
            return f"{self.file}: row {self.first + row}"
        return self.line(self._line(row))

    def line(self, number: int) -> str:
        """The file and a line of the block, counted from 0."""
        return f"{self.file}: line {(self.first() if callable(self.first) else self.first) + number}"

    def _line(self, row: int) -> int:
        """The line of a row in the text; empty lines are no rows."""
        for number, line in enumerate(self.text.split(b"\n")):
            if line.strip(b"\r"):
                if row == 0:
                    return number
                row -= 1
        return 0
