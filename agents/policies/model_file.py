"""The file of a model: arrays with a JSON header, read without running anything, refused when it was altered.

A file is a NumPy archive (``.npz``, no pickles) of the arrays of the model and of ``header``, the bytes of a JSON
object. The header holds hashes of the arrays, and a seal: the hash of itself without the seal. A network has the array
``parameters``, a forest ``nodes`` and ``roots``; both have ``centre``, ``spread`` and ``targets``. Where features drive
a reservoir there are its weights, ``w_in`` and ``w``, so that it is the same wherever the model runs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.plain_archive import read_archive, write_archive
from halfspread.agents.policies.sealed_header import features_in, read_sealed, sealed, taken, trained_in
from halfspread.agents.reservoir import Reservoir
from halfspread.agents.trees.forest import Forest
from halfspread.agents.trees.forest_kernels import NODE_WIDTH
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMAT", "load_model", "save_model"]

FORMAT = 2
_ARRAYS = {"network": ("parameters",), "forest": ("nodes", "roots")}
_SHARED = ("centre", "spread", "targets")
_DRIVEN = ("w_in", "w")
_NAMES = frozenset(("header", *_SHARED, *_DRIVEN, *(name for names in _ARRAYS.values() for name in names)))
_AGAIN = "train it again with this version"
#: Larger than any model that this package makes.
MOST_BYTES = 1 << 30


def save_model(model: Model, path: str | Path) -> Path:
    """Write a model at once or not at all; gives the path. Raises ConfigError for a name that does not end in .npz, for
    facts that are no JSON values (what is not finite becomes null), and for a folder that cannot be written."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ConfigError(f"{path}: expected the name of a model to end in .npz")
    arrays = model.arrays()
    try:
        text = sealed(_header(model, {name: _hash(values) for name, values in arrays.items()}))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: facts and metrics of a model are plain JSON values: {error}") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, np.frombuffer(text.encode(), np.uint8), arrays)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from None
    return path


def _header(model: Model, hashes: Mapping[str, str]) -> dict[str, Any]:
    inner = model.network
    shape: dict[str, Any] = {"head": inner.head}
    if isinstance(inner, Forest):
        shape |= {"inputs": inner.inputs, "values": inner.values, "trees": inner.trees}
    else:
        shape |= {"sizes": list(inner.sizes), "activation": inner.activation}
    return {
        "format": FORMAT,
        "halfspread": model.made_with,
        "kind": model.kind,
        **model.features.header(),
        "events": list(model.events),
        model.kind: shape,
        "temperature": model.temperature,
        "trained": [asdict(each) for each in model.trained],
        "facts": _plain(model.facts),
        "metrics": _plain(model.metrics),
        "arrays": dict(hashes),
    }


def load_model(path: str | Path) -> Model:
    """Read a model. Raises ConfigError where there is none, DataError for a file that is not one, is cut short, was
    altered, or is of another format."""
    path = Path(path)
    try:
        return _model(*_read(path))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such model; halfspread train CONFIG makes one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected the file of a model, got a folder") from None
    except (ConfigError, DataError) as error:
        raise DataError(f"{path}: {error}") from None
    except (OSError, MemoryError) as error:
        raise DataError(f"{path}: expected a model of halfspread (.npz): {error}; {_AGAIN}") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """The header and the arrays that belong to it, as they were saved."""
    size = path.stat().st_size
    if not path.is_file() and not path.is_dir():
        raise DataError("expected a model of halfspread (.npz), got no plain file")
    if size > MOST_BYTES:
        raise DataError(f"larger than any model ({size:,} bytes)")
    try:
        archive = read_archive(path.read_bytes(), _NAMES)
    except DataError as error:
        raise DataError(f"expected a model of halfspread (.npz): {error}; {_AGAIN}") from None
    written = archive.get("header", np.zeros(0, np.uint8))
    header = read_sealed(bytes(np.ascontiguousarray(written)), FORMAT, "a model", _AGAIN)
    if header.get("kind") not in tuple(_ARRAYS):
        raise DataError(f"expected a {' or a '.join(_ARRAYS)}, got {header.get('kind')!r:.80}")
    wanted = (*_ARRAYS[header["kind"]], *_SHARED, *(_DRIVEN if "reservoir" in header else ()))
    if set(archive) != {"header", *wanted}:
        found = ", ".join(sorted({*archive} - {"header"}))
        raise DataError(
            f"expected a model of halfspread (.npz): a {header['kind']} has the arrays {', '.join(wanted)}, got {found}"
        )
    hashes = taken(header, "arrays", dict)
    arrays = {name: _array(archive[name], name) for name in wanted}
    for name, values in arrays.items():
        if _hash(values) != hashes.get(name):
            raise DataError(f"{name} are not those that were saved: the file was altered; train it again")
    return header, arrays


def _array(values: Any, name: str) -> Floats:
    if values.dtype != np.dtype("<f8") or values.ndim != 1:
        raise DataError(f"{name}: expected float64 numbers, got {values.dtype} of shape {values.shape}")
    return np.ascontiguousarray(values, np.float64)


def _model(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Model:
    features, trained, events = features_in(header), trained_in(header), taken(header, "events", list)
    if features.reservoir is not None:
        features = replace(features, weights=_weights(features, arrays))
    texts = [*events, taken(header, "halfspread", str)]
    if not all(isinstance(each, str) for each in texts):
        raise DataError(f"its header is not that of a model: events: expected names, got {events!r:.80}")
    try:
        return Model(
            features,
            Scaler(arrays["centre"], arrays["spread"]),
            _inner(header, arrays),
            arrays["targets"],
            float(taken(header, "temperature", float, int)),
            trained,
            taken(header, "facts", dict),
            taken(header, "metrics", dict),
            tuple(events),
            header["halfspread"],
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"its header is not that of a model: {error}") from None


def _weights(features: FeatureSet, arrays: Mapping[str, Floats]) -> Reservoir:
    settings, size, inputs = features.reservoir, features.units, len(features.names) + 1
    w_in, w = arrays["w_in"], arrays["w"]
    if settings is None or len(w_in) != size * inputs or len(w) != size * size:
        raise DataError(
            f"a reservoir of {size} units and {inputs} inputs: expected {size * inputs} and {size * size} weights, got "
            f"{len(w_in)} and {len(w)}"
        )
    return Reservoir(w_in.reshape(size, inputs), w.reshape(size, size), np.zeros((size, 0)), settings)


def _inner(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Network | Forest:
    shape = taken(header, header["kind"], dict)
    head = taken(shape, "head", str)
    if header["kind"] == "network":
        sizes = taken(shape, "sizes", list)
        if not all(type(each) is int for each in sizes):
            raise DataError(f"sizes: expected whole numbers, got {sizes!r:.80}")
        return Network(tuple(sizes), taken(shape, "activation", str), head, arrays["parameters"])
    nodes, roots = arrays["nodes"].reshape(-1, NODE_WIDTH), arrays["roots"]
    if not ((roots == np.floor(roots)) & (np.abs(roots) <= len(nodes))).all():
        raise DataError("forest: a tree begins outside of the nodes")
    return Forest(taken(shape, "inputs", int), taken(shape, "values", int), head, nodes, roots.astype(np.int64))


def _plain(value: Any) -> Any:
    """As JSON holds it; a number that is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hash(values: Floats) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values, "<f8").tobytes(), digest_size=16).hexdigest()
