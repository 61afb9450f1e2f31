"""The file of demonstrations: Parquet, with a header that holds features, provenance, and hashes of rows and header."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.agents.imitation.dataset_rows import NUMBERS, WHOLE, ExpertDataset
from halfspread.agents.policies.sealed_header import features_in, read_sealed, sealed, taken, trained_in
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMAT", "load_dataset", "save_dataset"]

FORMAT = 1
#: More than the memory of any machine that this was made for.
MOST_BYTES = 1 << 37
_KEY = b"halfspread.demonstrations"


def save_dataset(dataset: ExpertDataset, path: str | Path) -> Path:
    """Write Parquet (zstd), at once or not at all; gives the path. A column for each number of a row: those of
    `ExpertDataset`, then the features by name. Raises ConfigError for another ending than .parquet, DataError for facts
    that are no plain JSON values, or features named as a column is."""
    path = Path(path)
    if path.suffix != ".parquet":
        raise ConfigError(f"{path}: expected the name of demonstrations to end in .parquet")
    columns: dict[str, Any] = {name: getattr(dataset, name) for name in (*WHOLE, *NUMBERS)}
    columns |= {name: dataset.observations[:, i] for i, name in enumerate(dataset.features.columns)}
    header = {
        "format": FORMAT,
        **dataset.features.header(),
        "trained": [vars(each) for each in dataset.trained],
        "facts": dict(dataset.facts),
        "hash": dataset.digest(),
    }
    try:
        text = sealed(header)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: facts: expected plain JSON values: {error}") from None
    table = pa.table(columns).replace_schema_metadata({_KEY: text.encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        pq.write_table(table, made, compression="zstd")
        Path(made).chmod(0o644)
        os.replace(made, path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
    return path


def load_dataset(path: str | Path) -> ExpertDataset:
    """Read what `save_dataset` wrote. Raises ConfigError where there is none; DataError for another file, one that is
    cut short, another format, a missing column, one of another type or with holes, and for a header or rows that were
    altered."""
    path = Path(path)
    table = _table(path)
    try:
        header = _header(table)
        features, trained = features_in(header), trained_in(header)
        facts, saved = taken(header, "facts", dict), taken(header, "hash", str)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    missing = [name for name in (*WHOLE, *NUMBERS, *features.columns) if name not in table.column_names]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)}; there are {', '.join(table.column_names)}: record them anew"
        )
    arrays = {name: _column(table, name, np.int64, path) for name in WHOLE}
    numbers = {name: _column(table, name, np.float64, path) for name in NUMBERS}
    seen = np.column_stack([_column(table, name, np.float64, path) for name in features.columns])
    try:
        found = ExpertDataset(features=features, observations=seen, **arrays, **numbers, trained=trained, facts=facts)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    if found.digest() != saved:
        raise DataError(f"{path}: the rows are not those that were saved: the file was altered; record them anew")
    return found


def _table(path: Path) -> Any:
    try:
        if not path.is_dir():
            about = pq.read_metadata(path)
            if about.num_rows * about.num_columns * 8 > MOST_BYTES:
                raise DataError(f"{path}: {about.num_rows:,} rows of {about.num_columns:,} columns: too many to read")
        return pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file of demonstrations; halfspread train CONFIG writes one") from None
    except (OSError, MemoryError, ValueError, pa.ArrowException) as error:
        what = "a folder" if path.is_dir() else f"one that cannot be read ({str(error).splitlines()[0]})"
        raise DataError(f"{path}: expected a file of demonstrations (Parquet), got {what}; record them anew") from None


def _header(table: Any) -> dict[str, Any]:
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        raise DataError(
            "a Parquet file without the header of demonstrations; halfspread writes one with save_dataset; "
            "demonstrations_from_fills or demonstrations_from_signals make demonstrations of other records"
        )
    return read_sealed(text, FORMAT, "demonstrations", "record them anew")


def _column(table: Any, name: str, kind: type[np.int64] | type[np.float64], path: Path) -> Any:
    column = table[name]
    wanted = pa.int64() if kind is np.int64 else pa.float64()
    if column.type != wanted:
        raise DataError(f"{path}: column {name}: expected {wanted}, got {column.type}; record them anew")
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError(f"{path}: column {name}: row {row} is empty; record them anew")
    return column.to_numpy()
