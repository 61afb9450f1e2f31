"""A result on disk, to be read back as it was: arrays as they lie in memory (npz), all else as JSON; nothing that runs
when it is read. Only halfspread reads it; what users read is written by `halfspread.commands.replay`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.account_records import FILL
from halfspread.engine.instrument import Instrument
from halfspread.reports.result import Result

__all__ = ["plain_result", "read_result", "write_result"]

_ARRAYS = ("curve_times", "curve_values", "period_records", "order_records")
_TIMES = ("start", "end")
#: Known without the file: by the tape, and by the config.
_APART = ("instruments", "benchmark", "fill_pieces")


def plain_result(result: Result) -> Result:
    """``result`` with all but its arrays as a file would give it back: the same result, whether it was on disk or
    not."""
    return replace(result, **_words(json.loads(_text(result))))


def write_result(result: Result, home: Path) -> None:
    """Write ``result.json`` and ``result.npz``. Raises OSError."""
    arrays = {name: getattr(result, name) for name in _ARRAYS}
    np.savez(home / "result.npz", fills=result.fill_records, **arrays)
    (home / "result.json").write_text(_text(result), encoding="utf-8")


def read_result(home: Path, instruments: Sequence[Instrument]) -> Result:
    """What `write_result` was given, on the ``instruments`` of its tape. Raises OSError, ValueError or KeyError for
    files that are not whole."""
    words = _words(json.loads((home / "result.json").read_text(encoding="utf-8")))
    with np.load(home / "result.npz", allow_pickle=False) as found:
        arrays = {name: found[name] for name in _ARRAYS}
        pieces = [found["fills"].astype(FILL, copy=False)]
    return Result(instruments=tuple(instruments), fill_pieces=pieces, **arrays, **words)


def _text(result: Result) -> str:
    words: dict[str, Any] = {}
    for each in fields(Result):
        if each.name not in (*_ARRAYS, *_APART):
            value = getattr(result, each.name)
            words[each.name] = int(value.as_unit("ns").value) if each.name in _TIMES else value
    return json.dumps(words, default=_default)


def _default(value: Any) -> Any:
    """NumPy's numbers as numbers, anything else as its text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _words(words: dict[str, Any]) -> dict[str, Any]:
    times = {name: pd.Timestamp(words[name], tz="UTC") for name in _TIMES}
    drawdowns = words["streamed_drawdowns"]
    return {**words, **times, "streamed_drawdowns": None if drawdowns is None else tuple(drawdowns)}
