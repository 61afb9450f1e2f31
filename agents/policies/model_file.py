"""The file of a model: arrays with a JSON header, read without running anything, refused when it was altered.

A file is a NumPy archive (``.npz``, no pickles) of the arrays of the model and of ``header``, the bytes of a JSON
object. The header holds hashes of the arrays, and a seal: the hash of itself without the seal. A network has the array
``parameters``, a forest ``nodes`` and ``roots``; both have ``centre``, ``spread`` and ``targets``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.trees.forest import Forest
from halfspread.agents.trees.forest_kernels import NODE_WIDTH
from halfspread.costs.base import Floats
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMAT", "load_model", "save_model"]

FORMAT = 2
_ARRAYS = {"network": ("parameters",), "forest": ("nodes", "roots")}
_SHARED = ("centre", "spread", "targets")
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
        text = _sealed(_header(model, {name: _hash(values) for name, values in arrays.items()}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: facts and metrics of a model are plain JSON values: {error}") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, np.frombuffer(text.encode(), np.uint8), arrays)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from None
    return path


def _write(path: Path, header: Any, arrays: Mapping[str, Floats]) -> None:
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, header=header, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(0o644)
        os.replace(made, path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


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
        "features": list(model.features.names),
        "stack": model.features.stack,
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
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: larger than any model ({path.stat().st_size:,} bytes)")
        _refuse_what_grows(path)
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            header = _read_header(bytes(archive["header"]), path)
            arrays = {name: _array(archive, name, path) for name in (*_ARRAYS[header["kind"]], *_SHARED)}
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such model; halfspread train CONFIG makes one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected the file of a model, got a folder") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected a model of halfspread (.npz): {error}; train it again") from None
    for name, values in arrays.items():
        if _hash(values) != header["arrays"].get(name):
            raise DataError(f"{path}: {name} are not those that were saved: the file was altered; train it again")
    return _model(header, arrays, path)


def _refuse_what_grows(path: Path) -> None:
    """Raise DataError for an archive that is small on the disk and huge when it is read."""
    with zipfile.ZipFile(path) as archive:
        if sum(each.file_size for each in archive.infolist()) > MOST_BYTES:
            raise DataError(f"{path}: larger than any model when it is unpacked")


def _read_header(data: bytes, path: Path) -> dict[str, Any]:
    header = json.loads(data)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise DataError(f"{path}: expected a model of format {FORMAT}, got {found!r}; train it again with this version")
    seal = header.pop("seal", None)
    if _sealed(header) != data.decode():
        raise DataError(f"{path}: its header was altered (seal {seal}); train it again")
    if header.get("kind") not in _ARRAYS:
        raise DataError(f"{path}: expected a {' or a '.join(_ARRAYS)}, got {header.get('kind')!r}")
    return header


def _array(archive: Mapping[str, Any], name: str, path: Path) -> Floats:
    values = archive[name]
    if values.dtype != np.float64 or values.ndim != 1:
        raise DataError(f"{path}: {name}: expected float64 numbers, got {values.dtype} of shape {values.shape}")
    return np.ascontiguousarray(values)


def _model(header: Mapping[str, Any], arrays: Mapping[str, Floats], path: Path) -> Model:
    try:
        return Model(
            FeatureSet(tuple(header["features"]), int(header["stack"])),
            Scaler(arrays["centre"], arrays["spread"]),
            _inner(header, arrays),
            arrays["targets"],
            float(header["temperature"]),
            tuple(TrainingRange(**each) for each in header["trained"]),
            header["facts"],
            header["metrics"],
            tuple(header["events"]),
            str(header["halfspread"]),
        )
    except (ConfigError, DataError) as error:
        raise DataError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: its header is not that of a model: {error}") from None


def _inner(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Network | Forest:
    shape = header[header["kind"]]
    if header["kind"] == "network":
        return Network(tuple(map(int, shape["sizes"])), shape["activation"], shape["head"], arrays["parameters"])
    nodes = arrays["nodes"].reshape(-1, NODE_WIDTH)
    return Forest(int(shape["inputs"]), int(shape["values"]), shape["head"], nodes, arrays["roots"].astype(np.int64))


def _plain(value: Any) -> Any:
    """As JSON holds it; a number that is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sealed(header: Mapping[str, Any]) -> str:
    """The text of a header with its seal."""
    plain = json.dumps(header, sort_keys=True, allow_nan=False)
    seal = hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()
    return json.dumps({**header, "seal": seal}, sort_keys=True)


def _hash(values: Floats) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values, "<f8").tobytes(), digest_size=16).hexdigest()
