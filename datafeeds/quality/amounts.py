"""Volume against turnover, and the mean price against low and high.

Looks for: turnover per contract (inverse: contracts per turnover) outside [low, high], and a vwap outside them: both
are means of prices at which the bar traded, so both are impossible. A warning for up to `SYSTEMATIC` of the bars, an
error beyond it: then volume or turnover is in another unit. What rounding can do is allowed: each trade's value may
be off by one of the settle currency's smallest units (a satoshi; `CENT` of a linear contract's currency), a printed
vwap by `DIGIT`, and the value of an inverse contract by a satoshi and a half: BitMEX values each contract at whole
satoshi in turnover, and once more (down) in vwap, which is 1 in 10,000 of the price at 6,000 USD, and 1 in 1,000 at
60,000. No false alarms on generated bars, and none in the five years of XBTUSD.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import Floats, Integers

__all__ = ["AmountCheck"]

#: Smallest units: inverse and quanto contracts settle in coins of 1e-8; linear turnover is printed with four decimals.
SATOSHI, CENT = 1e-8, 1e-4
#: Satoshi that the value of an inverse contract may be off: half of one in turnover, one more in vwap.
WHOLE = 1.5
#: Relative error that a printed vwap or a sum of rounded values is allowed.
DIGIT = 2e-6
#: Share of bars from which the unit is wrong, not a bar.
SYSTEMATIC = 0.05


class AmountCheck:
    """Turnover and vwap of trade bars."""

    name = "amounts"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._turnover, self._vwap = Places(), Places()
        self._ratios: list[float] = []
        self._bars = self._vwaps = 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        volume, turnover, vwap = block.number("volume"), block.get("turnover"), block.get("vwap")
        lows, highs = block.number("low"), block.number("high")
        slack = self._slack(block, turnover)
        if turnover is not None and self.subject.instrument is not None:
            price = self.subject.value_price(volume, turnover)
            checked = (volume > 0.0) & (turnover > 0.0) & (lows > 0.0)
            wrong = checked & ((price < lows * (1.0 - slack)) | (price > highs * (1.0 + slack)))
            wrong |= (volume > 0.0) & (turnover <= 0.0) & (lows > 0.0)
            self._bars += int(np.count_nonzero(volume > 0.0))
            rows = np.flatnonzero(wrong)
            off = np.abs(np.log(np.maximum(price[rows], 1e-300) / highs[rows]))
            self._turnover.add(block.ts[rows], lambda i: _text(price, lows, highs, rows, i), self._length, off)
            if len(rows):
                self._ratios = [*self._ratios, *np.median(price[rows] / highs[rows], keepdims=True).tolist()][-1000:]
        if vwap is not None:
            known = np.isfinite(vwap)
            wrong = known & ((vwap < lows * (1.0 - slack)) | (vwap > highs * (1.0 + slack)))
            self._vwaps += int(np.count_nonzero(known))
            at = np.flatnonzero(wrong)
            self._vwap.add(block.ts[at], lambda i: _text(vwap, lows, highs, at, i), self._length)

    @property
    def _length(self) -> int:
        return self.subject.interval

    def _slack(self, block: Block, turnover: Floats | None) -> Floats:
        """Relative error that rounding may make in each bar's mean price."""
        if turnover is None:
            return np.full(len(block), DIGIT)
        trades = block.get("trades")
        rounded = np.ones(len(block)) if trades is None else np.maximum(np.nan_to_num(trades, nan=1.0), 1.0)
        linear = self.subject.instrument is not None and self.subject.instrument.kind == "linear"
        with np.errstate(divide="ignore", invalid="ignore"):
            share = rounded * (CENT if linear else SATOSHI) / turnover
        slack = DIGIT + np.nan_to_num(share, nan=0.0, posinf=0.0)
        instrument = self.subject.instrument
        if instrument is not None and instrument.kind == "inverse":
            slack += WHOLE * SATOSHI * block.number("high") / instrument.multiplier
        return slack

    def findings(self) -> list[Finding]:
        """What was found."""
        share = self._turnover.count / max(self._bars, 1)
        words = (
            f"{many(self._turnover.count, 'bar')} with a turnover that the volume cannot have at prices within the bar"
        )
        if share > SYSTEMATIC:
            ratio = float(np.median(self._ratios))
            words += f" ({share:.1%}): the mean price it implies is {ratio:.4g} times the high; is a unit another one?"
        return [
            *self._turnover.finding("amounts", "error" if share > SYSTEMATIC else "warning", words),
            *self._vwap.finding(
                "amounts",
                "error" if self._vwap.count > SYSTEMATIC * self._vwaps else "warning",
                f"{many(self._vwap.count, 'bar')} with a vwap outside low and high",
            ),
        ]


def _text(price: Floats, lows: Floats, highs: Floats, rows: Integers, i: int) -> str:
    row = int(rows[i])
    return f"mean price {price[row]:.10g} outside {lows[row]:.10g} to {highs[row]:.10g}"
