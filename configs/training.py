"""Which part of the market learners are fitted on: what stands before a moment; every agent is run on what follows."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from halfspread.configs.fields import Moment, Section
from halfspread.costs.durations import Duration, parse_duration

__all__ = ["Training"]


class Training(Section):
    """Where what is learnt from ends, and where what is traded begins."""

    until: Moment = Field(description="learners are fitted on what stands before this time (UTC)")
    embargo: Duration = Field(
        default="0s", description="left out after it, such as 1d, so that nothing learnt reaches into what is traded"
    )

    @property
    def traded_from(self) -> datetime:
        """When the part begins that agents are run on (UTC)."""
        return self.until + timedelta(microseconds=parse_duration(self.embargo) // 1_000)
