"""Delimited text read block by block into Arrow columns of known types; every cell that does not parse is named.

Decimals are rounded once, to the nearest double (``tests`` compare with Python's own reading). Empty cells, NaN and
null are missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.where import Where
from halfspread.errors import DataError

__all__ = ["CHUNK", "NULLS", "TextTable", "open_text"]

#: Bytes that are parsed at once.
CHUNK = 1 << 21
NULLS = ("", "NaN", "nan", "null", "NULL", "None")
_BOM = b"\xef\xbb\xbf"
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class TextTable:
    """A text with ``names`` of columns; ``skip``: bytes before the first row; ``rows``: the first, as they stand."""

    source: Source
    delimiter: str
    names: tuple[str, ...]
    skip: int
    first_line: int
    rows: tuple[tuple[str, ...], ...]

    def sample(self, name: str) -> list[str]:
        """The first cells of a column that are not missing."""
        at = self.names.index(name)
        return [row[at].strip() for row in self.rows if len(row) > at and row[at].strip() not in NULLS]

    def blocks(self, types: Mapping[str, Any]) -> Iterator[tuple[Any, Where]]:
        """Arrow tables of the columns in ``types``, and where each stands. Raises DataError."""
        offset = 0
        for chunk in _chunks(self.source, self.skip):
            where = Where(str(self.source), partial(self._lines_before, offset), chunk)
            table = self._parse(chunk, types, where)
            if table.num_rows:
                yield table, where
            offset += len(chunk)

    def _lines_before(self, offset: int) -> int:
        """The number of the line that begins so many bytes behind the first row."""
        line, left = self.first_line, offset
        for chunk in _chunks(self.source, self.skip):
            line += chunk[:left].count(b"\n")
            left -= len(chunk)
            if left <= 0:
                break
        return line

    def _parse(self, chunk: bytes, types: Mapping[str, Any], where: Where) -> Any:
        import pyarrow as pa
        import pyarrow.csv

        try:
            return pa.csv.read_csv(
                pa.BufferReader(chunk),
                read_options=pa.csv.ReadOptions(
                    use_threads=False, block_size=len(chunk) + 1, column_names=list(self.names)
                ),
                parse_options=pa.csv.ParseOptions(delimiter=self.delimiter),
                convert_options=pa.csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=NULLS, strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid as error:
            raise DataError(self._fault(chunk, types, where, str(error))) from None

    def _fault(self, chunk: bytes, types: Mapping[str, Any], where: Where, error: str) -> str:
        """What is wrong with a chunk that was not parsed."""
        if b"\x00" in chunk:
            return f"{where.file}: expected text, got zero bytes; the file is damaged, or no text"
        for number, line in enumerate(chunk.split(b"\n")):
            if not line.strip(b"\r"):
                continue
            place = where.line(number)
            try:
                cells = next(csv.reader(io.StringIO(line.decode().strip("\r")), delimiter=self.delimiter), [])
            except (UnicodeDecodeError, csv.Error):
                return f"{place}: expected text in UTF-8, got {line[:40]!r}; save the file as UTF-8"
            if len(cells) != len(self.names):
                got = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                return f"{place}: expected {len(self.names)} cells, got {got}; the line is damaged, or cut short"
            for name, kind in types.items():
                if message := _cell_fault(cells[self.names.index(name)], kind):
                    return f"{place}: column {name}: {message}"
        return f"{where.file}: not readable as a table ({error.splitlines()[0]}); write it again"


def open_text(source: Source, delimiter: str | None = None) -> TextTable:
    """The columns of a text, by its first line, or numbered from 1 where that holds numbers. Raises DataError."""
    head = source.head(_SAMPLE)
    skip = len(_BOM) if head.startswith(_BOM) else 0
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{source}: expected text in UTF-8, got UTF-16; save the file as UTF-8")
    whole = head if len(head) < _SAMPLE else head[: head.rfind(b"\n") + 1]
    if not whole.strip():
        raise DataError(f"{source}: expected lines of text, got one longer than {_SAMPLE:,} bytes, or none")
    try:
        lines = whole[skip:].decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: expected text in UTF-8 ({error.reason} at byte {error.start})") from None
    given = delimiter or max(",;\t|", key=lines[0].count)
    try:
        rows = [
            tuple(row) for row in csv.reader([line.strip("\r") for line in lines if line.strip("\r")], delimiter=given)
        ]
    except csv.Error as error:
        raise DataError(f"{source}: not readable as text with columns ({error})") from None
    if not rows:
        raise DataError(f"{source}: expected a line of names and rows, got none; download it again")
    if _is_data(rows[0]):
        return TextTable(source, given, tuple(str(i + 1) for i in range(len(rows[0]))), skip, 1, tuple(rows[:1000]))
    if len(rows) == 1 and len(head) == _SAMPLE:
        raise DataError(f"{source}: expected rows after the line of names, got a line longer than {_SAMPLE:,} bytes")
    names = tuple(name.strip() for name in rows[0])
    if names[0] == "" and "" not in names[1:]:
        raise DataError(
            f"{source}: expected a name for each column, got none for the first, as pandas writes an index: write the "
            "file with index=False, or give the column a name"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "" in names:
        raise DataError(f"{source}: expected a name for each column, got {_twice(twice)}")
    before = lines.index(next(line for line in lines if line.strip("\r")))
    skip += sum(len(line.encode()) + 1 for line in lines[: before + 1])
    return TextTable(source, given, names, skip, before + 2, tuple(rows[1:1001]))


def _twice(names: list[str]) -> str:
    listed = ", ".join(name for name in names if name)
    return f"{listed} twice" if listed else "one without a name"


def _is_data(row: tuple[str, ...]) -> bool:
    """Whether a first line holds values, not names."""
    return any(cell.strip()[:1].isdigit() and not cell.strip().isalpha() for cell in row) and not any(
        cell.strip().isidentifier() and cell.strip().lower() in ("timestamp", "time", "ts", "date") for cell in row
    )


def _chunks(source: Source, skip: int) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    with source.open() as stream:
        stream.read(skip) if skip else None
        rest = b""
        while data := stream.read(CHUNK):
            cut = data.rfind(b"\n") + 1
            if not cut:
                rest += data
                if len(rest) > 4 * CHUNK:
                    raise DataError(f"{source}: expected lines of text, got one longer than {4 * CHUNK:,} bytes")
                continue
            yield rest + data[:cut] if rest else (data if cut == len(data) else data[:cut])
            rest = data[cut:]
        if rest:
            yield rest


def _cell_fault(cell: str, kind: Any) -> str:
    """What is wrong with a cell that should hold this, "" where nothing is."""
    import pyarrow as pa

    if cell in NULLS:
        return ""
    value_type = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        pa.array([cell.strip() if not pa.types.is_string(value_type) else cell]).cast(value_type)
    except pa.ArrowInvalid:
        if pa.types.is_floating(value_type):
            comma = "; write decimals with a point" if "," in cell else "; write it as plain digits"
            return f"expected a number, got {cell!r}{comma}"
        if pa.types.is_timestamp(value_type) or pa.types.is_decimal(value_type):
            return f"expected a time as in the lines before, got {cell!r}"
        return f"expected {'a whole number' if pa.types.is_integer(value_type) else 'true or false'}, got {cell!r}"
    return ""
