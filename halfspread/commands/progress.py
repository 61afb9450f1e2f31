"""Progress on standard error: only on a terminal, silent with ``--json``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["Progress"]


class Progress:
    """Shows what is being done, for the time of a ``with`` block."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step of unknown length."""
        if not self._shown:
            yield
            return
        with self._bar("[progress.elapsed]{task.fields[unit]}") as bar:
            bar.add_task(what, total=None, unit="")
            yield

    @contextmanager
    def steps(self, what: str) -> Iterator[Callable[[str], None]]:
        """Several steps of unknown length; gives what is to be called with each as it begins."""
        if not self._shown:
            yield lambda step: None
            return
        with self._bar("[progress.elapsed]{task.fields[unit]}") as bar:
            task = bar.add_task(what, total=None, unit="")
            yield lambda step: bar.update(task, description=f"{what}: {step}")

    @contextmanager
    def replay(self, what: str, events: int) -> Iterator[Callable[[int], None] | None]:
        """A run over about so many events; gives what is to be called with the number of events done."""
        if not self._shown:
            yield None
            return
        with self._bar("{task.completed:,.0f} events", "{task.fields[rate]}") as bar:
            task = bar.add_task(what, total=events, rate="", unit="")

            def report(done: int) -> None:
                speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
                rate = f"{speed / 1e6:,.1f} M events/s" if speed else ""
                bar.update(task, completed=min(done, events), rate=rate)

            yield report

    @contextmanager
    def agents(self, what: str, events: Mapping[int, int]) -> Iterator[Callable[[int, int], None]]:
        """Several agents at once, each over about so many ``events`` by its number; gives what is to be called, from
        any thread, with the number of an agent and its events done."""
        if not self._shown:
            yield lambda index, done: None
            return
        done: dict[int, int] = {}
        with self.replay(what, sum(events.values())) as report:

            def count(index: int, now: int) -> None:
                done[index] = min(now, events.get(index, now))
                if report is not None:
                    report(sum(done.copy().values()))

            yield count

    @contextmanager
    def cells(self, what: str, count: int, noun: str = "cells") -> Iterator[Callable[[int], None]]:
        """Many runs, called ``noun``; gives what is to be called with the number of those that are done."""
        if not self._shown:
            yield lambda done: None
            return
        done_of = f"{{task.completed:,.0f}} of {{task.total:,.0f}} {noun}"
        with self._bar(done_of, "{task.fields[rate]}") as bar:
            task = bar.add_task(what, total=count, rate="", unit="")

            def report(done: int) -> None:
                speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
                bar.update(task, completed=done, rate=f"{speed:,.1f} {noun}/s" if speed else "")

            yield report

    def _bar(self, *texts: str) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            *(TextColumn(text) for text in texts),
        ]
        return Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
