"""Bytes of a packed file, unpacked as they are read and never on disk, with a bound on how much they may become."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from halfspread.errors import DataError

__all__ = ["MAX_RATIO", "MAX_UNPACKED", "Stream", "gunzip", "plain", "unzip", "unzstd"]

#: Bytes that an archive may unpack to, and how many times its own size (asked from the first 64 MB on).
MAX_UNPACKED = 64 * 10**9
MAX_RATIO = 200
_FREE = 64 * 2**20


class Stream:
    """Unpacked bytes in order. ``name``: for messages; ``packed``: how many bytes of the file were read so far;
    ``limit``: the most that may come out, or None for the default, which also bounds the ratio. Raises DataError."""

    def __init__(self, source: Any, name: str, packing: str, packed: Callable[[], int], limit: int | None) -> None:
        self._source, self._name, self._packing = source, name, packing
        self._packed, self._limit = packed, limit
        self._out = 0
        self.seen: Callable[[int], None] | None = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def packed(self) -> int:
        """Bytes of the file on disk that were read so far."""
        return self._packed()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, fewer only at the end; all that is left for -1."""
        parts: list[bytes] = []
        left = size
        while left:
            part = self._some(left if left > 0 else 1 << 22)
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _some(self, size: int) -> bytes:
        try:
            part: bytes = self._source.read(size)
        except EOFError:
            raise DataError(f"{self._name}: the {self._packing} stops short; download it again") from None
        except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, tarfile.TarError, OSError, ValueError) as error:
            raise DataError(f"{self._name}: damaged {self._packing} ({_plain(error)}); download it again") from None
        self._out += len(part)
        if self.seen is not None:
            self.seen(self.packed)
        if self._packing != "file":
            self._check()
        return part

    def _check(self) -> None:
        most = MAX_UNPACKED if self._limit is None else self._limit
        if self._out > most:
            raise DataError(
                f"{self._name}: unpacks to more than {most:,} bytes; if that is right, give --max-unpacked a size"
            )
        if self._limit is None and self._out > _FREE and self._out > MAX_RATIO * max(self.packed, 1):
            raise DataError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size, as files made to fill a disk do; if "
                "that is right, give --max-unpacked a size"
            )


def plain(file: BinaryIO, name: str) -> Stream:
    """A file that is not packed."""
    return Stream(file, name, "file", file.tell, None)


def gunzip(file: BinaryIO, name: str, limit: int | None) -> Stream:
    """A gzip, its length and checksum checked at its end."""
    return Stream(gzip.GzipFile(fileobj=file), name, "gzip", file.tell, limit)


def unzstd(file: BinaryIO, name: str, limit: int | None) -> Stream:
    """A zstd."""
    import pyarrow as pa

    return Stream(_Zstd(pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")), name, "zstd", file.tell, limit)


def unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limit: int | None) -> Stream:
    """A member of a zip, its checksum checked at its end."""
    try:
        member = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise DataError(f"{name}: damaged zip ({_plain(error)}); download it again") from None
    total = max(info.compress_size, 1)
    return Stream(_Member(member, archive), name, "zip", lambda: total, limit)


class _Member:
    """A member that closes its archive too."""

    def __init__(self, member: Any, archive: zipfile.ZipFile) -> None:
        self._member, self._archive = member, archive

    def read(self, size: int) -> bytes:
        return self._member.read(size)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._member.close()
        self._archive.close()


class _Zstd:
    """An Arrow stream, with errors as Python has them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except io.UnsupportedOperation as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self._stream.close()


def _plain(error: Exception) -> str:
    return str(error).strip(". ") or type(error).__name__
