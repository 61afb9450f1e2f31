"""A learnt model and its file: arrays with a JSON header, read without running anything, refused when it was altered.

A file is a NumPy archive (``.npz``, no pickles) of the arrays below and of ``header``, the bytes of a JSON object. The
header holds hashes of the arrays, and a seal: the hash of itself without the seal.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMAT", "Model", "TrainingRange", "load_model", "save_model"]

FORMAT = 1
_ARRAYS = ("parameters", "centre", "spread", "targets")
#: Larger than any model that this package makes.
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class TrainingRange:
    """What a model has seen of one instrument: ``start`` to ``end`` (nanoseconds UTC), and the hash of the data."""

    instrument: str
    start: int
    end: int
    data: str


@dataclass(frozen=True, eq=False)
class Model:
    """What a policy needs, and where it comes from.

    ``targets``: what each class of a softmax head stands for, in its order; empty for other heads, whose values are
    targets. ``trained``: everything it has seen, for fitting, scaling or choosing. ``facts``: how it was made (plain
    JSON values), ``metrics``: how well it did.
    """

    features: FeatureSet
    scaler: Scaler
    network: Network
    targets: Floats
    temperature: float = 1.0
    trained: tuple[TrainingRange, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = self.features.count
        if self.network.sizes[0] != count or len(self.scaler.centre) != count:
            raise DataError(
                f"model: {count} numbers in an observation, a network of {self.network.sizes[0]} inputs and a scaler "
                f"of {len(self.scaler.centre)}"
            )
        if self.network.head == "softmax" and self.targets.shape != (self.network.values,):
            raise DataError(f"model: {self.network.values} classes and {self.targets.size} targets")
        if not (np.abs(self.targets) <= 1.0).all():
            raise DataError(f"model: expected targets from -1 to 1, got {self.targets.tolist()}")
        if not 0.0 < self.temperature < float("inf"):
            raise DataError(f"model: expected a temperature above 0, got {self.temperature}")

    @property
    def classes(self) -> int:
        """How many classes it tells apart; 0 where it tells values."""
        return len(self.targets)


def save_model(model: Model, path: str | Path) -> Path:
    """Write a model at once or not at all; gives the path. Raises ConfigError for a name that does not end in .npz."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ConfigError(f"{path}: expected the name of a model to end in .npz")
    arrays = {
        "parameters": model.network.parameters,
        "centre": model.scaler.centre,
        "spread": model.scaler.spread,
        "targets": model.targets,
    }
    header = _header(model, {name: _hash(values) for name, values in arrays.items()})
    text = np.frombuffer(_sealed(header).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, header=text, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(0o644)
        os.replace(made, path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
    return path


def _header(model: Model, hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "features": list(model.features.names),
        "stack": model.features.stack,
        "network": {
            "sizes": list(model.network.sizes),
            "activation": model.network.activation,
            "head": model.network.head,
        },
        "temperature": model.temperature,
        "trained": [vars(each) for each in model.trained],
        "facts": dict(model.facts),
        "metrics": dict(model.metrics),
        "arrays": dict(hashes),
    }


def load_model(path: str | Path) -> Model:
    """Read a model. Raises ConfigError where there is none, DataError for a file that is not one, is cut short, was
    altered, or is of another format."""
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: larger than any model")
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            header = _read_header(bytes(archive["header"]), path)
            arrays = {name: _array(archive, name, path) for name in _ARRAYS}
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such model; halfspread train CONFIG makes one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected the file of a model, got a folder") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected a model of halfspread (.npz): {error}; train it again") from None
    for name, values in arrays.items():
        if _hash(values) != header["arrays"].get(name):
            raise DataError(f"{path}: {name} are not those that were saved: the file was altered; train it again")
    return _model(header, arrays, path)


def _read_header(data: bytes, path: Path) -> dict[str, Any]:
    header = json.loads(data)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise DataError(f"{path}: expected a model of format {FORMAT}, got {found!r}; train it again with this version")
    seal = header.pop("seal", None)
    if _sealed(header) != data.decode():
        raise DataError(f"{path}: its header was altered (seal {seal}); train it again")
    return header


def _array(archive: Mapping[str, Any], name: str, path: Path) -> Floats:
    values = archive[name]
    if values.dtype != np.float64 or values.ndim != 1:
        raise DataError(f"{path}: {name}: expected float64 numbers, got {values.dtype} of shape {values.shape}")
    return np.ascontiguousarray(values)


def _model(header: Mapping[str, Any], arrays: Mapping[str, Floats], path: Path) -> Model:
    try:
        network = header["network"]
        return Model(
            FeatureSet(tuple(header["features"]), int(header["stack"])),
            Scaler(arrays["centre"], arrays["spread"]),
            Network(tuple(network["sizes"]), network["activation"], network["head"], arrays["parameters"]),
            arrays["targets"],
            float(header["temperature"]),
            tuple(TrainingRange(**each) for each in header["trained"]),
            header["facts"],
            header["metrics"],
        )
    except (ConfigError, DataError) as error:
        raise DataError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its header is not that of a model: {error}") from None


def _sealed(header: Mapping[str, Any]) -> str:
    """The text of a header with its seal."""
    plain = json.dumps(header, sort_keys=True)
    seal = hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()
    return json.dumps({**header, "seal": seal}, sort_keys=True)


def _hash(values: Floats) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values, "<f8").tobytes(), digest_size=16).hexdigest()


def ranges_text(trained: Sequence[TrainingRange]) -> str:
    """What a model has seen, in words."""
    from halfspread.engine.times import time_text

    return "; ".join(f"{each.instrument} {time_text(each.start)} to {time_text(each.end)}" for each in trained)
