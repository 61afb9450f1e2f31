"""One runner for many runs: sweeps, cost sensitivities, whatever makes cells.

Compiled agents run in threads over one shared read-only tape, since the event loop lets go of the interpreter's lock;
agents in Python run in processes (spawned, each builds the tape from the config once), since theirs does not. Outcomes
are handed on as they come and given back in the order of the cells: nothing in them depends on the worker count. An
interruption, or an error of a callback, stops all workers; what was handed on before is the caller's to keep.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from halfspread.configs.cell_work import CellSource, CellWork, Outcome, Plan
from halfspread.configs.cells import Cell
from halfspread.engine.tape import Tape
from halfspread.errors import UserError

__all__ = ["default_workers", "run_cells"]

#: How many cells wait for each worker.
WAITING = 4
#: Seconds after which the main thread looks up, to hear Ctrl-C.
LOOK_UP = 0.2
#: Up to so many cells are planned once; more are planned again when they run.
PLANS_KEPT = 2_000

#: Gets an outcome as soon as there is one.
Take = Callable[[Outcome], None]
#: Gets the tape of the cells that run next, and those cells; gives those that have to run.
Choose = Callable[[Tape, Sequence[Cell]], Sequence[Cell]]


class _Stopped(BaseException):
    """Ends a replay in a worker; no Exception, so that it is no outcome of a cell."""


def default_workers() -> int:
    """As many as there are processors for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_cells(
    work: CellWork, cells: Sequence[Cell], take: Take, *, workers: int = 1, choose: Choose | None = None
) -> None:
    """Run ``cells``, those of one market together; hand each outcome to ``take``, in the main thread, as it comes.

    A cell that is refused, or fails, is an outcome too. ``choose`` may leave out cells whose outcome is known. Raises
    what reading a market raises, UserError where a worker process dies, and KeyboardInterrupt; no worker goes on then.
    """
    with _tidy():
        _run_all(work, cells, take, workers, choose)


def _run_all(work: CellWork, cells: Sequence[Cell], take: Take, workers: int, choose: Choose | None) -> None:
    for first, all_jobs in _by_market(work, cells, take):
        jobs = all_jobs
        if choose is not None:
            chosen = {cell.index for cell in choose(work.tape(first), [job.cell for job in all_jobs])}
            jobs = [job for job in all_jobs if job.cell.index in chosen]
        for in_python in (False, True):
            group = [job for job in jobs if job.in_python is in_python]
            if workers == 1 or len(group) < 2:
                for job in group:
                    take(_run(work, job, None))
            elif in_python:
                _in_processes(work.source, group, take, min(workers, len(group)))
            else:
                _in_threads(work, group, take, min(workers, len(group)))


@dataclass(frozen=True)
class _Job:
    """A cell that can run; with its plan, unless there are so many that plans would take too much memory."""

    cell: Cell
    in_python: bool
    plan: Plan | None = None


def _by_market(work: CellWork, cells: Sequence[Cell], take: Take) -> Iterable[tuple[Plan, list[_Job]]]:
    """The cells that can run, those of one market together, and the plan of the first of them."""
    found: dict[str, tuple[Plan, list[_Job]]] = {}
    for cell in cells:
        planned = work.planned(cell)
        if isinstance(planned, Outcome):
            take(planned)
        else:
            _, jobs = found.setdefault(planned.market, (planned, []))
            jobs.append(_Job(cell, planned.in_python, planned if len(cells) <= PLANS_KEPT else None))
    return found.values()


@contextmanager
def _tidy() -> Iterator[None]:
    """Have the collector of cycles look at what comes from now on only, which makes a collection after each cell cheap.

    A run leaves some 20 MB in a cycle. Without it they pile up, and every next run has to ask the system for new pages:
    a hundred cells take a gigabyte more and half as long again.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _run(work: CellWork, job: _Job, stop: threading.Event | None) -> Outcome:
    if stop is not None and stop.is_set():
        raise _Stopped
    planned = work.planned(job.cell) if job.plan is None else job.plan
    if isinstance(planned, Outcome):
        return planned

    def look(_: int) -> None:
        if stop is not None and stop.is_set():
            raise _Stopped

    try:
        return work.run(planned, look)
    finally:
        gc.collect()


def _in_threads(work: CellWork, jobs: Sequence[_Job], take: Take, workers: int) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="cell") as pool:
        try:
            _feed(lambda job: pool.submit(_run, work, job, stop), jobs, take, workers)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _in_processes(source: CellSource, jobs: Sequence[_Job], take: Take, workers: int) -> None:
    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(source,))
    try:
        _feed(lambda job: pool.submit(_run_here, job.cell), jobs, take, workers)
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for want of memory; finished cells are kept: run the same command again, "
            "with fewer --workers"
        ) from error
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _feed(submit: Callable[[_Job], Future[Outcome]], jobs: Sequence[_Job], take: Take, workers: int) -> None:
    """Keep the workers busy with a few cells in waiting, and take outcomes as they come."""
    left = iter(jobs)
    running = {submit(job) for job in islice(left, WAITING * workers)}
    while running:
        done, running = wait(running, timeout=LOOK_UP, return_when=FIRST_COMPLETED)
        for future in done:
            take(future.result())
        running |= {submit(job) for job in islice(left, len(done))}


_here: CellWork | None = None


def _begin(source: CellSource) -> None:
    """Set up a worker process; Ctrl-C is for the process that started it."""
    global _here  # noqa: PLW0603 - the state of a worker process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here = CellWork(source)


def _run_here(cell: Cell) -> Outcome:
    if _here is None:
        raise UserError("this process was not set up to run cells")
    return _run(_here, _Job(cell, True), None)
