"""What a path holds: one file, packed or not, or the members of an archive, each to be read as a stream.

Nothing is written to disk. An archive with one member that climbs out, is a link or a device, or is an archive itself,
is refused whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from halfspread.datafeeds.importers.streams import MAX_UNPACKED, Stream, gunzip, plain, unzip, unzstd
from halfspread.errors import DataError

__all__ = ["MAX_MEMBERS", "Source", "digest_of", "packing_of", "sources"]

#: Members that an archive may have.
MAX_MEMBERS = 10_000
_GZIP, _ZIP, _ZSTD, _TAR_AT = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", 257
_REFUSED = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-zip",
    b"Rar!": "rar",
    b"PK\x05\x06": "an empty zip",
}
_PACKED = (".gz", ".gzip", ".zst", ".zstd")


@dataclass(frozen=True)
class Source:
    """One file as it is read: ``path`` on disk, ``packing`` (plain, gzip, zstd, zip, tar, gzip tar), ``member`` of an
    archive, ``limit`` on what it may unpack to, ``seen`` is called with the bytes of the file read so far."""

    path: Path
    packing: str = "plain"
    member: str = ""
    limit: int | None = None
    seen: Callable[[int], None] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """Its own name, without folders and without the ending of its packing."""
        name = PurePosixPath(self.member or self.path.name).name
        for ending in _PACKED if self.packing in ("gzip", "zstd") else ():
            if name.lower().endswith(ending):
                return name[: -len(ending)]
        return name

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """Its bytes, unpacked. Raises DataError."""
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; expected a file that can be read") from None
        with file:
            if self.packing == "zip":
                with (
                    _zip(self.path) as packed,
                    unzip(packed, packed.getinfo(self.member), str(self), self.limit) as part,
                ):
                    part.seen = self.seen
                    yield part
                return
            unpack = {"gzip": gunzip, "zstd": unzstd}.get(self.packing.removesuffix(" tar"))
            stream = unpack(file, str(self), self.limit) if unpack else plain(file, str(self))
            stream.seen = self.seen
            with stream:
                if not self.packing.endswith("tar"):
                    yield stream
                    return
                with _tar(stream, self) as archive, _member(archive, self) as member:
                    yield Stream(member, str(self), "tar", lambda: stream.packed, self.limit)

    def head(self, size: int = 1 << 16) -> bytes:
        """Its first bytes, unpacked."""
        with self.open() as stream:
            return stream.read(size)


def sources(path: Path, limit: int | None = None) -> list[Source]:
    """What is in the file at ``path``, in order of name. Raises DataError for what is no file, is empty, damaged, or an
    archive that cannot be trusted."""
    if path.is_dir():
        raise DataError(f"{path}: expected a file, got a folder; name the files in it, as {path / '*'}")
    if not path.is_file():
        raise DataError(f"{path}: no such file; a relative path starts from {Path.cwd()}")
    packing = packing_of(Source(path).head(512), str(path))
    if packing == "zip":
        return _zipped(path, limit)
    if packing == "tar":
        return _tarred(Source(path, "tar", limit=limit))
    if packing == "plain":
        return [Source(path, limit=limit)]
    source = Source(path, packing, limit=limit)
    inner = packing_of(source.head(512), str(path))
    if inner == "tar":
        return _tarred(Source(path, f"{packing} tar", limit=limit))
    if inner != "plain":
        raise DataError(f"{path}: a {packing} that holds a {inner}; unpack one of the two")
    return [source]


def packing_of(head: bytes, what: str) -> str:
    """How a file is packed, by its first 512 bytes. Raises DataError for an empty file and for packings that are not
    read."""
    if not head:
        raise DataError(f"{what}: expected data, got an empty file; download it again")
    for magic, name in _REFUSED.items():
        if head.startswith(magic):
            raise DataError(f"{what}: {name}, which is not read; expected a plain file, gzip, zstd, zip or tar")
    for magic, name in ((_GZIP, "gzip"), (_ZIP, "zip"), (_ZSTD, "zstd")):
        if head.startswith(magic):
            return name
    return "tar" if head[_TAR_AT : _TAR_AT + 5] == b"ustar" else "plain"


def digest_of(path: Path) -> str:
    """SHA-256 of the file as it stands on disk, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: damaged zip ({str(error).strip('. ')}); download it again") from None


