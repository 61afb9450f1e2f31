"""Parquet, Feather and records of JSON as tables that are read block by block."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.where import Where
from halfspread.errors import DataError

__all__ = ["ArrowTable", "open_feather", "open_parquet", "open_records"]

#: Rows that are read at once, and bytes of a packed file of columns that are unpacked into memory.
_ROWS, _HELD = 131_072, 2 * 2**30


@dataclass(frozen=True)
class ArrowTable:
    """A table with a schema. ``held``: the table itself, where it is not read from a Parquet file."""

    source: Source
    names: tuple[str, ...]
    schema: Any
    held: Any = None

    def sample(self, name: str) -> Any:
        """The first values of a column."""
        for table, _ in self.blocks({name: None}):
            return table.column(name).drop_null().slice(0, 1000)
        return []

    def blocks(self, types: Mapping[str, Any]) -> Iterator[tuple[Any, Where]]:
        """Arrow tables of the columns named by ``types``, and where each stands. Raises DataError."""
        import pyarrow as pa

        row = 0
        for batch in self._batches(list(types)):
            if batch.num_rows:
                yield pa.table(batch), Where(str(self.source), row)
            row += batch.num_rows

    def _batches(self, names: list[str]) -> Iterator[Any]:
        import pyarrow as pa

        if self.held is not None:
            yield from self.held.select(names).to_batches(max_chunksize=_ROWS)
            return
        with _readable(self.source, "Parquet") as file, pa.parquet.ParquetFile(file, pre_buffer=False) as parquet:
            yield from parquet.iter_batches(batch_size=_ROWS, columns=names, use_threads=False)


def open_parquet(source: Source) -> ArrowTable:
    """The schema of a Parquet file. Raises DataError."""
    import pyarrow.parquet

    with _readable(source, "Parquet") as file:
        schema = pyarrow.parquet.ParquetFile(file).schema_arrow
    return ArrowTable(source, _names(source, schema.names), schema)


def open_feather(source: Source) -> ArrowTable:
    """A Feather (Arrow) file. Raises DataError."""
    import pyarrow.feather

    with _readable(source, "Feather") as file:
        table = pyarrow.feather.read_table(file, memory_map=False)
        table.validate(full=True)
    return ArrowTable(source, _names(source, table.column_names), table.schema, table)


def open_records(source: Source, records: list[dict[str, Any]]) -> ArrowTable:
    """Objects of JSON with values in them. Raises DataError where a field holds different things."""
    import pyarrow as pa

    names = tuple(dict.fromkeys(name for record in records for name in record))
    columns, kept = [], []
    for name in names:
        values = [record.get(name) for record in records]
        if any(isinstance(value, (dict, list)) for value in values):
            continue
        if any(isinstance(value, float) for value in values):
            values = [float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
        try:
            columns.append(pa.array(values))
        except (pa.ArrowException, OverflowError):
            raise DataError(f"{source}: field {name}: expected values of one kind, got several") from None
        kept.append(name)
    table = pa.table(columns, names=kept)
    return ArrowTable(source, _names(source, kept), table.schema, table)


def _names(source: Source, names: list[str]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{source}: expected one column of each name, got several named {', '.join(twice)}")
    return tuple(names)


@contextmanager
def _readable(source: Source, kind: str) -> Iterator[Any]:
    """A file that can be read from anywhere in it; errors of the reader as ours."""
    import pyarrow as pa

    try:
        if source.packing == "plain":
            with source.path.open("rb") as file:
                yield file
            return
        with source.open() as stream:
            data = stream.read(_HELD)
            if stream.read(1):
                raise DataError(f"{source}: {kind} inside an archive is read into memory, and is too large; unpack it")
        yield io.BytesIO(data)
    except (pa.ArrowException, OSError, OverflowError, KeyError, NotImplementedError) as error:
        why = (str(error).strip(". ") or type(error).__name__).splitlines()[0]
        raise DataError(f"{source}: not readable as {kind} ({why}); write or download it again") from None
