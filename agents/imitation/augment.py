"""More rows of few demonstrations: jitter, the long/short mirror, block bootstrap, and a market at a slower pace.

Rows that are made of others keep their times, rounds and provenance, so that a split by time never parts a row from
what was made of it; ``facts["augmented"]`` says what was done. `clone(augment=...)` makes them of the rows that are
fitted to, after those to judge by were set aside. Hiding features is a setting of a fit (``feature_dropout``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import NUMBERS, WHOLE, ExpertDataset
from halfspread.agents.networks.scaler import Scaler
from halfspread.costs.base import Floats, Integers, Model
from halfspread.engine.bars import Bars
from halfspread.engine.tape import Tape
from halfspread.engine.times import interval_text
from halfspread.errors import ConfigError, DataError

__all__ = ["EVEN", "ODD", "Augmentation", "bootstrapped", "jittered", "mirrored", "signs_of", "slower"]

#: Kinds of features that change their sign where every price p becomes 1 / p and every position its opposite: exactly
#: where they are made of logarithms, signs and volumes, to the first order of the moves where of ratios of prices.
_ODD = (
    "log_return momentum average_gap strength signed_volume range_position last_funding next_funding basis imbalance "
    "micro_price trade_flow depth_imbalance position scaled_return signed_share"
)
ODD = frozenset(_ODD.split())
#: Kinds that stay as they are then.
_EVEN = (
    "volatility volume volume_ratio bar_range day_sine day_cosine week_sine week_cosine to_funding spread "
    "micro_volatility open_pnl age cool_down faded_volatility scaled_range volume_score"
)
EVEN = frozenset(_EVEN.split())


class Augmentation(Model):
    """What is made of demonstrations, in this order; an `Augment` for `clone`.

    ``mirror``: the long/short mirror of every row too; ``signs``: what the mirror does to features that are columns of
    the data, 1 or -1 by name. ``bootstrap``: draw blocks of so many rows, 0 for none. ``jitter``: noise, as a part of
    each feature's deviation, on so many ``copies`` of every row.
    """

    mirror: bool = False
    signs: dict[str, Annotated[int, Field(ge=-1, le=1)]] = Field(default_factory=dict)
    bootstrap: Annotated[int, Field(ge=0)] = 0
    jitter: Annotated[float, Field(ge=0)] = 0.0
    copies: Annotated[int, Field(ge=1)] = 1

    def __call__(self, dataset: ExpertDataset, rng: np.random.Generator) -> ExpertDataset:
        """More rows. Raises ConfigError for a feature whose mirror nobody knows."""
        if self.mirror:
            dataset = mirrored(dataset, self.signs)
        if self.bootstrap:
            dataset = bootstrapped(dataset, self.bootstrap, rng)
        if self.jitter > 0.0:
            dataset = jittered(dataset, self.jitter, rng, copies=self.copies)
        return dataset


def jittered(dataset: ExpertDataset, share: float, rng: np.random.Generator, *, copies: int = 1) -> ExpertDataset:
    """The rows, and ``copies`` of each with normal noise of ``share`` x the deviation of each feature, as the rows have
    it. Features of the agent itself, which it knows, stay as they are; so does the label. Raises ConfigError for a
    share or copies of none."""
    if not (np.isfinite(share) and share > 0.0) or copies < 1:
        raise ConfigError(f"jitter: expected a share above 0 and copies from 1, got {share} and {copies}")
    scale = Scaler.fitted(dataset.observations, dataset.weight).spread * share
    own = np.isin(dataset.features.names, dataset.features.own)
    scale[: dataset.features.stacked][np.tile(own, dataset.features.stack)] = 0.0
    more = dataset.rows(np.tile(np.arange(len(dataset)), copies))
    noise = scale * rng.standard_normal(more.observations.shape)
    more = replace(more, observations=more.observations + noise)
    return _together(dataset, more, {"kind": "jitter", "share": share, "copies": copies})


def mirrored(dataset: ExpertDataset, signs: Mapping[str, int] | None = None) -> ExpertDataset:
    """The rows, and the mirror of each: what the expert would have seen and wanted had prices gone the other way.

    True for an expert that treats both sides alike, and for nobody else. ``signs``: see `signs_of`. Raises ConfigError
    for a feature whose sign nobody knows.
    """
    turn = signs_of(dataset.features, signs)
    more = replace(
        dataset,
        observations=dataset.observations * turn,
        expert=-dataset.expert,
        executed=-dataset.executed,
    )
    return _together(dataset, more, {"kind": "mirror"})


def signs_of(features: FeatureSet, signs: Mapping[str, int] | None = None) -> Floats:
    """What the mirror multiplies each number of an observation by, 1 or -1; ``signs`` for columns of the data, by the
    name of the feature. Raises ConfigError."""
    given = {} if signs is None else dict(signs)
    unknown = [name for name in given if name not in features.names]
    wrong = [name for name, sign in given.items() if sign not in (-1, 1)]
    if unknown or wrong:
        what = f"no feature {unknown[0]!r}" if unknown else f"{wrong[0]}: expected 1 or -1, got {given[wrong[0]]}"
        raise ConfigError(f"mirror: {what}; there are {', '.join(features.names)}")
    if features.reservoir is not None:
        raise ConfigError("mirror: nobody knows the mirror of a reservoir's state; leave out mirror, or the reservoir")
    found = []
    for name, feature in zip(features.names, features.features, strict=True):
        if name in given:
            found.append(float(given[name]))
        elif feature.kind in ODD or feature.kind in EVEN:
            found.append(-1.0 if feature.kind in ODD else 1.0)
        else:
            raise ConfigError(
                f"mirror: nobody knows whether {name} changes its sign where prices go the other way; say "
                f"signs={{{name!r}: -1}}, or 1"
            )
    return np.tile(np.array(found), features.stack)


def bootstrapped(dataset: ExpertDataset, length: int, rng: np.random.Generator) -> ExpertDataset:
    """As many rows, drawn in blocks of ``length`` consecutive ones of an episode, with replacement: what depends on
    what came before stays together (Kuensch 1989, the moving block bootstrap). A block ends where its episode ends.

    Raises ConfigError for a length below 1, DataError without rows.
    """
    if length < 1:
        raise ConfigError(f"bootstrap: expected blocks of one row or more, got {length}")
    if not len(dataset):
        raise DataError("bootstrap: there are no demonstrations to draw from")
    order = np.lexsort((dataset.times, dataset.episode))
    ends = np.searchsorted(dataset.episode[order], dataset.episode[order], side="right")
    places: list[Integers] = []
    count = 0
    while count < len(dataset):
        start = int(rng.integers(len(dataset)))
        block = order[start : min(start + length, int(ends[start]), start + len(dataset) - count)]
        places.append(block)
        count += len(block)
    drawn = dataset.rows(np.concatenate(places))
    return replace(drawn, facts=_told(dataset, {"kind": "bootstrap", "length": length}))


def slower(tape: Tape, factor: int) -> Tape:
    """The same market in bars ``factor`` times as long, to record the expert on at another pace.

    Honest where rows cannot be: features, fills and labels of a real run. Bars stand on whole multiples of the new
    interval since 1970; one that lacks a bar is left out. Opens are first, highs highest, lows lowest, volumes summed,
    everything else last. Funding, mark and index stay as they are. Raises ConfigError for a factor below 2, DataError
    for a tape that is streamed, holds more than bars, or is too short.
    """
    if factor < 2:
        raise ConfigError(f"slower: expected a factor of 2 or more, got {factor}")
    feeds = []
    for feed in tape.feeds:
        if not isinstance(feed.bars, Bars) or feed.market != "bars":
            raise DataError(f"{feed.source}: slower takes bars in memory, got {', '.join(feed.kinds)}")
        feeds.append(replace(feed, bars=_longer(feed.bars, factor)))
    return replace(tape, feeds=tuple(feeds))


def _longer(bars: Bars, factor: int) -> Bars:
    interval = bars.interval * factor
    buckets, first, count = np.unique(bars.times - bars.times % interval, return_index=True, return_counts=True)
    whole = (count == factor) & (bars.times[first] == buckets)
    if not whole.any():
        raise DataError(f"{bars.source}: too short for bars of {interval_text(interval)}: none of them is complete")
    first = first[whole]
    groups = bars.rows[first[:, None] + np.arange(factor)]
    rows = np.empty((len(first), bars.rows.shape[1]))
    for i, name in enumerate(bars.columns):
        cells = groups[:, :, i]
        if name in ("open", "bid_open", "ask_open"):
            rows[:, i] = cells[:, 0]
        elif name == "high":
            rows[:, i] = cells.max(axis=1)
        elif name == "low":
            rows[:, i] = cells.min(axis=1)
        elif name == "volume":
            rows[:, i] = cells.sum(axis=1)
        else:
            rows[:, i] = cells[:, -1]
    times = np.ascontiguousarray(buckets[whole])
    rows.flags.writeable = times.flags.writeable = False
    return Bars(times, rows, interval, bars.columns, f"{bars.source}, in bars of {interval_text(interval)}")


def _together(dataset: ExpertDataset, more: ExpertDataset, told: Mapping[str, Any]) -> ExpertDataset:
    """Rows and what was made of them, whose episodes are numbered on."""
    names = ("observations", *NUMBERS, *WHOLE)
    joined: dict[str, Any] = {name: np.concatenate([getattr(dataset, name), getattr(more, name)]) for name in names}
    if len(dataset):
        joined["episode"][len(dataset) :] += int(dataset.episode.max()) + 1
    return replace(dataset, **joined, facts=_told(dataset, told))


def _told(dataset: ExpertDataset, told: Mapping[str, Any]) -> dict[str, Any]:
    return {**dataset.facts, "augmented": [*dataset.facts.get("augmented", []), dict(told)]}
