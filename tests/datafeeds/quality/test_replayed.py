"""Book updates in a store are played back: a book that breaks is found with its reason, one that does not is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halfspread.datafeeds.quality.checking import examine
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import SECOND
from tests.datafeeds.quality.made_up import LATE, START, Columns, told

UPDATES = Series("bybit", "BTCUSDT", "book_updates")
MESSAGES = 60


def made_updates() -> Columns:
    """A snapshot of two levels a side, and messages that set the best bid's size; one sequence number each."""
    first = [
        (SNAPSHOT, 1, 100.0, 1.0),
        (SNAPSHOT, 1, 99.9, 1.0),
        (SNAPSHOT, -1, 100.1, 1.0),
        (SNAPSHOT, -1, 100.2, 1.0),
    ]
    rows = [(0, *row) for row in first] + [(i, SET, 1, 100.0, 1.0 + i) for i in range(1, MESSAGES)]
    message, action, side, price, size = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "ts": START + message * SECOND,
        "message": message,
        "action": action,
        "side": side,
        "price": price,
        "size": size,
        "sequence": 1_000 + message,
    }


def findings(folder: Path, columns: Columns) -> list[tuple[str, str, int]]:
    store = Store(folder)
    store.write(UPDATES, columns, Provenance("made up", LATE, clock="received"))
    found = examine(store, UPDATES)
    assert found.beside[0].endswith("played back")
    return told(found.findings)


def test_a_book_that_holds_together_has_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path, made_updates()) == []


def test_a_lost_message_is_found(tmp_path: Path) -> None:
    columns = {name: np.delete(values, 30) for name, values in made_updates().items()}
    assert ("book", "warning", 1) in findings(tmp_path, columns)


def test_a_crossed_book_is_found(tmp_path: Path) -> None:
    columns = made_updates()
    columns["price"][30] = 100.15
    assert ("book", "warning", 1) in findings(tmp_path, columns)


def test_changes_before_the_first_snapshot_are_a_note(tmp_path: Path) -> None:
    columns = made_updates()
    columns["action"][:4] = SET
    assert ("book", "note", 1) in findings(tmp_path, columns)
