"""The section of a config that puts the days of its market in another order: [bootstrap]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from halfspread.configs.fields import Interval, Section
from halfspread.engine.times import DAY, parse_interval
from halfspread.errors import ConfigError

__all__ = ["Bootstrap"]


def _days(value: int | str) -> int | str:
    if value != "auto" and parse_interval(value) < DAY:
        raise ValueError(f"expected 'auto' or a mean length of a day or more, such as '5d', got {value!r}")
    return value


class Bootstrap(Section):
    """A path of the stationary block bootstrap instead of the market as it was."""

    @staticmethod
    def checked(block: str) -> None:
        """Raise ConfigError for what is no length of a block."""
        try:
            _days(block)
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"--block: {error}") from None

    path: int = Field(ge=0, description="number of the path; the same number and seed give the same path")
    seed: int = Field(default=0, ge=0, description="seed of the paths")
    block: Annotated[Literal["auto"] | Interval, AfterValidator(_days)] = Field(
        default="auto", description="mean length of a block, such as 5d; auto: by what the market shows from day to day"
    )
