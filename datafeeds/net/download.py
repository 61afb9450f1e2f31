"""Files from mirrors: fetched into ``NAME.part``, resumed after an interruption, checked, then moved to their place.

A file whose server gave it a mark (ETag or Last-Modified) is resumed only while the mark is the same; any other is
begun again. What is empty, a web page, cut short or of another digest never gets its name.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import urllib3

from halfspread.datafeeds.net.http import GoneError, Http, NotTrustedError, page_title
from halfspread.datafeeds.net.limits import Reply, whole_number
from halfspread.errors import DataError, FetchError

__all__ = ["BadFileError", "Downloaded", "Packing", "download", "refused_files"]

Packing = Literal["gzip", "zip"]
_PIECE = 1 << 18
#: Bytes of an unpacked file.
_LARGEST = 16 << 30
#: Bytes that have to come while an answer may last, and how often they may fail to.
_LEAST, _SLOW = 1 << 16, 3


class BadFileError(FetchError):
    """A file came whole, each time it was asked for, and is none."""


def refused_files(refused: list[str]) -> FetchError:
    """The error at the end of a fetch that could not take some files."""
    shown = "; ".join(refused[:5]) + (f"; and {len(refused) - 5} more" if len(refused) > 5 else "")
    return FetchError(
        f"{len(refused)} file{'s' * (len(refused) > 1)} of the server could not be taken, and their days count as not "
        f"fetched: {shown}. The same command asks for them again"
    )


@dataclass(frozen=True)
class Downloaded:
    """A file that came. ``digest``: its SHA-256; ``resumed``: bytes that an earlier attempt had left; ``url``: that was
    asked; ``retrieved``: when it was complete, ns UTC."""

    path: Path
    size: int
    digest: str
    resumed: int
    url: str
    retrieved: int


def download(
    http: Http,
    path: str,
    to: Path,
    *,
    packing: Packing | None = None,
    digest: str | None = None,
    largest: int = 16 << 30,
    progress: Callable[[int, int | None], None] = lambda done, whole: None,
) -> Downloaded:
    """Fetch ``path`` of the server into the file ``to``, which is replaced where it is there.

    ``packing``: what the file must be, proven by unpacking it; ``digest``: its SHA-256 where that is known;
    ``largest``: bytes; ``progress``: called with the bytes that are there and those of the whole file, None where the
    server does not say. Raises FetchError, GoneError where there is no such file, DataError where it cannot be written.
    """
    url = http.url(path)
    with _writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        with _claimed(to) as part:
            job = _Job(http, url, part, largest, progress)
            try:
                found = job.repeat(packing, digest)
                os.replace(part, to)
                job.mark.unlink(missing_ok=True)
            finally:
                job.tidy()
    return Downloaded(to, found[0], found[1], job.resumed, url, http.clock.now())


class _Job:
    """One file on its way. ``farthest``: bytes of it that any attempt has reached."""

    def __init__(
        self, http: Http, url: str, part: Path, largest: int, progress: Callable[[int, int | None], None]
    ) -> None:
        self._http, self._url, self._part, self._largest, self._progress = http, url, part, largest, progress
        self.mark = part.with_name(f"{part.name}.json")
        self.farthest = 0
        self._bad, self._slow = False, 0
        self.resumed = self._resumable()[1]

    def repeat(self, packing: Packing | None, digest: str | None) -> tuple[int, str]:
        """Try until the file is there: its size and SHA-256. Raises BadFileError where each time another thing came."""
        try:
            return self._http.repeat(lambda: self.attempt(packing, digest), self._url, lambda: self.farthest)
        except GoneError:
            raise
        except FetchError as error:
            if self._bad and not self._http.closed:
                raise BadFileError(str(error)) from error
            raise

    def attempt(self, packing: Packing | None, digest: str | None) -> tuple[int, str]:
        """Size and SHA-256 of the complete file."""
        self._bad = False
        mark, there = self._resumable()
        headers = {"Accept-Encoding": "identity"}
        if there:
            headers |= {"Range": f"bytes={there}-", "If-Range": mark}
        with self._http.answer(self._url, headers) as answer:
            whole = self._take(answer, there)
        try:
            return self._part.stat().st_size, _checked(self._part, whole, packing, digest)
        except NotTrustedError:
            self._bad = True
            self._drop()
            raise

    def _take(self, answer: urllib3.BaseHTTPResponse, there: int) -> int | None:
        """Write the body behind what is there, or anew. Size of the whole file, None where it was not said."""
        head = {key.lower(): value for key, value in answer.headers.items()}
        if answer.status == 416 and there:
            self._drop()
            raise NotTrustedError("the file has changed since it was begun")
        if answer.status not in (200, 206):
            body = answer.read(4096, decode_content=True)
            self._http.judge(Reply(answer.status, head, body, self._url))
            raise NotTrustedError(f"expected the file, got HTTP {answer.status}")
        if answer.status == 206:
            whole = _whole_of(head.get("content-range", ""), there)
            if whole is None:
                self._drop()
                raise NotTrustedError(f"asked for the bytes from {there} on, got {head.get('content-range')!r}")
        else:
            there, whole = 0, whole_number(head.get("content-length"))
            self._keep_mark(head)
        if whole is not None and whole > self._largest:
            raise FetchError(
                f"{self._http.host}: expected at most {self._largest:,} bytes, got {whole:,} ({self._url})"
            )
        self._write(answer, there, whole, "html" in head.get("content-type", "").lower())
        return whole

    def _write(self, answer: urllib3.BaseHTTPResponse, there: int, whole: int | None, page: bool) -> None:
        with self._part.open("r+b" if there else "wb") as file:
            file.seek(there)
            since, before = self._http.clock.monotonic(), there
            while piece := answer.read1(_PIECE, decode_content=False):
                since, before = self._pace(since, before, there + len(piece), whole)
                if page or (there == 0 and piece[:64].lstrip().startswith(b"<")):
                    self._bad = True
                    self._drop()
                    title = page_title(piece)
                    raise NotTrustedError(f"expected a file, got a web page{f' titled {title!r}' if title else ''}")
                file.write(piece)
                there += len(piece)
                self.farthest = max(self.farthest, there)
                if there > self._largest:
                    self._refuse_size("more")
                self._progress(there, whole)
            file.flush()
            os.fsync(file.fileno())

    def _pace(self, since: float, before: int, there: int, whole: int | None) -> tuple[float, int]:
        """From when on, and from how many bytes, the pace counts. Raises NotTrustedError where it is too slow, and
        FetchError after some times."""
        now, longest = self._http.clock.monotonic(), self._http.longest
        if there - before >= _LEAST or there == whole:
            return now, there
        if now - since <= longest:
            return since, before
        self._slow += 1
        told = f"{there - before:,} bytes in {now - since:,.0f} s"
        if self._slow >= _SLOW:
            raise FetchError(f"{self._http.host}: {told}: too slow; what came is kept, try again later ({self._url})")
        raise NotTrustedError(f"{told}: too slow")

    def tidy(self) -> None:
        """Remove what no later attempt could use."""
        if not self._resumable()[1]:
            self._part.unlink(missing_ok=True)
            self.mark.unlink(missing_ok=True)

    def _refuse_size(self, got: str) -> NoReturn:
        self._drop()
        raise FetchError(f"{self._http.host}: expected at most {self._largest:,} bytes, got {got} ({self._url})")

    def _resumable(self) -> tuple[str, int]:
        """The server's mark of what an earlier attempt has left, and its size; "" and 0 where it is of no use."""
        try:
            kept: Any = json.loads(self.mark.read_text(encoding="utf-8"))
            size = self._part.stat().st_size
        except (OSError, ValueError):
            return "", 0
        if not isinstance(kept, dict) or kept.get("url") != self._url or not isinstance(kept.get("mark"), str):
            return "", 0
        return (kept["mark"], size) if kept["mark"] and size else ("", 0)

    def _keep_mark(self, head: Mapping[str, str]) -> None:
        """Empty the file and note its mark, in an order that never leaves old bytes beside a new mark."""
        self._drop()
        tag = head.get("etag", "")
        mark = tag if tag and not tag.startswith("W/") else head.get("last-modified", "")
        self.mark.write_text(json.dumps({"url": self._url, "mark": mark}), encoding="utf-8")

    def _drop(self) -> None:
        self.mark.unlink(missing_ok=True)
        self._part.write_bytes(b"")


