"""The jobs of a runner in the order of their markets, and which tapes are held meanwhile.

The tape of a market is read, or made, in the main thread, when its first job is about to be handed out. A next market
is begun only where a worker would have nothing to do, and while what is held takes no more than `HELD_BYTES`: many
cells on one market hold one tape, paths with a cell each as many as there are workers and one that waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.held import tape_bytes
from halfspread.configs.protocol import Choose, Planned, Work

__all__ = ["Job", "JobQueue"]

#: How many cells wait for each worker.
WAITING = 4
#: Tapes of several markets may take so many bytes together.
HELD_BYTES = 800_000_000
#: Up to so many cells are planned once; more are planned again when they run.
PLANS_KEPT = 2_000

P = TypeVar("P", bound=Planned)
O = TypeVar("O", bound=Outcome)  # noqa: E741 - an outcome


@dataclass(frozen=True)
class Job(Generic[P]):
    """A cell that can run; with its plan, unless there are so many that plans would take too much memory."""

    cell: Cell
    market: str
    in_python: bool
    plan: P | None = None


@dataclass
class JobQueue(Generic[P, O]):
    """Jobs of ``cells``, those of one market together. ``take`` gets the outcome of a cell that cannot run; jobs of
    agents in Python are put aside, into ``aside``, unless there is one worker. ``events`` they have to go through."""

    work: Work[P, O]
    cells: Sequence[Cell]
    take: Callable[[O], None]
    workers: int
    choose: Choose | None = None
    aside: list[Job[P]] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self._markets = iter(list(self._by_market().values()))
        self._next = next(self._markets, None)
        self._here: list[Job[P]] = []
        self._running: Counter[str] = Counter()
        self._largest = 0

    def _by_market(self) -> dict[str, tuple[P, list[Job[P]]]]:
        found: dict[str, tuple[P, list[Job[P]]]] = {}
        for cell in self.cells:
            planned = self.work.planned(cell)
            if isinstance(planned, Outcome):
                self.take(planned)
            else:
                _, jobs = found.setdefault(planned.market, (planned, []))
                kept = planned if len(self.cells) <= PLANS_KEPT else None
                jobs.append(Job(cell, planned.market, planned.in_python, kept))
        return found

    def next(self) -> Job[P] | None:
        """The next job to be handed out; None where there is none, or none yet. Raises what reading a market raises."""
        running = self._running.total()
        while not self._here and self._next is not None and self._may_open(running):
            self._open(*self._next)
            self._next = next(self._markets, None)
        if not self._here or running >= WAITING * self.workers:
            return None
        job = self._here.pop()
        self._running[job.market] += 1
        return job

    def done(self, job: Job[P]) -> None:
        """A job that was handed out has ended."""
        self._running[job.market] -= 1

    def _may_open(self, running: int) -> bool:
        return running == 0 or (running <= self.workers and self.work.size + self._largest <= HELD_BYTES)

    def _open(self, first: P, jobs: Sequence[Job[P]]) -> None:
        """Read the market of some jobs, once those that nobody needs any more are let go of."""
        self.work.release([first.market, *(market for market, count in self._running.items() if count > 0)])
        tape = self.work.tape(first)
        self._largest = max(self._largest, tape_bytes(tape))
        if self.choose is not None:
            chosen = {cell.index for cell in self.choose(first.market, tape, [job.cell for job in jobs])}
            jobs = [job for job in jobs if job.cell.index in chosen]
        here = [job for job in jobs if not job.in_python]
        rest = [job for job in jobs if job.in_python]
        if self.workers == 1:
            here += rest
        else:
            self.aside += rest
            self.events += len(tape) * len(rest)
        self._here = here[::-1]
