"""Demonstrations from records of others: they are laid over a tape and done again through the engine.

So observations are those of a real run at the closes of bars, the features of the own position included, and a label
stands where it was made:

- Of a trader's fills: the label at the close of a bar is the position held at the close of the next one. It is what the
  trader took up while that bar went on, decided on what was known when it began. The engine fills it at the next open.
- Of an analyst's signals: the label at the close of a bar is the last signal that was published by then. One that
  is published a nanosecond later is first seen at the next bar.

The record says what somebody did, not what he would have done elsewhere: it can be cloned, and DAgger is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from halfspread.agents.experts.plan import RecordedExpert, closes_of
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.demonstrate import facts_of
from halfspread.agents.imitation.external_records import NEVER, Fills, Others, Signals, read_fills, read_signals
from halfspread.agents.imitation.rollout import roll_out
from halfspread.costs.base import Floats, Integers
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.engine.training import training_range
from halfspread.errors import ConfigError, DataError

__all__ = ["demonstrations_from_fills", "demonstrations_from_signals", "positions_at", "signals_at"]

#: Contracts that a sum of fills may be off by, as a part of the full size.
ROUNDING = 1e-9


def demonstrations_from_fills(
    fills: Any,
    tape: Tape,
    features: FeatureSet,
    costs: Costs,
    *,
    full_size: float,
    held: float = 0.0,
    instrument: int = 0,
    time_unit: str = "ns",
    other_symbols: Others = "refuse",
    outside: Others = "refuse",
    licence: str = "",
    **options: Unpack[Options],
) -> ExpertDataset:
    """What a trader did, as demonstrations at the bars of a tape; ``fills`` as for `read_fills`.

    ``full_size``: contracts that count as a target of 1; ``held``: contracts before the first fill. The last bar,
    which no other follows, has no label. Since a label tells of the bar after it, split with an embargo of a bar or
    more. ``options`` are those of `run_backtest`. Raises what `read_fills` and `roll_out` raise; DataError for a
    position that is larger than the full size.
    """
    if not (np.isfinite(full_size) and full_size > 0.0) or not np.isfinite(held):
        raise ConfigError(f"full_size: expected contracts above zero, got {full_size} (held {held})")
    read = read_fills(fills, tape, instrument, time_unit=time_unit, other_symbols=other_symbols, outside=outside)
    held += read.held
    _refuse_larger(read, full_size, held)
    closes, _ = closes_of(tape, instrument)
    if len(closes) < 2:
        raise DataError(f"{read.source}: expected a tape of two bars or more to lay fills over, got {len(closes)}")
    wanted = np.clip(positions_at(read, closes[1:], held) / full_size, -1.0, 1.0)
    expert = RecordedExpert.of(closes[:-1], wanted, instrument)
    made = _recorded(tape, expert, features, costs, instrument, options)
    found = made.rows(np.isin(made.times, closes[:-1]))
    told = {"label": "position at the close of the next bar", "full_size": full_size, "held": held}
    return _with_facts(found, "fills", read, told, licence)


def demonstrations_from_signals(
    signals: Any,
    tape: Tape,
    features: FeatureSet,
    costs: Costs,
    *,
    valid_for: str | int | float | None = None,
    instrument: int = 0,
    time_unit: str = "ns",
    other_symbols: Others = "refuse",
    outside: Others = "refuse",
    licence: str = "",
    **options: Unpack[Options],
) -> ExpertDataset:
    """What an analyst said, as demonstrations at the bars of a tape; ``signals`` and ``valid_for`` as for
    `read_signals`.

    ``available`` of a row is when its label was published (or ended, where a signal has run out: the label is 0 then).
    Bars before the first publication have no label. ``options`` are those of `run_backtest`. Raises what `read_signals`
    and `roll_out` raise; DataError where no bar closes after a publication.
    """
    read = read_signals(
        signals, tape, instrument, valid_for=valid_for, time_unit=time_unit, other_symbols=other_symbols,
        outside=outside,
    )  # fmt: skip
    changes, values = _steps(read)
    made = _recorded(tape, RecordedExpert.of(changes, values, instrument), features, costs, instrument, options)
    labels, known = signals_at(read, made.times)
    visible = known >= 0
    if not visible.any():
        raise DataError(
            f"{read.source}: the first signal is of {time_text(int(read.times[0]))}, and the last decision of the tape "
            f"of {time_text(int(made.times[-1]))}; give a longer tape"
        )
    found = replace(made.rows(visible), expert=labels[visible], available=known[visible])
    return _with_facts(found, "signals", read, {"label": "the last signal published by then"}, licence)


def positions_at(fills: Fills, times: Integers, held: float = 0.0) -> Floats:
    """Contracts held at each of ``times``, fills of that very time included."""
    after = np.concatenate([[held], held + np.cumsum(fills.contracts)])
    return np.asarray(after[np.searchsorted(fills.times, times, side="right")], np.float64)


def signals_at(signals: Signals, times: Integers) -> tuple[Floats, Integers]:
    """What was in force at each of ``times``, and since when that was known (int64 ns, -1 where nothing was yet); a
    signal of that very time counts."""
    changes, values = _steps(signals)
    at = np.searchsorted(changes, times, side="right") - 1
    seen = at >= 0
    return np.where(seen, values[at], 0.0), np.where(seen, changes[at], -1)


def _steps(signals: Signals) -> tuple[Integers, Floats]:
    """Times at which what is in force changes, and to what: a publication, or the end of a signal."""
    following = np.append(signals.times[1:], NEVER)
    ends = signals.until < following
    times = np.concatenate([signals.times, signals.until[ends]])
    values = np.concatenate([signals.values, np.zeros(int(ends.sum()))])
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _refuse_larger(fills: Fills, full_size: float, held: float) -> None:
    after = held + np.cumsum(fills.contracts)
    wrong = np.flatnonzero(np.abs(np.append(after, held)) > full_size * (1.0 + ROUNDING))
    if len(wrong):
        largest = float(np.abs(np.append(after, held)).max())
        row = int(wrong[0])
        where = "held" if row == len(after) else f"row {fills.numbering[row]} ({time_text(int(fills.times[row]))})"
        raise DataError(
            f"{fills.source}: {where}: a position of {np.append(after, held)[row]:g} contracts is more than full_size "
            f"{full_size:g}; the largest is {largest:g}: say full_size={largest:g} or more, or what was held before "
            "the first fill (held=...)"
        )


def _recorded(
    tape: Tape, expert: RecordedExpert, features: FeatureSet, costs: Costs, instrument: int, options: Options
) -> ExpertDataset:
    """The expert's run on the tape."""
    episode = roll_out(tape, expert, features, costs, instrument=instrument, **options)
    facts = facts_of(tape, expert, episode, instrument, options.get("seed", 0))
    return ExpertDataset.of([episode], features, trained=training_range(tape), facts=facts)


def _with_facts(
    made: ExpertDataset, kind: str, read: Fills | Signals, told: dict[str, Any], licence: str
) -> ExpertDataset:
    record = {"kind": kind, "source": read.source, "rows": len(read.times), "hash": read.digest, "others": read.others}
    more = {"record": {**record, **told}} | ({"licence": licence} if licence else {})
    return replace(made, facts={**made.facts, **more})
