"""Order-book files of Bybit: a zip with one member of JSON lines, messages as the feed sent them.

Nothing is unpacked to disk. An archive with several members, names that climb out or sizes that no book has is refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa

from halfspread.datafeeds.books.wire.parser import Parsed, WireParser
from halfspread.errors import DataError

__all__ = ["OB200_SINCE", "book_blocks", "depth_of_day", "read_book_dump"]

#: The first day whose file holds 200 levels in place of 500, of linear contracts.
OB200_SINCE = "2025-08-21"
_BLOCK = 4 << 20
#: Bytes of an unpacked day, and how many times smaller it may be packed.
_LARGEST, _RATIO, _SMALL = 32 << 30, 200, 64 << 20


def depth_of_day(day: str) -> int:
    """Levels on each side in the file of a day (``2025-08-21``), as far as is known."""
    return 500 if day < OB200_SINCE else 200


def read_book_dump(path: Path, symbol: str, depth: int, *, name: str = "") -> Iterator[pa.Table]:
    """Book updates of a file, block by block, in columns of the kind book_updates. ``depth``: that its messages have to
    be of. Raises DataError naming the line."""
    name = name or path.name
    parser = WireParser("bybit", symbol, book=f"orderbook.{depth}", name=name)
    rows = 0
    for block in book_blocks(path, name):
        parsed = parser.feed(block)
        rows += _checked(parsed, rows, name)
        yield parsed.updates
    parsed = parser.finish()
    rows += _checked(parsed, rows, name)
    yield parsed.updates
    if not rows:
        raise DataError(f"{name}: expected messages of orderbook.{depth}.{symbol}, got none")


def book_blocks(path: Path, name: str = "") -> Iterator[bytes]:
    """The lines of an archive's one member, in blocks of a few megabytes that may end within a line. Raises
    DataError."""
    name = name or path.name
    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(archive, name)
            with archive.open(member) as lines:
                while block := lines.read(_BLOCK):
                    yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise DataError(f"{name}: cannot be unpacked ({error}): is it cut short? Fetch it again") from error


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise DataError(f"{name}: expected an archive with one member, got {len(members)}")
    member = members[0]
    if PurePosixPath(member.filename).name != member.filename or "\\" in member.filename or member.is_dir():
        raise DataError(f"{name}: expected a plain name in the archive, got {member.filename!r}")
    if member.file_size == 0:
        raise DataError(f"{name}: expected lines of messages, got an empty member")
    bomb = member.file_size > _SMALL and member.file_size > _RATIO * max(member.compress_size, 1)
    if member.file_size > _LARGEST or bomb:
        raise DataError(
            f"{name}: {member.compress_size:,} bytes unpack to {member.file_size:,}, which no day of a book does; "
            "nothing was read"
        )
    return member


def _checked(parsed: Parsed, before: int, name: str) -> int:
    """How many rows there are. Raises DataError where the first message of the file is no snapshot."""
    rows = int(parsed.updates.num_rows)
    if rows and not before and parsed.updates.column("action")[0].as_py() != 0:
        raise DataError(f"{name}: expected a snapshot as the first message, got a change: the file lacks its beginning")
    return rows
