"""What a runner asks of what it runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Cell
from halfspread.engine.tape import Tape

__all__ = ["Choose", "Planned", "Source", "Work"]

#: Gets a market, its tape and the cells that run on it next, and gives those whose outcome is not known.
Choose = Callable[[str, Tape, Sequence[Cell]], Sequence[Cell]]


class Planned(Protocol):
    """A cell that can run. ``market``: equal for cells that share a tape; ``in_python``: it holds the interpreter's
    lock."""

    @property
    def market(self) -> str: ...
    @property
    def in_python(self) -> bool: ...


P = TypeVar("P", bound=Planned)
O = TypeVar("O", bound=Outcome)  # noqa: E741 - an outcome


class Source(Protocol[P, O]):
    """What a worker process is sent, and makes its own work from."""

    def work(self) -> Work[P, O]:
        """What plans and runs cells."""
        ...


class Work(Protocol[P, O]):
    """Plans and runs cells. What goes wrong in a run is an outcome, but for what ``progress`` raises to stop it."""

    @property
    def source(self) -> Source[P, O]: ...
    @property
    def size(self) -> int:
        """Bytes of the tapes that are held."""
        ...

    def planned(self, cell: Cell) -> P | O:
        """The plan of a cell, or why there is none."""
        ...

    def tape(self, plan: P) -> Tape:
        """The tape of a plan, which is held from then on."""
        ...

    def release(self, keep: Collection[str]) -> None:
        """Let go of the tapes of all markets but those of ``keep``."""
        ...

    def run(self, plan: P, progress: Callable[[int], None] | None = None) -> O:
        """Run a plan."""
        ...
