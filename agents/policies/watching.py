"""The features of a market as a table: what a policy that holds nothing would look at, by the same code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.policy import memory_of
from halfspread.costs.base import Floats, Integers
from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.engine.instruments import Instrument
from halfspread.engine.replay import EVENTS_IN_CHUNK
from halfspread.engine.session import Options, Session
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.strategies.compiled import CompiledStrategy

__all__ = ["observations"]


def observations(
    tape: Tape, features: FeatureSet, events: tuple[str, ...] = ("bar",), *, chunk_events: int = EVENTS_IN_CHUNK
) -> tuple[Integers, Floats]:
    """Times (nanoseconds UTC) of all decisions on ``events``, and the observation at each: (decisions, features).

    Features of the agent itself are those of one that never trades. Raises ConfigError or DataError for features that
    the tape cannot give.
    """
    deep = all(feed.market in ("quotes", "books") for feed in tape.feeds)
    half_spread = HalfSpread.from_quotes() if deep else HalfSpread.none()
    costs = Costs(half_spread=half_spread, fees=Fees.none(), funding=Funding.none())
    watcher = _Watcher(features, events, len(tape))
    options: Options = {
        "sizing": FixedContracts(1.0),
        "capital": 1e9,
        "margin": Margin.none(),
        "keep_curve": False,
        "chunk_events": chunk_events,
    }
    with Session(tape, watcher, costs, options) as session:
        for chunk in session.replay:
            session.feed(chunk)
        memory = session.memory
    layout: Any = memory[: places.HEADER].view(np.int64)
    width = features.count + 1
    rows = memory[layout[places.END] :][: layout[places.SEEN] * width].reshape(-1, width)
    return rows[:, 0].copy().view(np.int64), rows[:, 1:].copy()


class _Watcher(CompiledStrategy):
    """Writes down what it looks at, and trades nothing."""

    function = places.watch

    def __init__(self, features: FeatureSet, events: tuple[str, ...], room: int) -> None:
        super().__init__(lookback=features.lookback)
        self.__dict__["events"] = events
        self._features, self._room = features, room

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments."""
        self._instruments = instruments

    def see_tables(self, tables: Sequence[Collection[str]]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = columns

    def memory(self) -> Floats:
        """Plan, own past, and room for every row."""
        return memory_of(self._features, self._instruments, self._columns, tables=self._tables, rows=self._room)
