"""Measure the results of a config against its benchmark: a file, the price held, or one of its agents."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from halfspread.commands.progress import Progress
from halfspread.commands.replay import replay
from halfspread.configs.benchmark import read_benchmark
from halfspread.configs.build import BuiltAgent
from halfspread.configs.load import Loaded
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, UserError
from halfspread.reports.benchmark import Benchmark, held_instrument
from halfspread.reports.result import Result

__all__ = ["against", "beside", "note_unused", "refuse_other_agents", "replayed", "series_of"]


def series_of(loaded: Loaded, tape: Tape) -> Benchmark | None:
    """The benchmark that the config names by its file, which must have every day of ``tape``; None for another one,
    which must be of the ``tape`` where it is the price held. Asked for before a run, so that no one waits for a result
    that cannot be measured. Raises ConfigError, DataError."""
    table = loaded.config.benchmark
    found = read_benchmark(table, loaded.folder, loaded.places)
    if table is not None and table.hold is not None:
        with _placed(loaded):
            held_instrument(tape.instruments, None if table.hold is True else table.hold)
    if found is not None and tape.end_ns > tape.start_ns:
        first, last = (pd.Timestamp(time, tz="UTC").floor("D") for time in (tape.start_ns, tape.end_ns - 1))
        with _placed(loaded):
            found.over(pd.date_range(first, last, freq="D"))
    return found


def against(loaded: Loaded, result: Result, found: Benchmark | None) -> Result:
    """``result`` against ``found`` (the file's series, or an agent's), or against the price held where the config says
    so; unchanged without a benchmark. Raises ConfigError, DataError."""
    table = loaded.config.benchmark
    if table is None:
        return result
    with _placed(loaded):
        held = Benchmark.hold(result, None if table.hold is True else table.hold) if table.hold else found
        return result.against(held)


def beside(
    loaded: Loaded, built: Sequence[BuiltAgent], results: Mapping[str, Result], found: Benchmark | None
) -> Benchmark | None:
    """The benchmark for the results (by label) of all agents of a config: ``found``, or that of the agent it names."""
    table = loaded.config.benchmark
    if table is None or table.agent is None:
        return found
    label = next(each.label for each in built if each.config.label == table.agent)
    return Benchmark.agent(results[label])


def replayed(loaded: Loaded, tape: Tape, built: Sequence[BuiltAgent], progress: Progress) -> Benchmark | None:
    """As `series_of` and `beside`, where results are not kept: the agent that the config names is run for it alone."""
    found = series_of(loaded, tape)
    table = loaded.config.benchmark
    if table is None or table.agent is None:
        return found
    agent = next(each for each in built if each.config.label == table.agent)
    with TemporaryDirectory(prefix="halfspread-benchmark-") as home:
        return Benchmark.agent(replay(loaded, tape, agent, Path(home), progress))


def refuse_other_agents(loaded: Loaded, only: str) -> None:
    """Raise ConfigError where the benchmark is an agent, and only the one labelled ``only`` will run."""
    table = loaded.config.benchmark
    if table is not None and table.agent is not None:
        raise ConfigError(
            f"{loaded.places.of(('benchmark', 'agent'))}: benchmark.agent: {table.agent!r} does not run beside "
            f"{only!r}; see all agents with: halfspread compare {loaded.path}; or measure this one against the price "
            "held: hold = true instead of agent"
        )


def note_unused(loaded: Loaded) -> None:
    """Say on standard error that a command measures against zero, where the config names a benchmark."""
    if loaded.config.benchmark is not None:
        print("halfspread: note: ratios are against zero here; [benchmark] is for run and compare", file=sys.stderr)


@contextmanager
def _placed(loaded: Loaded) -> Iterator[None]:
    """Have faults say where in the config the benchmark is."""
    try:
        yield
    except UserError as error:
        raise type(error)(f"{loaded.places.of(('benchmark',))}: {error}") from None
