"""What a file is, by what stands in it and never by its name alone; a name that says something else is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.tardis import is_tardis
from halfspread.datafeeds.importers.text_tables import TextTable, open_text
from halfspread.errors import ConfigError, DataError

__all__ = ["FORMATS", "Found", "detect"]

#: What --format may say, and what it is in words.
FORMATS = {
    "tardis": "CSV of tardis.dev",
    "hftbacktest": "npz of hftbacktest",
    "json": "JSON of CCXT or freqtrade",
    "feather": "Feather (Arrow)",
    "parquet": "Parquet",
    "csv": "delimited text",
    "bitmex": "daily dump of BitMEX",
    "bybit": "public dump of Bybit",
    "messages": "messages of a venue, one a line",
}
_ENDINGS = {
    ".csv": ("csv", "tardis", "bitmex", "bybit"),
    ".txt": ("csv", "tardis", "bitmex", "bybit", "messages"),
    ".json": ("json", "messages"),
    ".jsonl": ("messages", "json"),
    ".data": ("messages",),
    ".feather": ("feather",),
    ".arrow": ("feather",),
    ".parquet": ("parquet",),
    ".pq": ("parquet",),
    ".npz": ("hftbacktest",),
}
_MAGIC = ((b"PAR1", "parquet"), (b"ARROW1", "feather"), (b"FEA1", "feather"), (b"\x93NUMPY", "hftbacktest"))
_STRANGE = (
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x89HDF", "an HDF5 file; write it as Feather or Parquet"),
    (b"\x80\x02", "a pickle, which can run any program when it is read; write it as Parquet"),
    (b"\x80\x03", "a pickle, which can run any program when it is read; write it as Parquet"),
    (b"\x80\x04", "a pickle, which can run any program when it is read; write it as Parquet"),
    (b"\x80\x05", "a pickle, which can run any program when it is read; write it as Parquet"),
    (b"\x89PNG", "a picture"),
)
_RAW = re.compile(rb"\d{19} \{")
_MT4 = re.compile(r"\d{4}\.\d\d\.\d\d \d\d:\d\d")


@dataclass(frozen=True)
class Found:
    """``format``: one of `FORMATS`; ``why``: what it was told by; ``text``: the table of a text; ``mislabelled``: what
    the name says instead, or ""."""

    format: str
    why: str
    text: TextTable | None = None
    mislabelled: str = ""


def detect(source: Source, given: str | None = None) -> Found:
    """What a file holds. Raises DataError for what is not read, by name where it is known."""
    if given is not None and given not in FORMATS:
        raise ConfigError(f"--format: expected one of {', '.join(FORMATS)}, got {given!r}")
    found = _found(source)
    if given is not None and given != found.format:
        if given == "csv" and found.text is not None:
            found = Found("csv", "--format csv", found.text)
        else:
            raise DataError(
                f"{source}: --format {given} ({FORMATS[given]}), but it is {FORMATS[found.format]} by {found.why}"
            )
    ending = PurePosixPath(source.name).suffix.lower()
    packed = source.path.suffix.lower() in (".gz", ".zst", ".zip")
    wrong = ending in _ENDINGS and found.format not in _ENDINGS[ending]
    label = f"its name ends in {ending}, but it is {FORMATS[found.format]}" if wrong else ""
    if packed and source.packing == "plain" and (found.format, source.path.suffix.lower()) != ("hftbacktest", ".zip"):
        label = f"its name ends in {source.path.suffix}, but it is not packed"
    if source.packing in ("gzip", "zstd") and source.path.suffix.lower() not in (".gz", ".gzip", ".zst", ".zstd"):
        label = f"its name ends in {source.path.suffix or 'nothing'}, but it is a {source.packing}"
    return Found(found.format, found.why, found.text, label)


def _found(source: Source) -> Found:
    head = source.head()
    if not head.strip():
        raise DataError(f"{source}: expected data, got an empty file; download it again")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return Found(name, "its first bytes")
    for magic, name in _STRANGE:
        if head.startswith(magic):
            raise DataError(f"{source}: {name}; expected market data")
    if source.packing == "plain" and head.startswith(b"PK\x03\x04"):
        return Found("hftbacktest", "the arrays in it")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        page = "a web page" if b"<html" in head[:2048].lower() or b"<!doctype" in head[:64].lower() else "XML"
        raise DataError(f"{source}: expected market data, got {page}: {_title(head)}; download it again")
    if start[:1] in b"[{" or _RAW.match(start):
        return Found(*_json_shape(start))
    if b"\x00" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{source}: expected market data, got bytes of an unknown kind; is it packed or encrypted?")
    return _text(source)


def _json_shape(start: bytes) -> tuple[str, str]:
    line = start.split(b"\n", 1)[0]
    if _RAW.match(start):
        return "messages", "lines of a recorder"
    if line.rstrip().endswith(b"}") and any(key in line for key in (b'"topic"', b'"table"', b'"stream"', b'"e":')):
        return "messages", "its first line"
    return "json", "its first character"


def _text(source: Source) -> Found:
    table = open_text(source)
    names = set(table.names)
    if is_tardis(table.names):
        return Found("tardis", "its columns", table)
    if {"timestamp", "symbol"} <= names and (
        {"trdMatchID", "tickDirection"} <= names
        or {"bidSize", "bidPrice", "askPrice", "askSize"} == names - {"timestamp", "symbol"}
    ):
        stamps = table.sample("timestamp")
        if not stamps or stamps[0][10:11] == "D":
            return Found("bitmex", "its columns and times", table)
        if re.fullmatch(r"\d+(\.\d+)?", stamps[0]) and "trdMatchID" in names:
            return Found("bybit", "its columns and times", table)
    if table.rows and _MT4.fullmatch(table.rows[0][0]) and len(table.names) == 6:
        return Found("bybit", "bars of MetaTrader 4", table)
    if {"id", "timestamp", "price", "volume", "side"} <= names <= {"id", "timestamp", "price", "volume", "side", "rpi"}:
        raise DataError(
            f"{source}: a spot dump of Bybit; halfspread trades perpetual swaps; --format csv reads it anyhow"
        )
    return Found("csv", "its columns", table)


def _title(head: bytes) -> str:
    found = re.search(rb"<title[^>]*>([^<]{1,80})", head, re.IGNORECASE)
    text = (found[1] if found else head[:60]).decode("utf-8", "replace")
    return repr(" ".join(text.split()))
