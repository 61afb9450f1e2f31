"""One runner for many runs: comparisons, audits, sweeps, cost sensitivities, Monte Carlo, whatever makes cells.

Compiled agents run in threads over shared read-only tapes, since the event loop lets go of the interpreter's lock;
agents in Python run in processes (spawned, each builds its tapes from the config), since theirs does not, unless all of
them are done before such a process would be up. Outcomes are handed on as they come: nothing in them depends on the
worker count. An interruption, or an error of a callback, stops all workers; what was handed on before is the caller's
to keep.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from halfspread.configs.cell_work import Outcome
from halfspread.configs.cells import Cell
from halfspread.configs.market_queue import WAITING, Job, JobQueue
from halfspread.configs.protocol import Choose, Planned, Source, Work
from halfspread.engine.first_compile import processors
from halfspread.errors import UserError

__all__ = ["default_workers", "run_cells"]

#: Seconds after which the main thread looks up, to hear Ctrl-C.
LOOK_UP = 0.2

#: Processes are started once agents in Python have taken so many seconds, or at once for so many events.
PATIENCE = 2.0
PATIENT_EVENTS = 3_000_000

P = TypeVar("P", bound=Planned)
O = TypeVar("O", bound=Outcome)  # noqa: E741 - an outcome


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
    choose: Choose | None = None,
) -> None:
    """Run ``cells``, those of one market together; hand each outcome to ``take``, in the main thread, as it comes.

    A cell that is refused, or fails, is an outcome too. ``choose`` gets a market, its tape, and the cells that run on
    it next, and may leave out some whose outcome is known. Raises what reading a market raises, UserError where a
    worker process dies, and KeyboardInterrupt; no worker goes on then.
    """
    workers = max(min(workers, len(cells)), 1)
    queue = JobQueue(work, cells, take, workers, choose)
    if workers == 1:
        while (job := queue.next()) is not None:
            take(_run(work, job, lambda: False))
            queue.done(job)
        return
    _in_threads(work, queue, take, workers)
    _in_python(work, queue.aside, take, workers, queue.events)


def _one_by_one(work: Work[P, O], jobs: Sequence[Job[P]], take: Callable[[O], None]) -> None:
    for job in jobs:
        take(_run(work, job, lambda: False))


def _in_python(work: Work[P, O], jobs: Sequence[Job[P]], take: Callable[[O], None], workers: int, events: int) -> None:
    """Agents in Python: here as long as that is faster than starting processes, which begin with what was not done.
    ``events``: what all of them have to go through."""
    if len(jobs) < 2:
        return _one_by_one(work, jobs, take)
    patience = PATIENCE if events < PATIENT_EVENTS else 0.0
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


def _run(work: Work[P, O], job: Job[P], stopped: Callable[[], bool]) -> O:
    """Run a job. Raises _Stopped as soon as ``stopped`` says so."""

    def look(_: int) -> None:
        if stopped():
            raise _Stopped

    look(0)
    planned = work.planned(job.cell) if job.plan is None else job.plan
    if isinstance(planned, Outcome):
        return planned
    return work.run(planned, look)


def _in_threads(work: Work[P, O], queue: JobQueue[P, O], take: Callable[[O], None], workers: int) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="cell") as pool:
        try:
            _feed(lambda job: pool.submit(_run, work, job, stop.is_set), queue.next, take, queue.done)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _in_processes(source: Source[P, O], jobs: Sequence[Job[P]], take: Callable[[O], None], workers: int) -> None:
    import multiprocessing  # a comparison of compiled agents starts sooner without
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(source,))
    waiting, running = iter(jobs), set[int]()

    def following() -> Job[P] | None:
        job = next(waiting, None) if len(running) < WAITING * workers else None
        if job is not None:
            running.add(job.cell.index)
        return job

    try:
        _feed(lambda job: pool.submit(_run_here, job.cell), following, take, lambda job: running.remove(job.cell.index))
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
    submit: Callable[[Job[P]], Future[O]],
    following: Callable[[], Job[P] | None],
    take: Callable[[O], None],
    done: Callable[[Job[P]], None],
) -> None:
    """Keep the workers busy with what ``following`` gives, and take outcomes as they come."""
    running: dict[Future[O], Job[P]] = {}
    while True:
        while (job := following()) is not None:
            running[submit(job)] = job
        if not running:
            return
        ready, _ = wait(running, timeout=LOOK_UP, return_when=FIRST_COMPLETED)
        for future in ready:
            job = running.pop(future)
            take(future.result())
            done(job)


_here: Any = None


def _begin(source: Source[Any, Any]) -> None:
    """Set up a worker process; Ctrl-C is for the process that started it."""
    global _here  # noqa: PLW0603 - the state of a worker process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here = source.work()


def _run_here(cell: Cell) -> Any:
    if _here is None:
        raise UserError("this process was not set up to run cells")
    planned = _here.planned(cell)
    if isinstance(planned, Outcome):
        return planned
    _here.release([planned.market])
    return _here.run(planned, None)