def _zipped(path: Path, limit: int | None) -> list[Source]:
    with _zip(path) as archive:
        members = [info for info in archive.infolist() if not info.filename.endswith("/")]
        names = [info.filename for info in members]
        if "[Content_Types].xml" in names:
            raise DataError(f"{path}: a workbook of a spreadsheet; expected text or Parquet; save it as CSV")
        _check_names(path, names)
        for info in members:
            where = f"{path}: {info.filename!r}"
            if info.flag_bits & 1:
                raise DataError(f"{where}: is encrypted; unpack it and import what comes out")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{where}: packed in a way that is not read; expected deflate")
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                raise DataError(f"{where}: is a link; nothing of this archive was read")
        if sum(info.file_size for info in members) > (MAX_UNPACKED if limit is None else limit):
            raise DataError(f"{path}: says it unpacks to too much; if that is right, give --max-unpacked a size")
        if names and all(name.endswith(".npy") for name in names):
            return [Source(path, limit=limit)]  # npz: read by its own reader
        found = [Source(path, "zip", info.filename, limit) for info in members if info.file_size]
    return _not_nested(path, found)


def _tarred(archive: Source) -> list[Source]:
    found = []
    with _stream_of(archive) as stream, _tar(stream, archive) as tar, _damaged(archive):
        for info in tar:
            if not (info.isreg() or info.isdir()):
                kind = "a link" if info.islnk() or info.issym() else "a device"
                raise DataError(f"{archive.path}: {info.name!r}: is {kind}; nothing of this archive was read")
            _check_names(archive.path, [info.name])
            if info.isreg() and info.size:
                found.append(Source(archive.path, archive.packing, info.name, archive.limit))
            if len(found) > MAX_MEMBERS:
                break
    _check_names(archive.path, [source.member for source in found])
    return _not_nested(archive.path, found)


def _check_names(path: Path, names: list[str]) -> None:
    if len(names) > MAX_MEMBERS:
        raise DataError(f"{path}: expected at most {MAX_MEMBERS:,} files in an archive, got more; split it")
    if len(set(names)) < len(names):
        raise DataError(f"{path}: holds two files of one name; unpack it and import what comes out")
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\x00" in name:
            raise DataError(f"{path}: {name!r}: a name that climbs out of its folder; nothing of this archive was read")


def _not_nested(path: Path, found: list[Source]) -> list[Source]:
    if not found:
        raise DataError(f"{path}: expected data, got an archive without a file in it; download it again")
    found.sort(key=lambda source: source.member)
    for source in found:
        inner = packing_of(source.head(512), str(source)) if source.packing == "zip" or len(found) <= 32 else "plain"
        if inner != "plain":
            raise DataError(f"{source}: a {inner} inside an archive; unpack one of the two")
    return found


@contextmanager
def _stream_of(archive: Source) -> Iterator[Stream]:
    """The archive's own bytes, unpacked."""
    packing = "plain" if archive.packing == "tar" else archive.packing.removesuffix(" tar")
    with Source(archive.path, packing, "", archive.limit).open() as stream:
        yield stream


@contextmanager
def _damaged(source: Source) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{source.path}: damaged tar ({str(error).strip('. ')}); download it again") from None


@contextmanager
def _tar(stream: Stream, source: Source) -> Iterator[tarfile.TarFile]:
    with _damaged(source), tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        yield archive


@contextmanager
def _member(archive: tarfile.TarFile, source: Source) -> Iterator[object]:
    for info in archive:
        if info.name == source.member and info.isreg():
            file = archive.extractfile(info)
            if file is not None:
                with contextlib.closing(file):
                    yield file
                return
    raise DataError(f"{source}: is gone from the archive; it was changed while it was read")