def _whole_of(content_range: str, first: int) -> int | None:
    """The size of the whole file by a Content-Range that begins at ``first`` and goes to its end; None otherwise."""
    unit, _, rest = content_range.partition(" ")
    span, _, total = rest.partition("/")
    begin, _, end = span.partition("-")
    numbers = whole_number(begin), whole_number(end), whole_number(total)
    if unit != "bytes" or None in numbers or numbers[0] != first or numbers[1] != (numbers[2] or 0) - 1:
        return None
    return numbers[2]


def _checked(part: Path, whole: int | None, packing: Packing | None, digest: str | None) -> str:
    """The SHA-256 of a complete file. Raises NotTrustedError."""
    size = part.stat().st_size
    if size == 0:
        raise NotTrustedError("expected a file, got an empty one")
    if whole is not None and size != whole:
        raise NotTrustedError(f"expected {whole:,} bytes, got {size:,}")
    if packing == "gzip":
        _unpack(part)
    elif packing == "zip":
        _unzip(part, size)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if digest is not None and found != digest.lower():
        raise NotTrustedError(f"expected a file with SHA-256 {digest.lower()}, got {found}")
    return found


def _unpack(part: Path) -> None:
    unpacked = 0
    try:
        with gzip.open(part) as file:
            while piece := file.read(_PIECE):
                unpacked += len(piece)
                if unpacked > _LARGEST:
                    raise FetchError(f"{part.name}: unpacks to more than {_LARGEST >> 30} GB, which no market data do")
    except (OSError, EOFError, zlib.error) as error:
        raise NotTrustedError(f"expected a gzip file that can be unpacked, got {error}") from None


def _unzip(part: Path, size: int) -> None:
    try:
        with zipfile.ZipFile(part) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise FetchError(f"{part.name}: unpacks to more than {_LARGEST >> 30} GB, which no market data do")
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError, NotImplementedError) as error:
        raise NotTrustedError(f"expected a zip archive that can be unpacked, got {size:,} bytes: {error}") from None
    if bad is not None:
        raise NotTrustedError(f"expected a zip archive that can be unpacked: {bad!r} in it is damaged")


@contextmanager
def _claimed(to: Path) -> Iterator[Path]:
    """The name of the unfinished file, for this process alone: another that fetches the same uses the next name."""
    for number in range(1, 100):
        part = to.with_name(f"{to.name}.part" if number == 1 else f"{to.name}.{number}.part")
        handle = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _locked(handle, part):
                yield part
                return
        finally:
            os.close(handle)
    raise DataError(f"{to}: a hundred processes fetch it; end them")


def _locked(handle: int, part: Path) -> bool:
    """Whether the lock, which ends with the process, was free, and the file still has its name."""
    try:
        import fcntl
    except ImportError:  # Windows: no locks
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), part.stat())
    except OSError:
        return False


@contextmanager
def _writing(to: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = ": make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise DataError(f"cannot write {to}: {error.strerror or error}{full}; what has come so far is kept") from error
