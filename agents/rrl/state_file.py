"""The file of what an online trader has become: arrays with a JSON header, read without running anything, refused when
it was altered.

A NumPy archive (``.npz``, no pickles) of ``memory``, of ``w_in``, ``w`` and ``w_back`` where the agent has a reservoir,
and of ``header``, the bytes of a sealed JSON object that holds the hash of each array.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.policies.plain_archive import read_archive, write_archive
from halfspread.agents.policies.sealed_header import read_sealed, sealed, taken, trained_in
from halfspread.agents.reservoir.reservoir import Reservoir, ReservoirSettings
from halfspread.agents.rrl.state import AgentState
from halfspread.costs.base import Floats
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMAT", "holds_a_state", "load_state", "save_state", "state_rows"]

FORMAT = "agent 1"
_RESERVOIR = ("w_in", "w", "w_back")
_NAMES = frozenset(("header", "memory", *_RESERVOIR))
_AGAIN = "run the agent again and save it with this version"
#: Larger than any state that this package makes.
MOST_BYTES = 1 << 30


def save_state(state: AgentState, path: str | Path) -> Path:
    """Write a state at once or not at all; gives the path. Raises ConfigError for a name that does not end in .npz, and
    for a folder that cannot be written."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ConfigError(f"{path}: expected the name of a state to end in .npz")
    arrays: dict[str, Floats] = {"memory": state.memory}
    if state.reservoir is not None:
        arrays |= {name: np.ascontiguousarray(getattr(state.reservoir, name)) for name in _RESERVOIR}
    header = {
        "format": FORMAT,
        "halfspread": state.made_with,
        "kind": state.kind,
        "layout": state.layout,
        "parameters": dict(state.parameters),
        "instruments": list(state.instruments),
        "reservoir": None if state.reservoir is None else state.reservoir.settings.model_dump(mode="json"),
        "trained": [asdict(each) for each in state.trained],
        "arrays": {name: _hash(values) for name, values in arrays.items()},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, np.frombuffer(sealed(header).encode(), np.uint8), arrays)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from None
    return path


def load_state(path: str | Path) -> AgentState:
    """Read a state. Raises ConfigError where there is none, DataError for a file that is not one, is cut short, was
    altered, or is of another format."""
    path = Path(path)
    try:
        return _state(*_read(path))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such state; halfspread run CONFIG --save-agent FILE makes one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected the file of a state, got a folder") from None
    except (ConfigError, DataError) as error:
        raise DataError(f"{path}: {error}") from None
    except (OSError, MemoryError) as error:
        raise DataError(f"{path}: expected the state of an agent (.npz): {error}; {_AGAIN}") from None


def holds_a_state(path: str | Path) -> bool:
    """Whether a file looks like a state, whole or not, rather than like the model of a policy. Raises OSError."""
    with open(path, "rb") as file:
        begun = file.read(MOST_BYTES)
    return any(mark in begun for mark in (b"memory.npy", b'"format": "agent'))


def state_rows(state: AgentState) -> list[tuple[str, str]]:
    """Name and value of each thing worth knowing, in order of interest."""
    rows = [("agent", f"{state.kind}, after {state.decisions:,} decisions and {state.updates:,} updates")]
    rows += [("features", ", ".join(state.parameters.get("features", ())) or "none: a constant alone")]
    if state.reservoir is not None:
        shape = f"{state.reservoir.size:,} units, {state.reservoir.inputs} inputs, {state.reservoir.feedbacks} fed back"
        rows.append(("reservoir drawn", shape))
    rows += [("instruments", ", ".join(state.instruments)), ("numbers", f"{len(state.memory):,}")]
    rows += [("trained on", f"{each}, data {each.data}") for each in state.trained]
    rows += [(name, _text(value)) for name, value in state.parameters.items() if name not in ("features", "state_file")]
    rows.append(("made with", f"halfspread {state.made_with}"))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    size = path.stat().st_size
    if not path.is_file() and not path.is_dir():
        raise DataError("expected the state of an agent (.npz), got no plain file")
    if size > MOST_BYTES:
        raise DataError(f"larger than any state ({size:,} bytes)")
    try:
        archive = read_archive(path.read_bytes(), _NAMES)
    except DataError as error:
        raise DataError(f"expected the state of an agent (.npz): {error}; {_AGAIN}") from None
    written = archive.get("header", np.zeros(0, np.uint8))
    header = read_sealed(bytes(np.ascontiguousarray(written)), FORMAT, "a state", _AGAIN)
    wanted = ("memory", *(() if header.get("reservoir") is None else _RESERVOIR))
    if set(archive) != {"header", *wanted}:
        found = ", ".join(sorted({*archive} - {"header"}))
        raise DataError(f"expected the arrays {', '.join(wanted)}, got {found or 'none'}; {_AGAIN}")
    hashes = taken(header, "arrays", dict)
    arrays = {name: _array(archive[name], name, 1 if name == "memory" else 2) for name in wanted}
    for name, values in arrays.items():
        if _hash(values) != hashes.get(name):
            raise DataError(f"{name}: not the numbers that were saved: the file was altered; {_AGAIN}")
    return header, arrays


def _array(values: Any, name: str, axes: int) -> Floats:
    if values.dtype != np.dtype("<f8") or values.ndim != axes:
        raise DataError(f"{name}: expected float64 numbers, got {values.dtype} of shape {values.shape}")
    return np.ascontiguousarray(values, np.float64)


def _state(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> AgentState:
    texts = {name: taken(header, name, str) for name in ("kind", "layout", "halfspread")}
    parameters, instruments = taken(header, "parameters", dict), taken(header, "instruments", list)
    features = parameters.get("features")
    for what, names in (("instruments", instruments), ("features", features)):
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise DataError(f"its header is not that of a state: {what}: expected names, got {names!r:.80}")
    settings = None if header["reservoir"] is None else taken(header, "reservoir", dict)
    reservoir = None if settings is None else _reservoir(settings, arrays)
    return AgentState(
        texts["kind"], parameters, tuple(instruments), texts["layout"], arrays["memory"], reservoir, trained_in(header),
        texts["halfspread"],
    )  # fmt: skip


def _reservoir(settings: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Reservoir:
    try:
        made = ReservoirSettings(**settings)
    except (TypeError, ValueError, ConfigError) as error:
        raise DataError(f"reservoir: {error}") from None
    return Reservoir(arrays["w_in"], arrays["w"], arrays["w_back"], made)


def _hash(values: Floats) -> str:
    shape = np.array(values.shape, "<i8").tobytes()
    return hashlib.blake2b(shape + np.ascontiguousarray(values, "<f8").tobytes(), digest_size=16).hexdigest()
