"""Order books: level updates per second from parsed arrays, and messages per second from the wire.

    python -m benchmarks.books [--repeat 7]

A market is generated: a book of 200 levels a side on a grid of ticks whose best prices walk, sent as Bybit sends its
orderbook.200 (a snapshot, then deltas of about 16 levels with string numbers), and as BitMEX sends orderBookL2 (rows
with ids). From the wire, ours (compiled parser and builder, 25 levels after every message) is compared in turns with
``json.loads`` and one sorted dict a side (sortedcontainers), after asserting that both show the same books. Processor
time of one core, the least of some rounds. Writes results/books.json and results/books.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from benchmarks import machine
from halfspread.datafeeds.books.builder import BookBuilder, build_books, joined
from halfspread.datafeeds.books.updates import update_rows
from halfspread.datafeeds.books.wire.parser import WireParser

DEPTH, LEVELS, PER_MESSAGE = 200, 25, 16
MESSAGES = 60_000
BLOCK = 1 << 20
TICK = 0.1
WANTED_UPDATES, WANTED_MESSAGES = 3.0, 150_000.0


class GeneratedBook:
    """A book whose best prices walk; a step gives the levels that changed: (side, tick, size), 0 where it is gone."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.middle = 650_000
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for side in (0, 1):
            for k in range(DEPTH):
                self.sides[side][self.tick(side, k)] = int(self.rng.integers(1, 5_000))

    def tick(self, side: int, place: int) -> int:
        return self.middle - 1 - place if side == 0 else self.middle + place

    def step(self) -> list[tuple[int, int, int]]:
        changes: dict[tuple[int, int], int] = {}
        move = int(self.rng.choice((-1, 0, 0, 0, 0, 0, 0, 1)))
        self.middle += move
        if move:
            gained, lost = (1, 0) if move < 0 else (0, 1)
            for side, old in ((lost, self.tick(lost, -1)), (gained, self.tick(gained, DEPTH))):
                del self.sides[side][old]
                changes[side, old] = 0
            for side, new in ((lost, self.tick(lost, DEPTH - 1)), (gained, self.tick(gained, 0))):
                changes[side, new] = self.sides[side][new] = int(self.rng.integers(1, 5_000))
        near = np.minimum(self.rng.geometric(0.06, PER_MESSAGE), DEPTH) - 1
        for place, size in zip(near.tolist(), self.rng.integers(1, 5_000, PER_MESSAGE).tolist(), strict=True):
            side = size & 1
            tick = self.tick(side, place)
            changes[side, tick] = self.sides[side][tick] = size
        return [(side, tick, size) for (side, tick), size in changes.items()]


def bybit_lines(messages: int) -> bytes:
    """A snapshot and deltas as Bybit's dumps hold them."""
    book = GeneratedBook()
    lines = []
    for u in range(1, messages + 1):
        rows = [(s, t, q) for s in (0, 1) for t, q in book.sides[s].items()] if u == 1 else book.step()
        bids, asks = (
            [
                [f"{tick * TICK:.2f}", f"{size / 1000:.3f}".rstrip("0").rstrip(".")]
                for s, tick, size in rows
                if s == side
            ]
            for side in (0, 1)
        )
        at = 1_700_000_000_000 + 20 * u
        lines.append(
            {
                "topic": f"orderbook.{DEPTH}.BTCUSDT",
                "type": "snapshot" if u == 1 else "delta",
                "ts": at + 2,
                "data": {"s": "BTCUSDT", "b": bids, "a": asks, "u": u, "seq": 7_000_000 + 11 * u},
                "cts": at,
            }
        )
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def bitmex_lines(messages: int) -> bytes:
    """A partial, then updates, inserts and deletes by id, each with a time of receipt."""
    book = GeneratedBook()
    lines: list[bytes] = []

    def add(action: str, rows: list[dict[str, Any]]) -> None:
        stamp = 1_700_000_000_000_000_000 + 20_000_000 * len(lines)
        message = {"table": "orderBookL2", "action": action, "data": rows}
        lines.append(b"%d %s\n" % (stamp, json.dumps(message, separators=(",", ":")).encode()))

    def row(side: int, tick: int, size: int, action: str) -> dict[str, Any]:
        found: dict[str, Any] = {"symbol": "XBTUSD", "id": 8_800_000_000 - tick, "side": ("Buy", "Sell")[side]}
        if action != "delete":
            found["size"] = 100 * size
        if action in ("partial", "insert"):
            found["price"] = round(tick * TICK, 1)
        return found

    add("partial", [row(s, t, q, "partial") for s in (0, 1) for t, q in book.sides[s].items()])
    while len(lines) < messages:
        before = [dict(side) for side in book.sides]
        changes = book.step()
        for action, wanted in (
            ("delete", [c for c in changes if c[2] == 0]),
            ("insert", [c for c in changes if c[2] and c[1] not in before[c[0]]]),
            ("update", [c for c in changes if c[2] and c[1] in before[c[0]]]),
        ):
            if wanted:
                add(action, [row(*change, action) for change in wanted])
    return b"".join(lines)


def ours(venue: str, lines: bytes) -> Any:
    """Books from the wire in blocks, through the compiled parser and builder."""
    parser, builder = WireParser(venue), BookBuilder(LEVELS)
    found = [builder.feed(parser.feed(lines[at : at + BLOCK]).updates) for at in range(0, len(lines), BLOCK)]
    return joined(iter([*found, builder.feed(parser.finish().updates), builder.finish()]))


