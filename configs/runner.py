"""One runner for many runs: comparisons, audits, sweeps, cost sensitivities, whatever makes cells.

Compiled agents run in threads over one shared read-only tape, since the event loop lets go of the interpreter's lock;
agents in Python run in processes (spawned, each builds the tape from the config once), since theirs does not, unless
all of them are done before such a process would be up. Outcomes are handed on as they come: nothing in them depends on
the worker count. An interruption, or an error of a callback, stops all workers; what was handed on before is the
caller's to keep.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Cell
from halfspread.engine.first_compile import processors
from halfspread.engine.tape import Tape
from halfspread.errors import UserError

__all__ = ["Planned", "Source", "Work", "default_workers", "run_cells"]

#: How many cells wait for each worker.
WAITING = 4
#: Seconds after which the main thread looks up, to hear Ctrl-C.
LOOK_UP = 0.2
#: Up to so many cells are planned once; more are planned again when they run.
PLANS_KEPT = 2_000

#: Processes are started once agents in Python have taken so many seconds, or at once for so many events.
PATIENCE = 2.0
PATIENT_EVENTS = 3_000_000


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
    def planned(self, cell: Cell) -> P | O:
        """The plan of a cell, or why there is none."""
        ...

    def tape(self, plan: P) -> Tape:
        """The tape of a plan."""
        ...

    def run(self, plan: P, progress: Callable[[int], None] | None = None) -> O:
        """Run a plan."""
        ...


class _Stopped(BaseException):
    """Ends a replay in a worker; no Exception, so that it is no outcome of a cell."""


def default_workers() -> int:
    """As many as there are processors for this process."""
    return processors()


def run_cells(
    work: Work[P, O],
    cells: Sequence[Cell],
    take: Callable[[O], None],
    *,
    workers: int = 1,
    choose: Callable[[Tape, Sequence[Cell]], Sequence[Cell]] | None = None,
) -> None:
    """Run ``cells``, those of one market together; hand each outcome to ``take``, in the main thread, as it comes.

    A cell that is refused, or fails, is an outcome too. ``choose`` gets the tape of the cells that run next, and those
    cells, and may leave out some whose outcome is known. Raises what reading a market raises, UserError where a worker
    process dies, and KeyboardInterrupt; no worker goes on then.
    """
    for first, all_jobs in _by_market(work, cells, take):
        jobs, tape = all_jobs, work.tape(first)
        if choose is not None:
            chosen = {cell.index for cell in choose(tape, [job.cell for job in all_jobs])}
            jobs = [job for job in all_jobs if job.cell.index in chosen]
        compiled = [job for job in jobs if not job.in_python]
        if workers == 1 or len(compiled) < 2:
            _one_by_one(work, compiled, take)
        else:
            _in_threads(work, compiled, take, min(workers, len(compiled)))
        _in_python(work, [job for job in jobs if job.in_python], take, workers, len(tape))


def _one_by_one(work: Work[P, O], jobs: Sequence[_Job[P]], take: Callable[[O], None]) -> None:
    for job in jobs:
        take(_run(work, job, lambda: False))


def _in_python(work: Work[P, O], jobs: Sequence[_Job[P]], take: Callable[[O], None], workers: int, events: int) -> None:
    """Agents in Python: here as long as that is faster than starting processes, which begin with what was not done."""
    if workers == 1 or len(jobs) < 2:
        return _one_by_one(work, jobs, take)
    patience = PATIENCE if events * len(jobs) < PATIENT_EVENTS else 0.0
    end, done = time.monotonic() + patience, 0
    with suppress(_Stopped):
        for job in jobs:
            take(_run(work, job, lambda: time.monotonic() >= end))
            done += 1
    left = jobs[done:]
    if len(left) == 1:
        _one_by_one(work, left, take)
    elif left:
        _in_processes(work.source, left, take, min(workers, len(left)))
    return None


@dataclass(frozen=True)
class _Job(Generic[P]):
    """A cell that can run; with its plan, unless there are so many that plans would take too much memory."""

    cell: Cell
    in_python: bool
    plan: P | None = None


def _by_market(work: Work[P, O], cells: Sequence[Cell], take: Callable[[O], None]) -> Iterable[tuple[P, list[_Job[P]]]]:
    """The cells that can run, those of one market together, and the plan of the first of them."""
    found: dict[str, tuple[P, list[_Job[P]]]] = {}
    for cell in cells:
        planned = work.planned(cell)
        if isinstance(planned, Outcome):
            take(planned)
        else:
            _, jobs = found.setdefault(planned.market, (planned, []))
            jobs.append(_Job(cell, planned.in_python, planned if len(cells) <= PLANS_KEPT else None))
    return found.values()


def _run(work: Work[P, O], job: _Job[P], stopped: Callable[[], bool]) -> O:
    """Run a job. Raises _Stopped as soon as ``stopped`` says so."""

    def look(_: int) -> None:
        if stopped():
            raise _Stopped

    look(0)
    planned = work.planned(job.cell) if job.plan is None else job.plan
    if isinstance(planned, Outcome):
        return planned
    return work.run(planned, look)


def _in_threads(work: Work[P, O], jobs: Sequence[_Job[P]], take: Callable[[O], None], workers: int) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="cell") as pool:
        try:
            _feed(lambda job: pool.submit(_run, work, job, stop.is_set), jobs, take, workers)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _in_processes(source: Source[P, O], jobs: Sequence[_Job[P]], take: Callable[[O], None], workers: int) -> None:
    import multiprocessing  # a comparison of compiled agents starts sooner without
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(source,))
    try:
        _feed(lambda job: pool.submit(_run_here, job.cell), jobs, take, workers)
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for want of memory; what is finished is kept: run the same command again, "
            "with fewer --workers"
        ) from error
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _feed(
    submit: Callable[[_Job[P]], Future[O]], jobs: Sequence[_Job[P]], take: Callable[[O], None], workers: int
) -> None:
    """Keep the workers busy with a few cells in waiting, and take outcomes as they come."""
    left = iter(jobs)
    running = {submit(job) for job in islice(left, WAITING * workers)}
    while running:
        done, running = wait(running, timeout=LOOK_UP, return_when=FIRST_COMPLETED)
        for future in done:
            take(future.result())
        running |= {submit(job) for job in islice(left, len(done))}


_here: Any = None


def _begin(source: Source[Any, Any]) -> None:
    """Set up a worker process; Ctrl-C is for the process that started it."""
    global _here  # noqa: PLW0603 - the state of a worker process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here = source.work()


def _run_here(cell: Cell) -> Any:
    if _here is None:
        raise UserError("this process was not set up to run cells")
    return _run(_here, _Job(cell, True), lambda: False)
