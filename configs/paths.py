"""From the market of a config to one of its paths: blocks of its own days in another order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from halfspread.configs.bootstrap import Bootstrap
from halfspread.datafeeds.bootstrap import daily_series, draw_days, resampled
from halfspread.datafeeds.calendar import Calendar
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, parse_interval
from halfspread.errors import ConfigError
from halfspread.reports.statistics.resamples import BOOTSTRAP_DAYS, block_length

__all__ = ["block_days", "market_path"]

#: Keeps what is drawn for paths apart from what others draw with the same seed.
_STREAM = 6


def market_path(tape: Tape, terms: Bootstrap) -> Tape:
    """The path that ``terms`` name. Raises ConfigError for a block that does not fit, DataError for a tape that is none
    of bars in memory (see `halfspread.datafeeds.bootstrap`)."""
    days, block = Calendar.of(tape).count, block_days(tape, terms)
    rng = np.random.default_rng([terms.seed, _STREAM, terms.path])
    try:
        drawn = draw_days(rng, days, block)
    except ConfigError as error:
        raise ConfigError(f"bootstrap: {error}") from None
    told = f"path {terms.path} of the bootstrap (seed {terms.seed}): {days:,} days in blocks of {block:.3g} on average"
    made = resampled(tape, drawn, told)
    return replace(made, origin={name: f"{text}; {told}" for name, text in tape.origin.items()})


def block_days(tape: Tape, terms: Bootstrap) -> float:
    """Mean length of a block in days. ``auto``: the longest of those that Politis and White (2004, corrected 2009) give
    for the daily returns, their sizes, and the daily sums of funding rates. Raises DataError and ConfigError."""
    if terms.block != "auto":
        return parse_interval(terms.block) / DAY
    found = tape.shared.get("block_days")
    if not isinstance(found, float):
        series = daily_series(tape)
        days = Calendar.of(tape).count
        if days < BOOTSTRAP_DAYS:
            raise ConfigError(
                f"bootstrap.block: {days} days do not show how long a block should be, {BOOTSTRAP_DAYS} might; say it, "
                "such as 3d, or take a longer market"
            )
        tape.shared["block_days"] = found = max(block_length(values) for values in series.values())
    return found
