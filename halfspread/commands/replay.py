"""Replay a config's market to one agent and leave the results in a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from halfspread.commands.data_hashes import TapeHash, tape_hash
from halfspread.commands.folder import writing
from halfspread.commands.output import agent_object, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.tables import CurveWriter, write_table
from halfspread.configs.build import BuiltAgent, run_terms
from halfspread.configs.costs import build_costs
from halfspread.configs.foresight import with_foresight
from halfspread.configs.learners import fitted
from halfspread.configs.load import Loaded
from halfspread.engine.agent import looks_ahead
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.errors import InternalError, StrategyError
from halfspread.reports.proof_section import Proof
from halfspread.reports.result import Result

__all__ = ["HashBeside", "replay", "replay_into", "write_results"]

#: A longer run keeps its curve on disk only; its report draws it from the recorded periods.
KEPT_BARS = 1_000_000


def replay(loaded: Loaded, tape: Tape, built: BuiltAgent, folder: Path, progress: Progress) -> Result:
    """Run one agent, fitted first where it learns; its equity goes to ``folder`` while it runs. Raises what `fitted`
    and `run_backtest` do, naming the agent."""
    with progress.replay(f"replay {built.label}", len(tape)) as report:
        return replay_into(loaded, tape, built, folder, report)


def replay_into(
    loaded: Loaded, tape: Tape, built: BuiltAgent, folder: Path, report: Callable[[int], None] | None
) -> Result:
    """As `replay`; ``report`` is called with the number of events done."""
    built = fitted(loaded, built)
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    terms = run_terms(loaded)
    agent = with_foresight(built.agent, tape, costs, terms)
    with CurveWriter(folder / "equity.parquet", tape.labels) as sink:
        try:
            result = run_backtest(
                tape,
                agent,
                costs,
                **terms,
                name=built.label,
                sink=sink,
                keep_curve=not tape.streamed and len(tape) <= KEPT_BARS,
                progress=report,
            )
        except StrategyError as error:
            said = str(error)
            raise StrategyError(said if said.startswith(built.label) else f"{built.label}: {said}") from error
    return Result.of(result, seed=loaded.config.seed, looks_ahead=looks_ahead(built.agent))


def write_results(
    result: Result, folder: Path, manifest: dict[str, Any] | None, *, report: bool, proof: Proof | None = None
) -> None:
    """Fills, orders, attribution, metrics, and the report, which shows the manifest as its provenance and ``proof`` as
    its audit."""
    write_table(folder / "fills.parquet", result.fills)
    write_table(folder / "orders.parquet", result.orders)
    write_table(folder / "attribution.parquet", result.periods)
    write_json(folder / "metrics.json", agent_object(result))
    if report:
        with writing(folder / "report.html"):
            result.report(folder / "report.html", manifest, proof)


class HashBeside:
    """The hash of a tape: computed in a thread while the tape is replayed; when it is asked for where it is streamed.

    A second reader of a file would take as much memory again, and an interrupted run would have to wait for it. The
    tape is held until its hash is known.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape: Tape | None = tape
        self._found: TapeHash | None = None
        self._thread = threading.Thread(target=self._compute)
        if not tape.streamed:
            self._thread.start()

    def _compute(self) -> None:
        if self._tape is not None:
            self._found = tape_hash(self._tape)
            self._tape = None

    def result(self) -> TapeHash:
        """The hash of the whole and of each table. Raises what reading a streamed tape does."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._found is None:  # streamed, or the thread ended with an error: raise it here
            self._compute()
        if self._found is None:
            raise InternalError("a tape without a hash")
        return self._found
