"""Small files for the tests of this folder, with values of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from halfspread.datafeeds.importers.imported import Imported
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.reading import files_in, read_source

US = 1_704_153_600_000_000  # 2024-01-02 00:00 UTC in microseconds
NOW = 1_800_000_000 * 10**9
BYBIT = Options(venue="bybit", symbol="BTCUSDT")


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def imports(path: Path, options: Options = BYBIT) -> list[Imported]:
    return [each for source in files_in(path, options) for each in read_source(source, options, now=NOW)]


def rows(imported: Imported) -> dict[str, dict[str, list[Any]]]:
    """All rows by series, times as int64."""
    tables: dict[str, list[Any]] = {}
    for block in imported.blocks:
        tables.setdefault(str(block.series), []).append(block.rows)
    found = {}
    for series, parts in tables.items():
        whole = pa.concat_tables(parts, promote_options="default")
        found[series] = {
            name: (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
            for name, column in zip(whole.column_names, whole.columns, strict=True)
        }
    return found


def one(path: Path, options: Options = BYBIT) -> tuple[str, dict[str, list[Any]], Imported]:
    """The only series of a file."""
    (imported,) = imports(path, options)
    ((series, columns),) = rows(imported).items()
    return series, columns, imported