class PlainBook:
    """A book with json.loads and a sorted dict a side, keys of bids negated."""

    def __init__(self) -> None:
        self.sides = (SortedDict(), SortedDict())
        self.ids: dict[int, float] = {}

    def bybit(self, line: bytes) -> None:
        message = json.loads(line)
        data = message["data"]
        if message["type"] == "snapshot":
            self.sides = (SortedDict(), SortedDict())
        for side, sign, changes in ((self.sides[0], -1.0, data["b"]), (self.sides[1], 1.0, data["a"])):
            for price, size in changes:
                if float(size) == 0.0:
                    side.pop(sign * float(price), None)
                else:
                    side[sign * float(price)] = float(size)

    def bitmex(self, line: bytes) -> None:
        message = json.loads(line[20:])
        action, ids = message["action"], self.ids
        if action == "partial":
            self.sides, self.ids = (SortedDict(), SortedDict()), (ids := {})
        for row in message["data"]:
            which = 0 if row["side"] == "Buy" else 1
            if "price" in row:
                ids[row["id"]] = row["price"] * (2 * which - 1)
            key = ids[row["id"]]
            if action == "delete":
                del self.sides[which][key], ids[row["id"]]
            else:
                self.sides[which][key] = float(row["size"])


def plain(venue: str, lines: bytes) -> Any:
    """The same with a plain book."""
    book, rows = PlainBook(), []
    apply = getattr(book, venue)
    for line in lines.splitlines():
        apply(line)
        bids, asks = book.sides[0].items()[:LEVELS], book.sides[1].items()[:LEVELS]
        rows.append([n for (bid, b), (ask, a) in zip(bids, asks, strict=True) for n in (-bid, b, ask, a)])
    return rows


def clocked(job: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    start = time.process_time()
    job()
    return time.process_time() - start


def wire(venue: str, lines: bytes, repeat: int) -> dict[str, Any]:
    """Messages per second of both, after asserting that they show the same books."""
    count = lines.count(b"\n")
    some = b"".join(lines.splitlines(keepends=True)[: count // 4])
    found = ours(venue, some)
    assert not found.gaps, found.gaps
    assert np.array_equal(found.rows, np.array(plain(venue, some))), f"{venue}: the books differ"
    rounds = [(clocked(lambda: ours(venue, lines)), clocked(lambda: plain(venue, some))) for _ in range(repeat)]
    parsing = min(clocked(lambda: WireParser(venue).feed(lines)) for _ in range(repeat))
    best = min(a for a, _ in rounds), min(b for _, b in rounds)
    return {
        "venue": venue,
        "messages": count,
        "bytes_per_message": len(lines) / count,
        "updates": WireParser(venue).feed(lines).updates.num_rows,
        "ours": count / best[0],
        "parsing": count / parsing,
        "plain": some.count(b"\n") / best[1],
        "rounds": rounds,
    }


def arrays(venue: str, lines: bytes, repeat: int) -> dict[str, Any]:
    """Level updates per second of the builder alone."""
    rows = update_rows(WireParser(venue).feed(lines).updates)
    found = {}
    for name, options in (("every message", {}), ("every 100 ms", {"every": "100ms"})):
        build_books(rows, LEVELS, **options)  # type: ignore[arg-type]
        best = min(clocked(lambda: build_books(rows, LEVELS, **options)) for _ in range(repeat))  # type: ignore[arg-type] # noqa: B023
        found[name] = len(rows) / best
    return {"venue": venue, "updates": len(rows), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    options = parser.parse_args()
    about = machine.describe()
    made = {"bybit": bybit_lines(options.messages), "bitmex": bitmex_lines(options.messages)}
    wires = [wire(venue, lines, options.repeat) for venue, lines in made.items()]
    print(wires, file=sys.stderr)
    built = [arrays(venue, lines, options.repeat) for venue, lines in made.items()]
    report(about, wires, built, options.repeat)


def report(about: Any, wires: list[Any], built: list[Any], repeat: int) -> None:
    """Write the tables."""
    lines = [
        "# Order books",
        "",
        machine.in_words(about),
        "",
        f"A generated book of {DEPTH} levels a side; {LEVELS} levels shown after every message. Processor time of one "
        f"core, the least of {repeat} rounds in turns. Plain: json.loads and a sorted dict a side; it shows the same "
        "books, asserted first.",
        "",
        "| from the wire | bytes a message | levels a message | ours, messages/s | of which parsing alone | MB/s | "
        "plain, messages/s | ours / plain |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in wires:
        lines.append(
            f"| {row['venue']} | {row['bytes_per_message']:.0f} | {row['updates'] / row['messages']:.1f} | "
            f"{row['ours']:,.0f} | {row['parsing']:,.0f} | {row['ours'] * row['bytes_per_message'] / 1e6:.0f} | "
            f"{row['plain']:,.0f} | {row['ours'] / row['plain']:.1f} |"
        )
    lines += ["", "| from arrays | M updates/s, a snapshot every message | every 100 ms |", "|---|---:|---:|"]
    for row in built:
        lines.append(f"| {row['venue']} | {row['every message'] / 1e6:.2f} | {row['every 100 ms'] / 1e6:.2f} |")
    goals = [
        *((f"messages/s from the wire, {row['venue']}", WANTED_MESSAGES, row["ours"]) for row in wires),
        *((f"M updates/s from arrays, {row['venue']}", WANTED_UPDATES, row["every message"] / 1e6) for row in built),
    ]
    lines += ["", "| goal | wanted | got | reached |", "|---|---:|---:|---|"]
    lines += [
        f"| {what} | {wanted:,g} | {got:,.1f} | {'yes' if got >= wanted else 'no'} |" for what, wanted, got in goals
    ]
    machine.write("books", {"machine": about, "wire": wires, "arrays": built, "goals": goals}, lines)


if __name__ == "__main__":
    main()
