"""Learners of a config that clone: one recording of the expert, one fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from halfspread.agents.imitation.augment import Augmentation
from halfspread.agents.imitation.cloning import BCPolicy, clone
from halfspread.agents.imitation.dataset import ExpertDataset, load_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.external import demonstrations_from_fills, demonstrations_from_signals
from halfspread.agents.imitation.learner import Imitator, Lesson, Told, shown
from halfspread.agents.imitation.transfer import few
from halfspread.agents.policies.model_file import load_model
from halfspread.agents.trees.boosting import TreeSettings
from halfspread.costs.durations import Duration
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["BoostedClone", "Clone", "RecordClone"]


class Clone(Imitator):
    """Behavioural cloning: a policy fitted to what an expert did in its own run of the training window.

    ``augment``: more rows of those there are (`Augmentation`). ``start``: a saved model to go on from, of the same
    features, head and sizes, such as one of another market; ``labels``: how many demonstrations count, the first in
    time, 0 for all of them.
    """

    augment: Augmentation | None = None
    start: str = ""
    labels: Annotated[int, Field(ge=0)] = 0
    file_fields: ClassVar[tuple[str, ...]] = ("demonstrations", "start")

    def learn(
        self,
        tape: Tape,
        rng: np.random.Generator,
        *,
        costs: Costs,
        options: Mapping[str, Any],
        told: Told = lambda _: None,
        keep: Path | None = None,
    ) -> Lesson:
        """See `Imitator.learn`."""
        terms = self._terms(options, rng)
        expert = shown(self.expert, tape, costs, terms)
        told("read the demonstrations" if expert is None else "record the expert")
        dataset = self._demonstrations(tape, expert, costs, terms)
        if self.labels:
            dataset = few(dataset, self.labels)
        told("fit the clone")
        return self._lesson(self._fitted(dataset, rng), dataset, expert)

    def _demonstrations(self, tape: Tape, expert: Any, costs: Costs, terms: Options) -> ExpertDataset:
        if expert is None:
            return self._recorded(tape)
        features = self.feature_set
        return demonstrate(tape, expert, features, costs, instrument=self.instrument, **terms)

    def _fitted(self, dataset: ExpertDataset, rng: np.random.Generator) -> BCPolicy:
        start = load_model(self.start) if self.start else None
        return clone(dataset, self.settings, rng, start=start, augment=self.augment)

    def _recorded(self, tape: Tape) -> ExpertDataset:
        """The rows of the file that stand inside the window."""
        found = load_dataset(self.demonstrations)
        if self.features and self.feature_set != found.features:
            raise ConfigError(
                f"{self.demonstrations}: its features are {found.features}, not those of the config; leave features "
                "and reservoir out to take them as they are"
            )
        recorded, here = {each.instrument for each in found.trained}, {one.name for one in tape.instruments}
        if recorded and not recorded & here:
            raise ConfigError(
                f"{self.demonstrations}: recorded on {', '.join(sorted(recorded))}, and the market of the config is "
                f"{', '.join(sorted(here))}; record the expert on this market"
            )
        inside = (found.times >= tape.start_ns) & (found.times <= tape.end_ns)
        if not inside.any():
            first, last = time_text(int(found.times.min())), time_text(int(found.times.max()))
            raise DataError(
                f"{self.demonstrations}: its rows go from {first} to {last}, none of them in the training window from "
                f"{time_text(tape.start_ns)} to {time_text(tape.end_ns)}"
            )
        return found.between(tape.start_ns, tape.end_ns)


class RecordClone(Clone):
    """A clone of a trader or an analyst who is known by a record alone.

    ``fills``: a file of fills (ts, symbol, side, size, price), where ``full_size`` contracts count as a target of 1; or
    ``signals``: a file of dated signals (ts of publication, symbol, signal), each in force until the next one, and for
    ``valid_for`` at most. What was done, or published, after the training window is not looked at.
    """

    fills: str = ""
    full_size: Annotated[float, Field(gt=0)] | None = None
    signals: str = ""
    valid_for: Duration | None = None
    file_fields: ClassVar[tuple[str, ...]] = ("fills", "signals", "start")

    def check(self) -> None:
        """One record, with what it needs. Raises ConfigError."""
        if self.expert is not None or self.demonstrations:
            raise ConfigError("RecordClone learns from fills or signals; for an expert or demonstrations take Clone")
        if bool(self.fills) == bool(self.signals):
            found = "both" if self.fills else "neither"
            raise ConfigError(f"RecordClone: expected a file of fills, or one of signals, got {found}")
        if self.fills and self.full_size is None:
            raise ConfigError("RecordClone: full_size: expected the contracts that count as a target of 1")
        _ = self.feature_set.driven

    def _demonstrations(self, tape: Tape, expert: Any, costs: Costs, terms: Options) -> ExpertDataset:
        features, at = self.feature_set, self.instrument
        if self.full_size is not None and self.fills:
            return demonstrations_from_fills(
                self.fills, tape, features, costs, full_size=self.full_size, instrument=at,
                other_symbols="leave_out", outside="leave_out", **terms,
            )  # fmt: skip
        return demonstrations_from_signals(
            self.signals, tape, features, costs, valid_for=self.valid_for, instrument=at,
            other_symbols="leave_out", outside="leave_out", **terms,
        )  # fmt: skip


class BoostedClone(Clone):
    """Behavioural cloning by gradient-boosted trees, for comparison: grown by LightGBM (the extra ``trees``), run by
    our own kernels. Of ``settings`` head, targets, class weights and what is set aside count."""

    trees: TreeSettings = TreeSettings()

    def _fitted(self, dataset: ExpertDataset, rng: np.random.Generator) -> BCPolicy:
        start = load_model(self.start) if self.start else None
        return clone(dataset, self.settings, rng, start=start, augment=self.augment, trees=self.trees)
