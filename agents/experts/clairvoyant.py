"""The clairvoyant bound: the best path of targets in hindsight, net of every cost that the engine charges.

    best = Clairvoyant.of(tape, costs, sizing=FixedNotional(10_000))
    best.value                                   # report currency
    hs.backtest(tape, best, costs, sizing=FixedNotional(10_000)).pnl    # the same number

No agent: it reads the whole tape before it begins. It says what there was to earn, so that a comparison can say which
share of it another agent took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Unpack

import numpy as np
from pydantic import AfterValidator

from halfspread.agents.experts.clairvoyant_kernels import (
    BEFORE,
    BUY,
    CARRIED,
    HELD,
    POINT,
    SELL,
    SINCE,
    follow_lines,
    follow_origins,
    follow_path,
    price_points,
    search_levels,
    search_lines,
)
from halfspread.costs.base import Floats
from halfspread.costs.margin import Margin
from halfspread.engine.bars import Integers
from halfspread.engine.session import Options, Session
from halfspread.engine.sizing import EquityFraction
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError
from halfspread.strategies.buy_and_hold import BuyAndHold
from halfspread.strategies.compiled import CompiledStrategy

if TYPE_CHECKING:
    from halfspread.costs.model import Costs
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market
    from halfspread.engine.tape import Tape

__all__ = ["Clairvoyant"]


def _levels(levels: tuple[float, ...]) -> tuple[float, ...]:
    if not all(-1.0 <= level <= 1.0 for level in levels) or len(set(levels)) != len(levels) or 0.0 not in levels:
        raise ValueError("expected different numbers from -1 to 1, with 0 among them, since a run begins flat")
    return tuple(sorted(levels))


@dataclass(frozen=True)
class Path:
    """Targets by time: each of ``targets`` (n,) from its time on (int64 ns, closes of bars), from ``first`` to
    ``last``; ``value`` is what they earn in report currency, ``notional`` what a target of 1 is worth there."""

    times: Integers
    targets: Floats
    first: int
    last: int
    value: float
    notional: float


class Clairvoyant(CompiledStrategy):
    """Plays the path of targets that earns the most in hindsight, net of half-spread, fees and funding.

    ``levels``: the targets that it may choose from. Made without a tape it knows nothing and refuses to run: build it
    with `of`, or let `foresee` do that. ``looks_ahead`` marks it: an audit refuses it, and it is never ranked;
    ``own_path_only``: its path is the best one from its own position, so it says nothing of a learner's states.
    """

    levels: Annotated[tuple[float, ...], AfterValidator(_levels)] = (-1.0, 0.0, 1.0)
    looks_ahead: ClassVar[bool] = True
    own_path_only: ClassVar[bool] = True
    function = follow_path
    _path: ClassVar[Path | None] = None

    @classmethod
    def of(
        cls,
        tape: Tape,
        costs: Costs,
        *,
        levels: tuple[float, ...] = (-1.0, 0.0, 1.0),
        **options: Unpack[Options],
    ) -> Clairvoyant:
        """The best path on this tape under these terms; ``options`` are those of the run (`run_backtest`).

        Raises ConfigError for terms under which the best path cannot be told exactly, and what `run_backtest` raises
        for terms that do not fit the tape.
        """
        return cls(levels=levels).foresee(tape, costs, **options)

    def foresee(self, tape: Tape, costs: Costs, **options: Unpack[Options]) -> Clairvoyant:
        """The same with the best path on a tape; see `of`."""
        made = type(self)(levels=self.levels)
        made.__dict__["_path"] = _best_path(tape, costs, self.levels, options)
        return made

    @property
    def path(self) -> Path:
        """The path. Raises ConfigError where there is none yet."""
        if self._path is None:
            raise ConfigError(
                "Clairvoyant knows no tape: build it with Clairvoyant.of(tape, costs, sizing=...), with the tape, "
                "costs, sizing and fill of the run"
            )
        return self._path

    @property
    def value(self) -> float:
        """What the path earns, report currency: `pnl` of its run."""
        return self.path.value

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Refuse to run without a path. Raises ConfigError."""
        self.path.value  # noqa: B018

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[cursor, changes, first time, last time, times of changes..., targets from then on...], microseconds."""
        path = self.path
        head = [0.0, float(len(path.times)), path.first // 1000, path.last // 1000]
        return np.concatenate([head, path.times // 1000, path.targets])

    def on_bar(self, market: Market) -> float:
        """The twin in Python."""
        path = self.path
        if not path.first // 1000 <= market.time // 1000 <= path.last // 1000:
            raise ConfigError(
                f"Clairvoyant: its path goes from {time_text(path.first)} to {time_text(path.last)}, and this is "
                f"{time_text(market.time)}; build it from the tape of the run"
            )
        return float(path.targets[max(int(np.searchsorted(path.times, market.time, side="right")) - 1, 0)])


def _best_path(tape: Tape, costs: Costs, levels: tuple[float, ...], options: Options) -> Path:
    _refuse(tape, costs, options)
    terms = options.copy()
    terms["margin"], terms["mode"], terms["keep_curve"] = Margin.none(), "auto", False
    terms["sink"], terms["progress"] = None, None
    with Session(tape, BuyAndHold(), costs, terms) as session:
        if session.state.run["tiered"]:
            raise ConfigError(
                "Clairvoyant: fees that depend on the volume traded before make a trade's cost depend on all others; "
                "say Fees.venue() without tiers, or Fees(taker=..., maker=...)"
            )
        at_open, shift = session.terms.fill == "next_open", session.terms.fill != "this_close"
        points, sizes, tail = _prices(session, at_open, np.array(levels))
        closes = _closes(tape)
        notional = session.terms.notional
    always = options["sizing"].resize == "always"
    flat = levels.index(0.0)
    if always or bool((sizes == sizes[:1]).all()):
        value, path = _by_levels(points, sizes, int(shift), tail, flat)
    else:
        value, path = _by_lines(points, sizes, int(shift), tail, levels)
    decided = path[1:] if shift else path  # the target of the last close is never filled where it waits for a bar
    return _changes(closes[: len(decided)], np.array(levels)[decided], closes, value, notional)


def _prices(session: Session, at_open: bool, levels: Floats) -> tuple[Floats, Floats, float]:
    """What one contract earns and costs at every point, contracts by decision and level, and what one contract earns
    after the last close."""
    bars = len(session.tape.bars)
    points, sizes = np.zeros((bars + 1, POINT)), np.zeros((bars + 1, len(levels)))
    carry = np.zeros(CARRIED)
    for chunk in session.replay:
        price_points(session.state.array, chunk.data.bars, chunk.events, at_open, levels, carry, points, sizes)
    return points[:bars], sizes[:bars], float(carry[SINCE])


def _by_levels(points: Floats, sizes: Floats, shift: int, tail: float, flat: int) -> tuple[float, Integers]:
    """Value and path where a level is worth the same contracts whenever it was entered."""
    origins = np.zeros(sizes.shape, np.int8)
    value, end = search_levels(points, sizes, shift, tail, flat, origins)
    path = np.full(len(points), flat, np.int64)
    follow_origins(origins, shift, end, path)
    return float(value), path


def _by_lines(
    points: Floats, sizes: Floats, shift: int, tail: float, levels: tuple[float, ...]
) -> tuple[float, Integers]:
    """Value and path where contracts stay as they were at entry."""
    places = [[i for i, level in enumerate(levels) if level * sign > 0.0] for sign in (1.0, -1.0)]
    if max(map(len, places)) > 1:
        raise ConfigError(
            "Clairvoyant: with sizing by notional, sized when the target changes, contracts depend on the price at "
            "entry, and the best path is told for at most one long and one short level; say levels = [-1, 0, 1], "
            "FixedContracts(...), or resize='always'"
        )
    count = len(points)
    contracts = np.zeros((2, count))
    for side, place in enumerate(places):
        if place:
            contracts[side, shift:] = sizes[: count - shift, place[0]]
    earned = np.cumsum(points[:, HELD])
    before = np.concatenate([[0.0], earned[:-1]])
    exits = np.nan_to_num(np.stack([points[:, SELL], -points[:, BUY]]))
    raw = np.concatenate([before + points[:, BEFORE] + exits, np.full((2, 1), earned[-1] + tail)], axis=1)
    order = np.argsort(raw, axis=1, kind="stable")
    where = np.empty_like(order)
    np.put_along_axis(where, order, np.arange(count + 1)[None, :], axis=1)
    xs = np.take_along_axis(raw, order, axis=1)
    tree = np.full((2, 4 * (count + 1)), -1, np.int64)
    heights, origins = np.zeros((2, count)), np.full((3, count), -2, np.int64)
    value, entry, ended = search_lines(points, contracts, shift, earned, xs, where, tree, heights, origins)
    found = np.empty(count, np.int64)
    follow_lines(origins, entry, ended, found)
    flat = levels.index(0.0)
    return float(value), np.array([*(place[0] if place else flat for place in places), flat])[found]


def _changes(times: Integers, targets: Floats, closes: Integers, value: float, notional: float) -> Path:
    """Only where the target changes, and the first."""
    kept = np.flatnonzero(np.concatenate([[True], targets[1:] != targets[:-1]]))
    if not len(targets):
        times, targets, kept = closes[:1], np.zeros(1), np.zeros(1, np.int64)
    return Path(times[kept], targets[kept], int(closes[0]), int(closes[-1]), value, notional)


def _closes(tape: Tape) -> Integers:
    parts = [block.times for block in tape.feeds[0].blocks("bars")]
    return np.concatenate(parts) + tape.interval


def _refuse(tape: Tape, costs: Costs, options: Options) -> None:
    """Raise ConfigError for terms under which the value of a path is no sum over its trades and holdings."""
    sizing = options["sizing"]
    held = sorted({feed.market for feed in tape.feeds})
    for wrong, said in (
        (len(tape.feeds) > 1, f"one instrument at a time, got {len(tape.feeds)}; build one for each"),
        (held != ["bars"], f"a market of bars, got {', '.join(held)}, where a fill depends on the size of the order"),
        (not costs.latency.is_zero, "no latency: its fills are those of the next bar; leave the latency out"),
        (costs.impact.kind != "none", "no impact, which grows with the size of a trade; say Impact.none()"),
        (
            isinstance(sizing, EquityFraction),
            "a constant notional: what a fraction of equity earns depends on all that was earned before; say "
            "FixedNotional(...) or FixedContracts(...)",
        ),
    ):
        if wrong:
            raise ConfigError(f"Clairvoyant: expected {said}")
