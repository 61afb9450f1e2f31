"""Packed files: what they hold is read as a stream, and what cannot be trusted is refused whole."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from halfspread.datafeeds.importers import streams
from halfspread.datafeeds.importers.archives import Source, digest_of, sources
from halfspread.errors import DataError

TEXT = b"ts,price\n1,2\n"


def read(path: Path, limit: int | None = None) -> dict[str, bytes]:
    found = {}
    for source in sources(path, limit):
        with source.open() as stream:
            found[source.member or source.name] = stream.read()
    return found


def drain(source: Source, taken: list[int]) -> None:
    with source.open() as stream:
        while part := stream.read(1 << 16):
            taken.append(len(part))


def tar_of(path: Path, *members: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            member.size = len(TEXT) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(TEXT) if member.isreg() else None)
    return path


def test_plain_gzip_zstd_zip_and_tar_hold_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT))
    with pa.CompressedOutputStream(str(tmp_path / "a.csv.zst"), "zstd") as out:
        out.write(TEXT)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", TEXT)
    tar_of(tmp_path / "a.tar.gz", tarfile.TarInfo("a.csv"))
    tar_of(tmp_path / "a.tar", tarfile.TarInfo("a.csv"), mode="w")
    for name in ("a.csv", "a.csv.gz", "a.csv.zst", "a.zip", "a.tar.gz", "a.tar"):
        assert read(tmp_path / name) == {"a.csv": TEXT}, name


def test_a_gzip_without_its_ending_is_a_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(gzip.compress(TEXT) + gzip.compress(TEXT))
    assert read(tmp_path / "a.csv") == {"a.csv": TEXT + TEXT}


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:\\evil.csv"])
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_member_that_climbs_out_is_refused_and_nothing_is_written(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "inner" / f"a.{kind}"
    path.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fine.csv", TEXT)
            archive.writestr(zipfile.ZipInfo(name), TEXT)
    else:
        tar_of(path, tarfile.TarInfo("fine.csv"), tarfile.TarInfo(name))
    with pytest.raises(DataError, match="climbs out of its folder; nothing of this archive was read"):
        sources(path)
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == [path.name]


@pytest.mark.parametrize(
    ("kind", "word"), [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.CHRTYPE, "device")]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, word: str) -> None:
    member = tarfile.TarInfo("a.csv")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(DataError, match=f"is a {word}; nothing"):
        sources(tar_of(tmp_path / "a.tar.gz", member))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        sources(tmp_path / "a.zip")


def test_archives_inside_archives_are_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.csv.gz", gzip.compress(TEXT))
    with pytest.raises(DataError, match=r"b.csv.gz: a gzip inside an archive"):
        sources(tmp_path / "a.zip")
    (tmp_path / "b.gz").write_bytes(gzip.compress(gzip.compress(TEXT)))
    with pytest.raises(DataError, match="a gzip that holds a gzip"):
        sources(tmp_path / "b.gz")


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_bomb_is_refused_long_before_its_end(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_FREE", 1 << 20)
    path = tmp_path / f"a.{kind}"
    data = bytes(1 << 24)
    if kind == "gz":
        path.write_bytes(gzip.compress(data))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", data)
    (source,) = sources(path)
    taken: list[int] = []
    with pytest.raises(DataError, match=r"200 times its size.*--max-unpacked"):
        drain(source, taken)
    assert sum(taken) < 1 << 23
    assert len(read(path, 1 << 25)[source.member or source.name]) == 1 << 24
    with pytest.raises(DataError, match="--max-unpacked"):
        read(path, 1 << 20)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(range(256)) * 4000)
    cases = {
        "short.gz": (packed[:-20], "stops short"),
        "crc.gz": (packed[:-8] + b"\0\0\0\0" + packed[-4:], "damaged gzip"),
        "tail.gz": (packed + b"garbage", "damaged gzip"),
        "empty.csv": (b"", "an empty file"),
        "empty.csv.gz": (gzip.compress(b""), "an empty file"),
        "b.bz2": (b"BZh91AY", "bzip2, which is not read"),
        "s.xlsx": (b"PK\x05\x06" + bytes(18), "an empty zip"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=message):
            read(tmp_path / name)


def test_a_zip_whose_checksum_is_wrong_or_that_is_cut_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"ts,price", b"ts,prixe", 1))
    with pytest.raises(DataError, match="damaged zip"):
        read(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(data[:-30])
    with pytest.raises(DataError, match="damaged zip"):
        read(tmp_path / "a.zip")


def test_a_tar_that_is_cut_is_named(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", tarfile.TarInfo("a.csv"), mode="w")
    path.write_bytes(path.read_bytes()[:515])
    with pytest.raises(DataError, match=r"a\.tar"):
        read(path)


def test_folders_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got a folder"):
        sources(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        sources(tmp_path / "none.csv")


def test_the_digest_is_of_the_file_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
