"""Arrays of a NumPy archive (``.npz``) that somebody else made, read without trusting any number in it.

What `numpy.savez` writes of plain arrays is a small part of what ``numpy.load`` takes, and only that part is read:
members that are stored as they are, each a one-piece ``.npy`` of version 1 whose size is what its header says. So
nothing is unpacked, evaluated or unpickled, and no room is made that the file does not take itself.
"""

from __future__ import annotations

import io
import math
import os
import re
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.errors import DataError

__all__ = ["read_archive", "write_archive"]

_MAGIC = b"\x93NUMPY\x01\x00"
_START = len(_MAGIC) + 2
_DESCRIBED = re.compile(
    r"\{'descr': '([<>|=]?[a-zA-Z]\d{0,4})', 'fortran_order': False, "
    r"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n"
)
#: What a reader of archives raises at bytes that make no sense.
_FAULTS = (
    OSError, ValueError, KeyError, TypeError, IndexError, EOFError, RuntimeError, NotImplementedError, OverflowError,
    MemoryError, struct.error, zipfile.BadZipFile,
)  # fmt: skip


def read_archive(data: bytes, names: frozenset[str]) -> Mapping[str, np.ndarray[Any, Any]]:
    """The arrays of an archive by name, each of its own memory. Raises DataError for what is no archive, for members
    that are compressed, encrypted, there twice or not among ``names``, that claim another size than they have, or that
    are no plain numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, names, len(data))
            return {each.filename.removesuffix(".npy"): _array(archive.read(each), each.filename) for each in members}
    except _FAULTS as error:
        raise DataError(str(error) or type(error).__name__) from None


def _check_members(members: list[zipfile.ZipInfo], names: frozenset[str], size: int) -> None:
    found = [each.filename for each in members]
    for each in members:
        if each.filename not in {f"{name}.npy" for name in names} or found.count(each.filename) > 1:
            wanted = ", ".join(sorted(names))
            raise DataError(f"member {each.filename!r:.80}: expected the arrays {wanted}, each once")
        if each.flag_bits & 1:
            raise DataError(f"member {each.filename}: encrypted")
        if each.compress_type != zipfile.ZIP_STORED or each.compress_size != each.file_size:
            raise DataError(f"member {each.filename}: compressed; expected what save_model writes, stored as it is")
    claimed = sum(each.file_size for each in members)
    if claimed > size:
        raise DataError(f"its members claim {claimed:,} bytes, and the file has {size:,}")


def _array(data: bytes, name: str) -> np.ndarray[Any, Any]:
    """One array of a ``.npy`` file (the format: numpy.lib.format). Raises DataError, ValueError or TypeError."""
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _START:
        raise DataError(f"member {name}: expected an array (.npy, version 1)")
    begin = _START + int.from_bytes(data[len(_MAGIC) : _START], "little")
    described = _DESCRIBED.fullmatch(data[_START:begin].decode("latin-1"))
    if described is None:
        raise DataError(f"member {name}: its description is none of an array of numbers: {data[_START:begin][:60]!r}")
    kind = np.dtype(described[1])
    if kind.hasobject:
        raise DataError(f"member {name}: it holds pickled objects, which are never opened")
    shape = tuple(int(each) for each in described[2].split(",") if each.strip())
    claimed = math.prod(shape) * kind.itemsize
    if claimed != len(data) - begin or not kind.itemsize:
        raise DataError(f"member {name}: it claims {claimed:,} bytes of numbers, and has {len(data) - begin:,}")
    found: np.ndarray[Any, Any] = np.frombuffer(data[begin:], kind).reshape(shape)
    return found.copy()


def write_archive(path: Path, header: Any, arrays: Mapping[str, Any]) -> None:
    """Write an archive of ``header`` and ``arrays``, at once or not at all. Raises OSError."""
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, header=header, **arrays)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(0o644)
        os.replace(made, path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
