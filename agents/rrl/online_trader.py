"""What the agents of this family have in common: what they look at, their units, their gate, and what they tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from halfspread.agents.features import FeatureSet
from halfspread.agents.features.feature_set import own_past
from halfspread.agents.rrl import records as at
from halfspread.costs.base import Floats, Integers, Model
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy

__all__ = ["Gate", "OnlineTrader"]

#: Learning units: how much of a return is 1, None for differences of the price.
UNITS: Mapping[str, float | None] = {"price": None, "relative": 1.0, "percent": 1e2, "bp": 1e4}
Units = Literal["price", "bp", "percent", "relative"]


class Gate(Model):
    """Trade while the decaying mean of the shadow reward is not below zero, looked at every so many decisions.

    ``kind``: "none" trades always. ``decay``: of the mean, by decision. ``every``: decisions from one look to the next.
    """

    kind: Literal["mean", "none"] = "mean"
    decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    every: Annotated[int, Field(ge=1)] = 1


class OnlineTrader(CompiledStrategy):
    """An agent that learns, if at all, from its own shadow reward while it trades one instrument.

    ``features``: what it looks at beside a constant 1. ``units``: of rewards: differences of the price in quote
    currency, or returns in ``bp``, ``percent`` or ``relative``. ``clip``: the largest position. ``funding_on``: which
    position pays the funding settled at a decision in the reward, the one just ``chosen`` (the paper) or the one
    ``carried`` into it (as the account does). ``on_gap``: after a gap in the market ``carry`` on or ``reset`` what is
    remembered of the past. ``warm_up``: it decides when so many rows stand before the present one, or as many as its
    features need. ``instrument``: which of the tape it trades, by its place.
    """

    features: tuple[str, ...] = ("price_and_volume",)
    units: Units = "price"
    clip: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99
    gate: Gate = Gate()
    funding_on: Literal["chosen", "carried"] = "chosen"
    on_gap: Literal["carry", "reset"] = "carry"
    warm_up: Annotated[int, Field(ge=0)] = 0
    instrument: Annotated[int, Field(ge=0)] = 0
    sees_costs = True

    def check(self) -> None:
        """Features that there are. Raises ConfigError."""
        if self.features:
            FeatureSet(self.features)

    @property
    def feature_set(self) -> FeatureSet | None:
        """What it looks at, None for a constant alone."""
        return FeatureSet(self.features) if self.features else None

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as its features need, or the warm-up."""
        found = self.feature_set
        return max(self.warm_up, 0 if found is None else found.lookback)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments. Raises ConfigError where the traded one is not there."""
        self._instruments = instruments
        self._tables: Sequence[Collection[str]] | None = None
        self._memory: Floats | None = None
        if self.instrument >= len(instruments):
            raise ConfigError(
                f"{self.name}: instrument: the tape has {len(instruments)}, numbered from 0, got {self.instrument}"
            )

    def see_tables(self, tables: Sequence[Collection[str]]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = columns

    def see_memory(self, memory: Floats) -> None:
        """Keep what the agent has become."""
        self._memory = memory

    @property
    def inputs(self) -> int:
        """Features and the constant."""
        found = self.feature_set
        return 1 if found is None else found.count + 1

    def common_parts(self, more_inputs: int = 0) -> tuple[Integers, Floats, list[Floats]]:
        """The whole numbers of a new memory, with settings and where the common parts begin; its numbers; and those
        parts but the numbers, the inputs with room for ``more_inputs``. See `joined`."""
        found = self.feature_set
        plan, state = (np.zeros((0, 0)), 0) if found is None else found.plan(
            self._instruments, self._columns, self._tables
        )  # fmt: skip
        inputs = np.zeros(self.inputs + more_inputs)
        inputs[self.inputs - 1] = 1.0
        places, numbers = np.zeros(at.HEADER, np.int64), np.zeros(at.NUMBERS_KEPT)
        scale = UNITS[self.units]
        places[at.FEATURES], places[at.INSTRUMENTS] = self.inputs - 1, len(self._instruments)
        places[at.TRADED], places[at.UNITS] = self.instrument, at.OF_PRICE if scale is None else at.OF_RETURN
        places[at.CARRY_ON] = at.CHOSEN if self.funding_on == "chosen" else at.CARRIED
        places[at.ON_GAP] = at.RESET if self.on_gap == "reset" else at.GO_ON
        places[at.GATED], places[at.GATE_EVERY], places[at.OPEN] = self.gate.kind == "mean", self.gate.every, 1
        numbers[at.CLIP], numbers[at.GATE_DECAY], numbers[at.SCALE] = self.clip, self.gate.decay, scale or 1.0
        return places, numbers, [plan.ravel(), np.zeros(state), own_past(self._columns).ravel(), inputs, numbers]

    def joined(self, places: Integers, parts: Sequence[Floats], firsts: Sequence[int]) -> Floats:
        """The memory: whole numbers and parts one after the other; where each begins is noted at its place of
        ``firsts`` first."""
        begins = at.HEADER + np.cumsum([0, *(len(part) for part in parts)])
        for place, begin in zip(firsts, begins[: len(firsts)], strict=True):
            places[place] = begin
        return np.concatenate([places.view(np.float64), *parts])

    @property
    def gate_text(self) -> str:
        """Its gate, in words."""
        gate = self.gate
        return "not gated" if gate.kind == "none" else f"gated every {gate.every:,} decisions (decay {gate.decay:g})"

    @property
    def places(self) -> Integers:
        """The whole numbers of the memory after a run."""
        if self._memory is None:
            raise ConfigError(f"{self.name}: it has not run yet")
        return self._memory[: at.HEADER].view(np.int64)

    def counts(self) -> dict[str, int]:
        """What happened while it learnt and traded."""
        names = {
            "updates": at.UPDATES,
            "updates_skipped": at.SKIPPED,
            "decisions_skipped": at.BLIND,
            "gate_changes": at.GATE_CHANGES,
            "gate_shut": at.SHUT,
            "gaps_met": at.GAPS,
            "resets_at_gaps": at.RESETS,
        }
        return {} if self._memory is None else {name: int(self.places[place]) for name, place in names.items()}

    def warnings(self) -> list[str]:
        """What went wrong while it learnt."""
        found, counts = [], self.counts()
        if counts.get("decisions_skipped"):
            found.append(
                f"{counts['decisions_skipped']:,} decisions were left out: a feature or the price was not finite; the "
                "position stayed"
            )
        if counts.get("updates_skipped"):
            found.append(
                f"{counts['updates_skipped']:,} updates were left out: the reward (cost unknown?) or the gradient was "
                "not finite"
            )
        if counts.get("gaps_met"):
            then = "began anew" if self.on_gap == "reset" else "went on"
            found.append(f"the market had {counts['gaps_met']:,} gaps, after which the agent {then} (on_gap)")
        return found
