"""Finished rounds of a training on disk: rows (Parquet), models (.npz), and what else is known of them (JSON).

``rounds.json`` is written last and at once, so that a killed process leaves the rounds that it names, whole; files that
it does not name are written anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.imitation.dataset import ExpertDataset, load_dataset, save_dataset
from halfspread.agents.imitation.judging import Judgement
from halfspread.agents.imitation.task import digest_of
from halfspread.agents.networks.fitting import Fit
from halfspread.agents.networks.network import Network
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import load_model, save_model
from halfspread.errors import ConfigError, DataError

__all__ = ["KeptRound", "RoundStore"]

FORMAT = 1
LIST = "rounds.json"


@dataclass(frozen=True, eq=False)
class KeptRound:
    """What is kept of a round beside its rows and its model: see `rounds.Round`."""

    number: int
    beta: float
    labels: int
    disagreement: float
    judgement: Judgement | None
    fit: Fit


class RoundStore:
    """The folder of one training; ``description`` tells it from others. Nothing is written before a round is done."""

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        self._folder = Path(folder)
        self._description = json.loads(json.dumps(dict(description)))
        self._rounds: list[dict[str, Any]] = []

    def keep(self, kept: KeptRound, rows: ExpertDataset, model: Model) -> None:
        """Add a round. Raises OSError."""
        names = {"rows": f"round-{kept.number:03d}.parquet", "model": f"round-{kept.number:03d}.npz"}
        save_dataset(rows, self._folder / names["rows"])
        save_model(model, self._folder / names["model"])
        fit = kept.fit
        entry = {
            "number": kept.number,
            "beta": kept.beta,
            "labels": kept.labels,
            **_without_nan({"disagreement": kept.disagreement}),
            "judgement": None if kept.judgement is None else _without_nan(vars(kept.judgement)),
            "fit": {
                "best_epoch": fit.best_epoch,
                "losses": fit.losses.tolist(),
                "validation": fit.validation.tolist(),
            },
            "files": names,
            "rows": rows.digest(),
            "model": _hash(self._folder / names["model"]),
        }
        self._rounds.append(entry)
        self._write()

    def read(self) -> Iterator[tuple[KeptRound, ExpertDataset, Model]]:
        """The rounds that are there, in their order. Raises ConfigError for the folder of another training, DataError
        for files that are missing or were altered."""
        path = self._folder / LIST
        if not path.exists():
            return
        for entry in self._listed(path):
            files = {name: self._folder / each for name, each in entry["files"].items()}
            rows, model = load_dataset(files["rows"]), load_model(files["model"])
            if rows.digest() != entry["rows"] or _hash(files["model"]) != entry["model"]:
                raise DataError(f"{self._folder}: the files of round {entry['number']} are not those that were kept")
            self._rounds.append(entry)
            yield _kept(entry, model), rows, model

    def _listed(self, path: Path) -> list[dict[str, Any]]:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise DataError(f"{path}: expected rounds of format {FORMAT}, got {found['format']}; train anew")
            before, rounds = found["training"], list(found["rounds"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected the list of finished rounds: {error}; remove the folder") from None
        if digest_of(before) != digest_of(self._description):
            raise ConfigError(
                f"{self._folder} holds the rounds of another training: {_differences(before, self._description)}; "
                "name another folder, or remove this one"
            )
        return rounds

    def _write(self) -> None:
        state = {"format": FORMAT, "training": self._description, "rounds": self._rounds}
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=f".{LIST}.", dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(made).chmod(0o644)
            os.replace(made, self._folder / LIST)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise


def _kept(entry: Mapping[str, Any], model: Model) -> KeptRound:
    fit = entry["fit"]
    losses, validation = (np.array(fit[name], np.float64) for name in ("losses", "validation"))
    told = entry["judgement"]
    judgement = None if told is None else Judgement(**{name: _or_nan(value) for name, value in told.items()})
    wrong = _or_nan(entry["disagreement"])
    if not isinstance(model.network, Network):
        raise DataError(f"round {entry['number']}: expected the model of a network; remove the folder")
    made = Fit(model.network, fit["best_epoch"], losses, validation)
    return KeptRound(entry["number"], entry["beta"], entry["labels"], wrong, judgement, made)


def _without_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    """NaN as null, which JSON has."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _hash(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _differences(before: Any, now: Any, where: str = "") -> str:
    """What differs between two descriptions, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted({*before, *now})
        found = [
            _differences(before.get(name), now.get(name), f"{where}.{name}" if where else name)
            for name in names
            if before.get(name) != now.get(name)
        ]
        return "; ".join(found)
    return f"{where} was {before!r} and is {now!r}"
