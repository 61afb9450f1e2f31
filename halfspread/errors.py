"""Every error halfspread raises on purpose.

The tree::

    HalfspreadError            something of ours went wrong               exit code 1
      InternalError            a check of our own failed: please report   exit code 1
      FetchError               a venue or a mirror did not answer          exit code 3
      UserError                the input has to change                    exit code 2
        ConfigError            a config file, an override or a parameter
        DataError              market data: bars, funding, prices, files
        InstrumentError        an unknown symbol or an impossible contract
        StrategyError          an agent raised, returned NaN or left its range

A message says what was expected, what was found, where, and how to mend it.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "FetchError",
    "HalfspreadError",
    "InstrumentError",
    "InternalError",
    "StrategyError",
    "UserError",
]


class HalfspreadError(Exception):
    """Base of all errors raised by halfspread; ``exit_code`` is what the command line returns."""

    exit_code: int = 1


class InternalError(HalfspreadError):
    """A check inside halfspread failed; the input is not to blame."""


class FetchError(HalfspreadError):
    """A venue or a mirror did not answer, or not in a form that can be trusted; what was fetched before is kept."""

    exit_code = 3


class UserError(HalfspreadError):
    """The input has to change; the message says where and how."""

    exit_code = 2


class ConfigError(UserError):
    """A config file, a ``--set`` override or a parameter is not usable."""


class DataError(UserError):
    """Market data break a rule that a backtest relies on."""


class InstrumentError(UserError):
    """The instrument is unknown or its numbers contradict each other."""


class StrategyError(UserError):
    """An agent raised, returned a wrong status, or gave a target that is not a number in [-1, 1]."""
