"""Stored bars against the bars that stored trades make.

Every bar that lies in a covered span of the trades is rebuilt and compared in every column that it has: prices and
counts must be equal, sums to `SUMS` of themselves (floating point), and the vwap to what its venue rounds away. A bar
without trades must have no volume. The open may be that of the first trade or the close before (BitMEX): which one is
said in a note where it is the latter. Up to `SOME` of the bars may differ (a warning that lists them; trades off the
book, such as block trades, are in one and not in the other), beyond that it is an error. Where under `MATCH` of the
bars have the high, low and close of their trades, other stamps are tried: a bar earlier and later (bars stamped at
their end), and whole hours to twelve (a zone); a shift that fits `MATCH` of them is named. No false alarms on
generated trades.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.datafeeds.quality.amounts import SATOSHI, WHOLE
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.gaps import length_text
from halfspread.datafeeds.quality.places import Places
from halfspread.datafeeds.quality.subject import Subject
from halfspread.datafeeds.quality.trade_bars import Bars
from halfspread.engine.times import HOUR, Floats, Integers, time_text

__all__ = ["TradeComparison"]

SUMS = 1e-9
SOME = 0.02
MATCH = 0.95
#: Bars that a shift is tried on.
TRIED = 20_000
FIELDS = ("open", "high", "low", "close", "volume", "turnover", "vwap", "trades", "last_size")


class TradeComparison:
    """Compare blocks of bars with the bars of trades of the same span (missing ones: no trades)."""

    name = "bars_trades"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._differ = Places()
        self._by_field: dict[str, int] = {}
        self._carried = Places(most=3)
        self._bars = self._opens = 0
        self._close = np.nan
        self._kept: list[tuple[Integers, Floats]] = []
        self._built: list[tuple[Integers, Floats]] = []

    def add(self, ts: Integers, stored: dict[str, Floats], built: Bars) -> None:
        """Take stored bars at ``ts`` and those that their trades make."""
        self._keep(ts, stored, built)
        rows = np.searchsorted(built["ts"], ts)
        there = np.append(built["ts"], -1)[rows] == ts
        wrong = {name: self._wrong(name, stored, built, rows, there) for name in FIELDS if name in stored}
        carried = self._carried_opens(ts, stored, wrong, there)
        self._carried.add(ts[carried], lambda i: "opens at the close before")
        any_wrong = np.any(list(wrong.values()), axis=0)
        at = np.flatnonzero(any_wrong)

        def text(i: int) -> str:
            row, parts = int(at[i]), []
            for name, bad in wrong.items():
                if bad[row]:
                    own = f"{built[name][rows[row]]:.10g}" if there[row] else "nothing"
                    parts.append(f"{name} {stored[name][row]:.10g}, trades say {own}")
            return "; ".join(parts)

        self._differ.add(ts[at], text, self.subject.interval)
        for name, bad in wrong.items():
            if bad.any():
                self._by_field[name] = self._by_field.get(name, 0) + int(np.count_nonzero(bad))
        self._bars += len(ts)
        self._opens += int(np.count_nonzero(there))
        self._close = float(stored["close"][-1]) if len(ts) else self._close

    def _carried_opens(self, ts: Integers, stored: dict[str, Floats], wrong: dict[str, Any], there: Any) -> Any:
        """Bars whose open is the close before and not the first trade's; they are not counted as wrong."""
        before = np.r_[self._close, stored["close"][:-1]]
        together = np.diff(np.r_[0, ts]) == self.subject.interval
        if len(ts) and np.isfinite(self._close):
            together[0] = True
        carried = wrong["open"] & there & together & (stored["open"] == before)
        wrong["open"] = wrong["open"] & ~carried
        if len(ts) and not np.isfinite(self._close) and not (wrong["high"] | wrong["low"] | wrong["close"])[0]:
            wrong["open"][0] = False  # the close before it is not known
        return carried

    def _wrong(self, name: str, stored: dict[str, Floats], built: Bars, rows: Integers, there: Any) -> Any:
        values = stored[name]
        known = np.isfinite(values)
        own = np.append(built[name], np.nan)[rows]
        near = np.abs(values - own) <= self._slack(name, built, rows)
        without = values == 0.0 if name in ("volume", "turnover", "trades") else np.ones(len(values), bool)
        unknown = ~known | np.isnan(own) if name in ("turnover", "vwap", "last_size") else np.zeros(len(values), bool)
        return np.where(there, ~(near | unknown), ~(without | ~known))

    def _slack(self, name: str, built: Bars, rows: Integers) -> Floats:
        if name in ("open", "high", "low", "close", "trades", "last_size"):
            return np.zeros(len(rows))
        size: Floats = np.abs(np.append(built[name], np.nan)[rows])
        if name == "turnover":
            linear = self.subject.instrument is not None and self.subject.instrument.kind == "linear"
            return SUMS * size + (1e-4 if linear else 1e-9)
        if name == "vwap":
            instrument = self.subject.instrument
            whole = WHOLE * SATOSHI / instrument.multiplier if instrument and instrument.kind == "inverse" else 0.0
            return 1e-6 * size + whole * size**2
        return SUMS * size

    def _keep(self, ts: Integers, stored: dict[str, Floats], built: Bars) -> None:
        if sum(len(each[0]) for each in self._kept) < TRIED:
            names = ("high", "low", "close")
            self._kept.append((ts, np.stack([stored[name] for name in names])))
            self._built.append((built["ts"], np.stack([built[name] for name in names])))

    def _share(self, shift: int) -> float:
        """Share of rebuilt bars whose high, low and close the stored bar ``shift`` later has."""
        ts = np.concatenate([each[0] for each in self._kept])
        stored = np.concatenate([each[1] for each in self._kept], axis=1)
        times = np.concatenate([each[0] for each in self._built]) + shift
        built = np.concatenate([each[1] for each in self._built], axis=1)
        rows = np.searchsorted(ts, times)
        found = np.append(ts, -1)[rows] == times
        if not found.any():
            return 0.0
        return float((stored[:, rows[found]] == built[:, found]).all(axis=0).mean())

    def _shift(self) -> int:
        """The stamp's shift in ns that fits, 0 where the stamps fit or none does."""
        if not self._kept or self._share(0) >= MATCH:
            return 0
        length = self.subject.interval
        tried = {length, -length, *(hours * HOUR * sign for hours in range(1, 13) for sign in (1, -1))}
        best = max(sorted(tried, key=abs), key=self._share)
        return best if self._share(best) >= MATCH else 0

    @property
    def bars(self) -> int:
        """Bars compared."""
        return self._bars

    def findings(self) -> list[Finding]:
        """What was found."""
        shift = self._shift()
        if shift:
            ts = np.concatenate([each[0] for each in self._kept])
            words = (
                f"bars are stamped {length_text(abs(shift))} {'late' if shift > 0 else 'early'}: so shifted, "
                f"{self._share(shift):.1%} of them have the high, low and close of their trades, as they are "
                f"{self._share(0):.1%}"
            )
            if shift == self.subject.interval:
                words += " (a bar stamped at its end; the store stamps bars at their open)"
            return [Finding("stamps", "error", int(ts[0]), int(ts[-1]) + 1, len(ts), words)]
        fields = ", ".join(f"{name} in {count:,}" for name, count in self._by_field.items())
        words = f"{self._differ.count:,} of {self._bars:,} bars not as their trades make them: {fields}"
        if self._differ:
            first = self._differ.examples[0]
            words += f"; {time_text(first.start)}: {first.text}"
        severity = "error" if self._differ.count > max(SOME * self._bars, 1) else "warning"
        note = (
            f"{self._carried.count:,} of {self._opens:,} bars with the close before as their open, not the first trade:"
            " the venue's convention"
        )
        found = self._differ.finding("bars_trades", severity, words)  # type: ignore[arg-type]
        return found + self._carried.finding("open", "note", note)
