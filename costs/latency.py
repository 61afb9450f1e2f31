"""How long messages take: an order to the exchange, its answer back, and market data to the agent.

Delays are lengths of time on the outside ("5ms") and integer nanoseconds on the inside, from 0 to one hour. What a
delay hands to the event loop is a table (``Delay.table``) that ``costs.kernels.delay_at`` looks values up in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from halfspread.costs.base import Integers, Model
from halfspread.costs.durations import HOUR, Duration, duration_text, parse_duration
from halfspread.costs.records import DELAY_DRAWN, DELAY_FIXED, DELAY_RECORDED

__all__ = ["DRAWS", "MAX_DELAY", "Delay", "DelayTable", "Latency"]

MAX_DELAY = HOUR
DRAWS = 65_536

#: Mode (DELAY_FIXED, DELAY_DRAWN, DELAY_RECORDED), times int64 (n,) and delays int64 (n,), nanoseconds.
DelayTable = tuple[int, Integers, Integers]

#: The lengths of time that each kind is made of.
_FIELDS: dict[str, tuple[str, ...]] = {
    "none": (),
    "fixed": ("delay",),
    "lognormal": ("median", "sigma", "floor"),
    "normal": ("mean", "deviation", "floor"),
    "empirical": ("samples_ns",),
    "recorded": ("times_ns", "delays_ns"),
}
_REQUIRED = {"delay", "median", "sigma", "mean", "deviation", "samples_ns", "times_ns", "delays_ns"}


class Delay(Model):
    """The delay of one kind of message: ``none``, ``fixed``, ``lognormal``, ``normal``, ``empirical`` or ``recorded``.

    ``lognormal``: floor + (median - floor) x exp(sigma z); ``normal``: mean + deviation x z, at least the floor; z is
    standard normal. ``empirical``: drawn from ``samples_ns`` with replacement. ``recorded``: the last of ``delays_ns``
    whose time (``times_ns``, sorted, UTC) is not later holds; the first one before that. Arrays in nanoseconds.
    """

    kind: Literal["none", "fixed", "lognormal", "normal", "empirical", "recorded"]
    delay: Duration | None = None
    median: Duration | None = None
    sigma: float | None = Field(default=None, ge=0.0, le=3.0)
    mean: Duration | None = None
    deviation: Duration | None = None
    floor: Duration | None = None
    samples_ns: tuple[int, ...] | None = Field(default=None, repr=False)
    times_ns: tuple[int, ...] | None = Field(default=None, repr=False)
    delays_ns: tuple[int, ...] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        takes = _FIELDS[self.kind]
        for name in type(self).model_fields:
            given = getattr(self, name) not in (None, ())
            if name != "kind" and given and name not in takes:
                raise ValueError(f"{name}: kind {self.kind!r} takes {', '.join(takes) or 'nothing'}")
            if name in takes and name in _REQUIRED and not given:
                raise ValueError(f"{name}: kind {self.kind!r} needs it")
        for name in ("delay", "median", "mean", "deviation", "floor"):
            if self._ns(name) > MAX_DELAY:
                raise ValueError(f"{name}: expected a delay of at most 1h, got {getattr(self, name)!r}")
        _check_delays("samples_ns", self.samples_ns or ())
        _check_delays("delays_ns", self.delays_ns or ())
        self._check_distribution()
        self._check_recording()
        return self

    def _check_distribution(self) -> None:
        if self.kind == "lognormal" and self._ns("floor") >= self._ns("median"):
            raise ValueError(f"floor: expected less than the median {self.median!r}, got {self.floor!r}")
        if self.kind == "lognormal" and self._ns("median") * math.exp(5.0 * (self.sigma or 0.0)) > MAX_DELAY:
            raise ValueError(f"sigma: {self.sigma:g} with a median of {self.median!r} gives delays of more than 1h")

    def _check_recording(self) -> None:
        times, delays = self.times_ns or (), self.delays_ns or ()
        if len(times) != len(delays):
            raise ValueError(f"delays_ns: expected one for each of the {len(times)} times, got {len(delays)}")
        late = np.flatnonzero(np.diff(np.array(times, np.int64)) <= 0)
        if late.size:
            raise ValueError(f"times_ns: row {int(late[0]) + 1}: expected a later time than the row before it")

    @classmethod
    def none(cls) -> Self:
        """No delay."""
        return cls(kind="none")

    @classmethod
    def fixed(cls, delay: int | float | str) -> Self:
        """Always the same."""
        return cls(kind="fixed", delay=delay)

    @classmethod
    def lognormal(cls, median: int | float | str, sigma: float, floor: int | float | str = "0s") -> Self:
        """A long tail: floor + (median - floor) x exp(sigma z); e.g. ``lognormal("5ms", 0.5, floor="1ms")``."""
        return cls(kind="lognormal", median=median, sigma=sigma, floor=floor)

    @classmethod
    def normal(cls, mean: int | float | str, deviation: int | float | str, floor: int | float | str = "0s") -> Self:
        """Normal around ``mean``; what falls below ``floor`` is ``floor``."""
        return cls(kind="normal", mean=mean, deviation=deviation, floor=floor)

    @classmethod
    def empirical(cls, samples_ns: Sequence[int] | Integers) -> Self:
        """Drawn with replacement from measured delays in nanoseconds, in no particular order."""
        return cls(kind="empirical", samples_ns=_whole(samples_ns))

    @classmethod
    def recorded(cls, times_ns: Sequence[int] | Integers, delays_ns: Sequence[int] | Integers) -> Self:
        """Measured delays in nanoseconds by time (UTC, sorted): the last known one holds."""
        return cls(kind="recorded", times_ns=_whole(times_ns), delays_ns=_whole(delays_ns))

    @property
    def is_zero(self) -> bool:
        """Whether every message arrives at once."""
        return self.kind == "none" or (self.kind == "fixed" and self._ns("delay") == 0)

    def table(self, rng: np.random.Generator) -> DelayTable:
        """Mode, times and delays for the event loop, in nanoseconds.

        DELAY_FIXED: one delay; DELAY_DRAWN: ``DRAWS`` delays drawn from ``rng``, which the loop takes in turn and again
        from the start; DELAY_RECORDED: sorted times and the delay from each on. Only drawn kinds use ``rng``.
        """
        if self.kind == "recorded":
            return DELAY_RECORDED, np.array(self.times_ns, np.int64), np.array(self.delays_ns, np.int64)
        if self.kind in ("none", "fixed"):
            return DELAY_FIXED, np.zeros(1, np.int64), np.array([self._ns("delay")], np.int64)
        return DELAY_DRAWN, np.zeros(1, np.int64), self._drawn(rng)

    def describe(self) -> str:
        """A few words for the report: ``5ms``, ``median 5ms (lognormal, sigma 0.5, at least 1ms)``."""
        if self.kind in ("none", "fixed"):
            return duration_text(self._ns("delay"))
        least = f", at least {duration_text(self._ns('floor'))}" if self._ns("floor") else ""
        if self.kind == "lognormal":
            return f"median {duration_text(self._ns('median'))} (lognormal, sigma {self.sigma:g}{least})"
        if self.kind == "normal":
            spread = duration_text(self._ns("deviation"))
            return f"mean {duration_text(self._ns('mean'))} (normal, standard deviation {spread}{least})"
        values = np.array(self.samples_ns or self.delays_ns, np.int64)
        middle = duration_text(int(np.median(values)))
        if self.kind == "empirical":
            return f"median {middle} (drawn from {len(values):,} measured delays)"
        return f"median {middle} (looked up by time in {len(values):,} recorded delays)"

    def _drawn(self, rng: np.random.Generator) -> Integers:
        if self.kind == "empirical":
            return np.asarray(rng.choice(np.array(self.samples_ns, np.int64), DRAWS), np.int64)
        z, floor = rng.standard_normal(DRAWS), self._ns("floor")
        if self.kind == "lognormal":
            drawn = floor + (self._ns("median") - floor) * np.exp((self.sigma or 0.0) * z)
        else:
            drawn = self._ns("mean") + self._ns("deviation") * z
        whole: Integers = np.clip(np.rint(drawn), floor, MAX_DELAY).astype(np.int64)
        return whole

    def _ns(self, name: str) -> int:
        value = getattr(self, name)
        return 0 if value is None else parse_duration(value)


def _whole(values: Any) -> tuple[int, ...]:
    """A tuple of integers; anything else is left to pydantic, which says what is wrong with it."""
    array = np.asarray(values)
    whole: tuple[int, ...] = tuple(array.tolist()) if array.ndim == 1 else values
    return whole


def _check_delays(name: str, values: tuple[int, ...]) -> None:
    array = np.array(values, np.int64)
    bad = np.flatnonzero((array < 0) | (array > MAX_DELAY))
    if bad.size:
        row = int(bad[0])
        raise ValueError(f"{name}: row {row}: expected nanoseconds from 0 to 1h, got {values[row]}")


class Latency(Model):
    """``order``: from the agent to the exchange; ``response``: from the exchange back (left out: like ``order``);
    ``feed``: of market data, for data that have no local times of their own."""

    order: Delay = Field(default_factory=Delay.none)
    response: Delay = Field(default_factory=Delay.none)
    feed: Delay = Field(default_factory=Delay.none)

    @model_validator(mode="before")
    @classmethod
    def _response_like_order(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("response") is None and "order" in given:
            return {**given, "response": given["order"]}
        return given

    @classmethod
    def none(cls) -> Self:
        """Every message arrives at once."""
        return cls()

    @classmethod
    def fixed(
        cls,
        order: int | float | str,
        response: int | float | str | None = None,
        feed: int | float | str = "0s",
    ) -> Self:
        """Always the same delays, e.g. ``Latency.fixed("10ms")``; ``response`` left out is like ``order``."""
        back = order if response is None else response
        return cls(order=Delay.fixed(order), response=Delay.fixed(back), feed=Delay.fixed(feed))

    @property
    def is_zero(self) -> bool:
        """Whether every message arrives at once."""
        return self.order.is_zero and self.response.is_zero and self.feed.is_zero

    def tables(self, rng: np.random.Generator) -> tuple[DelayTable, DelayTable, DelayTable]:
        """The tables of order, response and feed, drawn in that order."""
        return self.order.table(rng), self.response.table(rng), self.feed.table(rng)

    def describe(self) -> str:
        """One plain sentence for the report, without its full stop."""
        if self.is_zero:
            return "none: orders, their answers and market data arrive at once"
        return (
            f"an order reaches the exchange after {self.order.describe()}, its answer comes back after "
            f"{self.response.describe()}, and market data without local times arrive after {self.feed.describe()}"
        )
