"""Demonstrations: what was seen, what the expert wanted there, who acted, and where all of it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.networks.fitting import Examples
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import TrainingRange
from halfspread.costs.base import Floats, Integers
from halfspread.costs.durations import parse_duration
from halfspread.engine.times import parse_time, time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["ExpertDataset", "load_dataset", "save_dataset"]

FORMAT = 1
_KEY = b"halfspread.demonstrations"
_NUMBERS = ("expert", "executed", "probability", "weight")
_WHOLE = ("times", "available", "episode", "round", "actor")


@dataclass(frozen=True, eq=False)
class ExpertDataset:
    """A row for each decision.

    ``observations`` (rows, features), float64. ``times`` of the decisions and ``available``, when the label was known
    (int64 nanoseconds UTC, at or before the decision). ``expert``: target wanted, from -1 to 1; ``probability`` that
    the expert gives it; ``executed``: target in force afterwards, and ``actor``, who set it (`rollout.ACTORS`).
    ``episode`` and ``round`` number the runs and the rounds of aggregation. ``weight`` of a row in a fit. ``trained``:
    the data that the rows come from; ``facts``: how they were made (plain JSON values).

    Raises DataError for arrays that do not fit together, what is not finite, and labels from the future.
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
        rows = len(self.observations)
        if self.observations.ndim != 2 or self.observations.shape[1] != self.features.count:
            raise DataError(
                f"demonstrations: expected {self.features.count} features in each row "
                f"({', '.join(self.features.columns[:3])}...), got an array of shape {self.observations.shape}"
            )
        for name in (*_NUMBERS, *_WHOLE):
            if getattr(self, name).shape != (rows,):
                raise DataError(f"demonstrations: {rows:,} rows, and {name} of shape {getattr(self, name).shape}")
        bad = np.argwhere(~np.isfinite(self.observations))
        if len(bad):
            row, column = (int(place) for place in bad[0])
            raise DataError(
                f"demonstrations: row {row} ({time_text(int(self.times[row]))}): {self.features.columns[column]} is "
                f"{self.observations[row, column]}; a feature is always a finite number: leave the row out"
            )
        for name in _NUMBERS:
            wrong = np.flatnonzero(~np.isfinite(getattr(self, name)))
            if len(wrong):
                raise DataError(f"demonstrations: row {wrong[0]}: {name} is {getattr(self, name)[wrong[0]]}")
        wrong = np.flatnonzero(np.abs(self.expert) > 1.0)
        if len(wrong):
            raise DataError(
                f"demonstrations: row {wrong[0]}: expected a target from -1 to 1, got {self.expert[wrong[0]]}"
            )
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
        episodes: Sequence[Episode],
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
            np.ones(rows),
            np.ones(rows),
            tuple(trained),
            {} if facts is None else dict(facts),
        )

    def __add__(self, other: ExpertDataset) -> ExpertDataset:
        """Both, one after the other; episodes of the second are numbered on. Raises DataError for other features."""
        if other.features != self.features:
            raise DataError("demonstrations: rows of other features cannot be added")
        first = int(self.episode.max()) + 1 if len(self) else 0
        names = ("observations", *_NUMBERS, *_WHOLE)
        joined: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names}
        joined["episode"][len(self) :] += first
        trained = tuple(dict.fromkeys((*self.trained, *other.trained)))
        return replace(self, **joined, trained=trained)

    def rows(self, chosen: Any) -> ExpertDataset:
        """Some of the rows: a mask, places, or a slice."""
        parts = {name: getattr(self, name)[chosen] for name in ("observations", *_NUMBERS, *_WHOLE)}
        return replace(self, **parts)

    def split(self, at: Any, embargo: str | int | float = 0) -> tuple[ExpertDataset, ExpertDataset]:
        """The rows before a time, and those from it and an embargo on. ``at``: a time, or the share of rows that come
        first. Raises ConfigError for a part without rows."""
        if isinstance(at, float) and 0.0 < at < 1.0:
            moment = int(np.sort(self.times)[min(int(at * len(self)), len(self) - 1)])
        else:
            moment = parse_time(at, "split")
        before, after = self.times < moment, self.times >= moment + parse_duration(embargo)
        if not before.any() or not after.any():
            first, last = time_text(int(self.times.min())), time_text(int(self.times.max()))
            raise ConfigError(
                f"split at {time_text(moment)}: {int(before.sum()):,} rows before and {int(after.sum()):,} after it "
                f"and an embargo of {embargo}; the demonstrations go from {first} to {last}"
            )
        return self.rows(before), self.rows(after)

    def classes(self, targets: Floats) -> Integers:
        """The class of each label: the nearest of ``targets``."""
        return np.asarray(np.abs(self.expert[:, None] - targets).argmin(axis=1), np.int64)

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
        for name in ("observations", *_NUMBERS, *_WHOLE):
            found.update(name.encode())
            found.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return found.hexdigest()


def save_dataset(dataset: ExpertDataset, path: str | Path) -> Path:
    """Write Parquet, at once or not at all, with a header that holds features, provenance and the hash of the rows."""
    path = Path(path)
    columns: dict[str, Any] = {name: getattr(dataset, name) for name in (*_WHOLE, *_NUMBERS)}
    columns |= {name: dataset.observations[:, i] for i, name in enumerate(dataset.features.columns)}
    header = {
        "format": FORMAT,
        "features": list(dataset.features.names),
        "stack": dataset.features.stack,
        "trained": [vars(each) for each in dataset.trained],
        "facts": dict(dataset.facts),
        "hash": dataset.digest(),
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(header, sort_keys=True).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, made, compression="zstd")
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return path


def load_dataset(path: str | Path) -> ExpertDataset:
    """Read what `save_dataset` wrote. Raises ConfigError where there is none, DataError for another file, a missing
    column, or rows that were altered."""
    path = Path(path)
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file of demonstrations") from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected demonstrations (Parquet): {error}") from None
    text = (table.schema.metadata or {}).get(_KEY)
    header = json.loads(text) if text else {}
    if header.get("format") != FORMAT:
        raise DataError(f"{path}: expected demonstrations of format {FORMAT}, got {header.get('format')}; record anew")
    features = FeatureSet(tuple(header["features"]), header["stack"])
    missing = [name for name in (*_WHOLE, *_NUMBERS, *features.columns) if name not in table.column_names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; there are {', '.join(table.column_names)}")
    arrays = {name: table[name].to_numpy().astype(np.int64) for name in _WHOLE}
    numbers = {name: table[name].to_numpy().astype(np.float64) for name in _NUMBERS}
    seen = np.column_stack([table[name].to_numpy() for name in features.columns]).astype(np.float64)
    trained = tuple(TrainingRange(**each) for each in header["trained"])
    found = ExpertDataset(
        features=features, observations=seen, **arrays, **numbers, trained=trained, facts=header["facts"]
    )
    if found.digest() != header["hash"]:
        raise DataError(f"{path}: the rows are not those that were saved; record them anew")
    return found
