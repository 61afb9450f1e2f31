"""Demonstrations: what was seen, what the expert wanted there, who acted, and where all of it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.merging import refuse_copies
from halfspread.agents.imitation.rollout import ACTORS, Recorded
from halfspread.agents.networks.fitting import Examples
from halfspread.agents.networks.scaler import Scaler
from halfspread.costs.base import Floats, Integers
from halfspread.costs.durations import parse_duration
from halfspread.engine.times import parse_time, time_text
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError

__all__ = ["NUMBERS", "WHOLE", "ExpertDataset"]

#: Columns beside the observation: float64, and int64.
NUMBERS = ("expert", "executed", "probability", "weight")
WHOLE = ("times", "available", "episode", "round", "actor")
_LIMITS = {"expert": (-1.0, 1.0), "executed": (-1.0, 1.0), "probability": (0.0, 1.0), "weight": (0.0, np.inf)}
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class ExpertDataset:
    """A row for each decision.

    ``observations`` (rows, features), float64. ``times`` of the decisions and ``available``, when the label was known
    (int64 nanoseconds UTC, at or before the decision). ``expert``: target wanted, from -1 to 1; ``probability`` that
    the expert gives it; ``executed``: target in force afterwards, and ``actor``, who set it (`rollout.ACTORS`).
    ``episode`` and ``round`` number the runs and the rounds of aggregation. ``weight`` of a row in a fit. ``trained``:
    the data that the rows come from; ``facts``: how they were made (plain JSON values).

    Raises DataError for arrays that do not fit together, what is not finite or out of range, and labels from the
    future.
    """

    features: FeatureSet
    observations: Floats
    times: Integers
    expert: Floats
    executed: Floats
    actor: Integers
    episode: Integers
    round: Integers
    available: Integers
    probability: Floats
    weight: Floats
    trained: tuple[TrainingRange, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for names, kind in ((("observations", *NUMBERS), np.float64), (WHOLE, np.int64)):
            for name in names:
                object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), kind))
        rows = len(self.observations)
        if self.observations.ndim != 2 or self.observations.shape[1] != self.features.count:
            raise DataError(
                f"demonstrations: expected {self.features.count} features in each row "
                f"({', '.join(self.features.columns[:3])}...), got an array of shape {self.observations.shape}"
            )
        for name in (*NUMBERS, *WHOLE):
            if getattr(self, name).shape != (rows,):
                raise DataError(f"demonstrations: {rows:,} rows, and {name} of shape {getattr(self, name).shape}")
        bad = np.argwhere(~np.isfinite(self.observations))
        if len(bad):
            row, column = (int(place) for place in bad[0])
            raise DataError(
                f"demonstrations: row {row} ({time_text(int(self.times[row]))}): {self.features.columns[column]} is "
                f"{self.observations[row, column]}; a feature is always a finite number: leave the row out"
            )
        for name in NUMBERS:
            self._refuse_outside(name, *_LIMITS[name])
        self._refuse_outside("actor", 0, len(ACTORS) - 1)
        self._refuse_labels_of_the_future()

    def _refuse_outside(self, name: str, least: float, most: float) -> None:
        values = getattr(self, name)
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= least) & (values <= most)))
        if len(wrong):
            row = int(wrong[0])
            expected = f"from {least:g} to {most:g}" if np.isfinite(most) else f"of {least:g} or more"
            raise DataError(
                f"demonstrations: row {row} ({time_text(int(self.times[row]))}): {name}: expected a number {expected}, "
                f"got {values[row]}"
            )

    def _refuse_labels_of_the_future(self) -> None:
        late = np.flatnonzero(self.available > self.times)
        if len(late):
            row = int(late[0])
            decided, known = (time_text(int(each[row])) for each in (self.times, self.available))
            raise DataError(
                f"demonstrations: row {row}: a label of the future: decided at {decided}, known at {known}; join "
                "labels as of their publication"
            )

    def __len__(self) -> int:
        return len(self.observations)

    @classmethod
    def of(
        cls,
        episodes: Sequence[Recorded],
        features: FeatureSet,
        *,
        round: int = 0,
        trained: Sequence[TrainingRange] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> ExpertDataset:
        """From rollouts of one round. Raises DataError where there are none."""
        if not episodes:
            raise DataError("demonstrations: expected at least one episode, got none")
        lengths = [len(episode.times) for episode in episodes]
        rows = sum(lengths)
        times = np.concatenate([episode.times for episode in episodes])
        return cls(
            features,
            np.concatenate([episode.observations for episode in episodes]),
            times,
            np.concatenate([episode.expert for episode in episodes]),
            np.concatenate([episode.executed for episode in episodes]),
            np.concatenate([episode.actors for episode in episodes]),
            np.repeat(np.arange(len(episodes)), lengths),
            np.full(rows, round, np.int64),
            times.copy(),
            np.concatenate([episode.probability for episode in episodes]),
            np.ones(rows),
            tuple(trained),
            {} if facts is None else dict(facts),
        )

    def __add__(self, other: ExpertDataset) -> ExpertDataset:
        """Both, one after the other; episodes of the second are numbered on. Rows of the second that are copies of rows
        of the first stay, and are counted in ``facts["copied_rows"]``.

        Raises DataError for other features, and for an episode of copies that teaches nothing (`merging`).
        """
        if other.features != self.features:
            raise DataError(
                f"demonstrations: rows of {other.features} cannot be added to rows of {self.features}; record them "
                "alike"
            )
        copied = refuse_copies(self, other) + sum(int(each.facts.get("copied_rows", 0)) for each in (self, other))
        first = int(self.episode.max()) + 1 if len(self) else 0
        names = ("observations", *NUMBERS, *WHOLE)
        joined: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names}
        joined["episode"][len(self) :] += first
        trained = tuple(dict.fromkeys((*self.trained, *other.trained)))
        facts = {**other.facts, **self.facts} | ({"copied_rows": copied} if copied else {})
        return replace(self, **joined, trained=trained, facts=facts)

    def rows(self, chosen: Any) -> ExpertDataset:
        """Some of the rows: a mask, places, or a slice."""
        parts = {name: getattr(self, name)[chosen] for name in ("observations", *NUMBERS, *WHOLE)}
        return replace(self, **parts)

    def between(self, start: int, end: int) -> ExpertDataset:
        """The rows of decisions from ``start`` to ``end`` (ns UTC, both included); of what was seen (``trained``) the
        part that lies there, so that a model of these rows may be judged on the rest. All of it where the expert knew
        more than it was shown: it looks ahead, or has learnt from something itself."""
        expert = self.facts.get("expert", {})
        inside = self.rows((self.times >= start) & (self.times <= end))
        if expert.get("looks_ahead") or expert.get("has_learnt"):
            return inside
        seen = []
        for each in self.trained:
            first, last = max(each.start, start), min(each.end, end)
            if first <= last:
                marks = tuple(mark for mark in each.marks if first <= mark[0] <= last)
                seen.append(replace(each, start=first, end=last, marks=marks))
        return replace(inside, trained=tuple(seen))

    def split(self, at: Any, embargo: str | int | float = 0) -> tuple[ExpertDataset, ExpertDataset]:
        """The rows before a time, and those from it and an embargo on, of all episodes and rounds alike: no row of one
        part stands within the embargo of a row of the other. ``at``: a time, or the share of rows that come first.

        ``facts["split"]`` of each part says which it is. Raises ConfigError for a part without rows.
        """
        length = parse_duration(embargo)
        if not len(self):
            raise ConfigError("split: there are no demonstrations to split")
        if isinstance(at, float) and 0.0 < at < 1.0:
            moment = int(np.sort(self.times)[min(int(at * len(self)), len(self) - 1)])
        else:
            moment = parse_time(at, "split")
        before, after = self.times < moment, self.times >= moment + length
        if not before.any() or not after.any():
            first, last = time_text(int(self.times.min())), time_text(int(self.times.max()))
            raise ConfigError(
                f"split at {time_text(moment)}: {int(before.sum()):,} rows before and {int(after.sum()):,} after it "
                f"and an embargo of {embargo}; the demonstrations go from {first} to {last}: split elsewhere, or "
                "record more"
            )
        told = {"at": time_text(moment), "embargo_ns": length}
        return tuple(  # type: ignore[return-value]
            replace(self.rows(chosen), facts={**self.facts, "split": {**told, "part": part}})
            for chosen, part in ((before, "before"), (after, "after"))
        )

    def classes(self, targets: Floats) -> Integers:
        """The class of each label: the nearest of ``targets``. Raises DataError for a label that lies just between
        two of them."""
        away = np.abs(self.expert[:, None] - targets)
        nearest = np.sort(away, axis=1)[:, :2]
        tied = np.flatnonzero(nearest[:, -1] - nearest[:, 0] < _TIE) if len(targets) > 1 else np.zeros(0, np.int64)
        if len(tied):
            row = int(tied[0])
            raise DataError(
                f"demonstrations: row {row} ({time_text(int(self.times[row]))}): the expert wants "
                f"{self.expert[row]:g}, which lies just between two of "
                f"the targets {', '.join(f'{each:g}' for each in targets)}; name "
                "targets that the expert takes, or fit a head that tells values"
            )
        return np.asarray(away.argmin(axis=1), np.int64)

    def examples(self, scaler: Scaler, targets: Floats) -> Examples:
        """What a network is fitted to: classes where there are ``targets``, values otherwise. The probability that
        the expert does not give to its choice is spread over the other classes."""
        inputs = scaler(self.observations)
        if len(targets) == 0:
            return Examples(inputs, self.expert[:, None], self.weight)
        labels = np.eye(len(targets))[self.classes(targets)]
        sure = self.probability[:, None]
        return Examples(inputs, sure * labels + (1.0 - sure) * (1.0 - labels) / (len(targets) - 1), self.weight)

    def digest(self) -> str:
        """Hash of every row."""
        found = hashlib.blake2b(digest_size=16)
        for name in ("observations", *NUMBERS, *WHOLE):
            found.update(name.encode())
            found.update(getattr(self, name).tobytes())
        return found.hexdigest()
