"""Kinds of parameters that experts share, and checks of them against the instruments of a run."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, Field, StrictFloat, StrictInt

from halfspread.engine.instruments import Instrument
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError

__all__ = ["Interval", "NotNegative", "Positive", "check_contracts", "check_lots", "check_pair"]


def _is_interval(value: str | int | float) -> str | int | float:
    try:
        parse_interval(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return value


#: A length of time: "30s", "5m", "1h", "1d", or a number of seconds.
Interval = Annotated[StrictInt | StrictFloat | str, AfterValidator(_is_interval)]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def check_contracts(name: str, contracts: float, instrument: Instrument) -> None:
    """Raises ConfigError for more or less than the instrument has ever allowed in one order."""
    check_lots(name, contracts, instrument)
    most = instrument.max_contracts or math.inf
    if abs(contracts) > most * (1.0 + 1e-9):
        raise ConfigError(f"{name}: {instrument.symbol} takes {most:g} contracts in one order, got {contracts:g}")


def check_lots(name: str, contracts: float, instrument: Instrument) -> None:
    """Raises ConfigError for less than the smallest order that the instrument has ever allowed."""
    least = max(min(period.lot for period in instrument.lots), instrument.min_contracts or 0.0)
    if abs(contracts) < least * (1.0 - 1e-9):
        raise ConfigError(f"{name}: {instrument.symbol} trades {least:g} contracts or more, got {contracts:g}")


def check_pair(name: str, instruments: tuple[Instrument, ...]) -> None:
    """Raises ConfigError where a run has not exactly two instruments."""
    if len(instruments) != 2:
        symbols = ", ".join(instrument.symbol for instrument in instruments)
        raise ConfigError(f"{name} trades two instruments, and the tape holds {len(instruments)}: {symbols}")
