"""Files that come in one piece or in many, and files that must not get a name."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.download import Downloaded, download
from halfspread.datafeeds.net.http import GoneError, Http, Retries
from halfspread.datafeeds.net.limits import PlainLimits
from halfspread.errors import DataError, FetchError
from tests.datafeeds.net.loopback import Answer, Asked, Loopback

CONTENT = np.random.default_rng(0).bytes(600_000)
PAGE = b"<html><title>Maintenance</title></html>"


class Files:
    """A server of one file that understands ranges. ``cuts``: after how many bytes each answer breaks off."""

    def __init__(self, content: bytes, *cuts: int, tag: str = '"1"', ranges: bool = True) -> None:
        self.content, self.cuts, self.tag, self.ranges = content, list(cuts), tag, ranges

    def __call__(self, asked: Asked) -> Answer:
        cut = self.cuts.pop(0) if self.cuts else None
        marks = {"ETag": self.tag} if self.tag else {}
        wanted = asked.headers.get("range")
        if not wanted or not self.ranges or asked.headers.get("if-range") != self.tag:
            return Answer(self.content, headers=marks, cut=cut)
        first, size = int(wanted.removeprefix("bytes=").rstrip("-")), len(self.content)
        if first >= size:
            return Answer(b"", 416, {"Content-Range": f"bytes */{size}"})
        return Answer(self.content[first:], 206, {**marks, "Content-Range": f"bytes {first}-{size - 1}/{size}"}, cut)


def fetch(server: Loopback, clock: ManualClock, to: Path, attempts: int = 3, **options: Any) -> Downloaded:
    retries = Retries(attempts=attempts)
    return download(Http(server.url, PlainLimits(1e9), clock=clock, timeout=0.5, retries=retries), "f", to, **options)


class Hurried(ManualClock):
    """Each look at it is a second later than the one before."""

    def monotonic(self) -> float:
        self.sleep(1.0)
        return super().monotonic()


def test_a_file_that_drips_is_given_up_and_what_came_is_kept(server: Loopback, tmp_path: Path) -> None:
    with FakeExchange(GeneratedMarket(days=1), Faults(1.0, ("drip",), repeat=None, stall=0.0)) as venue:
        retries = Retries(attempts=9)
        http = Http(venue.dumps, PlainLimits(1e9), clock=Hurried(0), retries=retries, longest=20.0)
        with pytest.raises(FetchError, match=r"bytes in .* s: too slow; what came is kept, try again later"):
            download(http, "data/trade/20240101.csv.gz", tmp_path / "f", packing="gzip")
        assert len(venue.log) == 3


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_with_its_size_and_digest(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT)
    told: list[tuple[int, int | None]] = []
    found = fetch(server, clock, tmp_path / "a" / "f", progress=lambda done, whole: told.append((done, whole)))
    assert found.path.read_bytes() == CONTENT
    assert (found.size, found.digest, found.resumed) == (600_000, hashlib.sha256(CONTENT).hexdigest(), 0)
    assert told[-1] == (600_000, 600_000)
    assert left_in(tmp_path / "a") == ["f"]


def test_a_file_that_breaks_off_is_gone_on_with(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, 250_000, 300_000)
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT
    assert [asked.headers.get("range") for asked in server.log] == [None, "bytes=250000-", "bytes=550000-"]
    assert left_in(tmp_path) == ["f"]


def test_progress_forgives_the_failures_before(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, *[60_000] * 9)
    assert fetch(server, clock, tmp_path / "f", attempts=2).size == 600_000


def test_another_process_goes_on_with_what_is_there(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, 250_000, 0)
    with pytest.raises(FetchError, match="broke off"):
        fetch(server, clock, tmp_path / "f", attempts=1)
    assert left_in(tmp_path) == ["f.part", "f.part.json"]
    found = fetch(server, clock, tmp_path / "f")
    assert (found.path.read_bytes(), found.resumed) == (CONTENT, 250_000)
    assert left_in(tmp_path) == ["f"]


def test_a_file_that_changed_meanwhile_is_begun_again(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, 250_000)
    with pytest.raises(FetchError):
        fetch(server, clock, tmp_path / "f", attempts=1)
    server.answer = Files(CONTENT[::-1], tag='"2"')
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_a_file_without_a_mark_is_begun_again_and_no_part_is_kept(
    server: Loopback, clock: ManualClock, tmp_path: Path, tag: str
) -> None:
    server.answer = Files(CONTENT, 250_000, tag=tag)
    with pytest.raises(FetchError):
        fetch(server, clock, tmp_path / "f", attempts=1)
    assert left_in(tmp_path) == []
    server.answer = Files(CONTENT, 250_000, tag=tag)
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT
    assert all("range" not in asked.headers for asked in server.log)


def test_a_server_without_ranges_sends_all_again(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, 250_000, ranges=False)
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "span", ["bytes 0-599999/600000", "bytes 250000-400000/600000", "items 250000-1/2", "", "bytes */5"]
)
def test_another_piece_than_was_asked_for_is_not_put_behind(
    server: Loopback, clock: ManualClock, tmp_path: Path, span: str
) -> None:
    whole = Files(CONTENT, 250_000)
    server.answer = lambda asked: (
        Answer(CONTENT[:100], 206, {"Content-Range": span}) if "range" in asked.headers else whole(asked)
    )
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_begun_again(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.answer = Files(CONTENT, 250_000)
    with pytest.raises(FetchError):
        fetch(server, clock, tmp_path / "f", attempts=1)
    server.answer = Files(CONTENT[:1000])
    assert fetch(server, clock, tmp_path / "f").path.read_bytes() == CONTENT[:1000]


def packed(content: bytes) -> bytes:
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr(zipfile.ZipInfo("f"), content)
    return inside.getvalue()


@pytest.mark.parametrize(
    ("answer", "options", "said"),
    [
        (Answer(b"", headers={}), {}, "got an empty one"),
        (Answer(PAGE, headers={"Content-Type": "text/html"}), {}, "got a web page titled 'Maintenance'"),
        (Answer(PAGE, headers={"Content-Type": "application/gzip"}), {"packing": "gzip"}, "got a web page"),
        (Answer(gzip.compress(CONTENT)[:-9], headers={}), {"packing": "gzip"}, "expected a gzip file"),
        (Answer(CONTENT, headers={}), {"packing": "gzip"}, "expected a gzip file"),
        (Answer(packed(CONTENT)[:-30], headers={}), {"packing": "zip"}, "expected a zip archive"),
        (Answer(packed(CONTENT).replace(CONTENT[:9], b"something"), headers={}), {"packing": "zip"}, "is damaged"),
        (Answer(CONTENT, headers={}), {"digest": "ab" * 32}, "expected a file with SHA-256 abab"),
        (Answer(b"slow", 503, headers={}), {}, "not able to answer"),
        (Answer(b"no content", 203, headers={}), {}, "expected the file, got HTTP 203"),
        (Answer(CONTENT, headers={}), {"largest": 1000}, "at most 1,000 bytes, got 600,000"),
        (Answer(b"AccessDenied", 403, headers={}), {}, "refused the request (HTTP 403): AccessDenied"),
    ],
)
def test_what_is_no_file_never_gets_its_name(
    server: Loopback, clock: ManualClock, tmp_path: Path, answer: Answer, options: dict[str, Any], said: str
) -> None:
    (tmp_path / "f").write_bytes(b"what was there")
    server.lay_out(answer)
    with pytest.raises(FetchError) as told:
        fetch(server, clock, tmp_path / "f", **options)
    assert said in str(told.value)
    assert left_in(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"what was there"


def test_what_is_packed_well_is_taken(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    for packing, content in (("gzip", gzip.compress(CONTENT)), ("zip", packed(CONTENT))):
        server.answer = Files(content)
        assert fetch(server, clock, tmp_path / "f", packing=packing).path.read_bytes() == content


def test_a_file_that_is_not_there_is_an_error_of_its_own(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    server.lay_out(Answer(b"NoSuchKey", 404))
    with pytest.raises(GoneError):
        fetch(server, clock, tmp_path / "f")
    assert left_in(tmp_path) == []


def test_two_that_fetch_the_same_do_not_disturb_each_other(
    server: Loopback, clock: ManualClock, tmp_path: Path
) -> None:
    serve = Files(CONTENT)
    inner: list[Downloaded] = []

    def answer(asked: Asked) -> Answer:
        if not inner and len(server.log) == 1:
            inner.append(fetch(server, clock, tmp_path / "f"))
        return serve(asked)

    server.answer = answer
    assert fetch(server, clock, tmp_path / "f", attempts=3).path.read_bytes() == CONTENT
    assert len(inner) == 1
    assert left_in(tmp_path) == ["f"]


def test_a_folder_that_cannot_be_written_is_told(server: Loopback, clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        fetch(server, clock, tmp_path / "file" / "f")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_what_to_do(
    server: Loopback, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        with open("/dev/full", "wb", buffering=0) as device:
            device.write(b"x")

    monkeypatch.setattr(os, "fsync", full)
    server.answer = Files(CONTENT)
    with pytest.raises(DataError, match="No space left on device: make room"):
        fetch(server, clock, tmp_path / "f")
    assert not (tmp_path / "f").exists()
