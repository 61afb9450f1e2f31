"""``halfspread warmup``: compile everything that is compiled, so that no later run has to wait for it."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from halfspread import strategies
from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.imitation.clones import Clone
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.learner import Imitator
from halfspread.agents.imitation.round_learners import Dagger
from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.agents.rrl.gated_constant import GatedConstant
from halfspread.agents.rrl.moody import Rrl
from halfspread.agents.rrl.sarsa import EsnSarsa
from halfspread.compiled import cache_folder, prune_caches
from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import MeanReverting, PoissonBook, World, consistent_market, two_legs
from halfspread.engine.audit import audit
from halfspread.engine.instruments import bybit
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import UserError
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.intervals import headline_intervals
from halfspread.reports.statistics.resamples import BOOTSTRAP_DAYS, draw_resamples
from halfspread.reports.statistics.superiority import superior_ability
from halfspread.strategies.base import Strategy

__all__ = ["execute"]

_HEADS: tuple[Literal["softmax", "gaussian"], ...] = ("softmax", "gaussian")


class _Idle(Strategy):
    """Takes the way of an agent in Python."""

    def on_bar(self, market: Any) -> float:
        return 0.0


class _Quotes(Strategy):
    """Takes the way of an agent in Python that sends orders on the events of a book."""

    def on_book(self, market: Any) -> None:
        market.cancel_all()
        market.send_limit(1.0, market.bid, post_only=True)


class _Bids(Strategy):
    """Takes the way of an agent in Python that sends orders on bars."""

    def on_bar(self, market: Any) -> None:
        market.cancel_all()
        market.send_limit(1.0, round(market.close - 100.0, 0), post_only=True)


def execute(arguments: Namespace) -> int:
    """Run tiny backtests through every way that code is compiled for; say what took how long, where the cache is and
    what was pruned."""
    began = time.perf_counter()
    pruned = prune_caches()
    rng = np.random.default_rng(0)
    market = SyntheticMarket(days=2, interval="1h")
    bars = market.tape(np.random.default_rng(0))
    book = consistent_market(rng, "1m", every="1s", levels=3)
    flow = PoissonBook(duration="1m", levels=3).market(rng)
    legs = Tape.join(*map(world_tape, two_legs(rng, bars=24)))
    MeanReverting(bars=50).best_policy(1.0)
    tapes = (bars, world_tape(flow), legs)
    _step("targets on bars", lambda: _run(bars, _Idle()))
    _step("orders on bars", lambda: _run(bars, _Bids()))
    _step("orders on books and trades", lambda: _run(world_tape(book), _Quotes()))
    _step("the experts", lambda: _run_experts(tapes))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        market.generate(np.random.default_rng(0)).bars_frame().to_parquet(path / "bars.parquet")
        _step("files", lambda: _run_files(path, book))
    _step("an audit", lambda: _run_audit(bars))
    _step("the bound", lambda: _run_bound(bars))
    _step("learners", lambda: _run_learners(bars))
    _step("online learners", lambda: _run_online_learners(bars))
    _step("statistics", _run_statistics)
    print(f"compiled and cached in {time.perf_counter() - began:.1f} s: {cache_folder()}")
    if pruned:
        print(f"deleted {pruned} cache(s) of other versions")
    return 0


def _step(what: str, work: Callable[[], object]) -> None:
    began = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - began:.1f} s", flush=True)


def _expert(name: str) -> Any:
    short = {"SmaCross": {"fast": 2, "slow": 4}, "Bollinger": {"window": 4}}
    return getattr(strategies, name)(**short.get(name, {}))


def _run_experts(tapes: Sequence[Tape]) -> None:
    """Run each expert on the first tape that it takes. Raises what the last one raised where it takes none."""
    for name in strategies.BUILT_IN.values():
        for tape in tapes:
            try:
                _run(tape, _expert(name))
                break
            except UserError:
                if tape is tapes[-1]:
                    raise


def _run_files(folder: Path, world: World) -> None:
    _run(Tape.scan_bars(folder / "bars.parquet", bybit("BTCUSDT")), _Idle(), Funding.none())
    files: dict[str, Any] = {}
    for name in ("books", "quotes", "trades"):
        files[name] = folder / f"{name}.parquet"
        world.table(name).to_parquet(files[name])
    _run(Tape.scan(world.instrument, **files), _Quotes())


def _run_audit(tape: Tape) -> None:
    """On a part of the tape, as a sampled audit is and as windows are."""
    middle = pd.Timestamp((tape.start_ns + tape.end_ns) // 2, tz="UTC")
    currency = tape.instrument.quote
    audit(tape.slice(None, middle), _Idle, _costs(tape), sizing=FixedContracts(1.0), report_currency=currency)


def _run_bound(tape: Tape) -> None:
    """Both searches for the best path."""
    costs = _costs(tape)
    for sizing in (FixedContracts(1.0), FixedNotional(10_000)):
        options: Options = {"sizing": sizing, "report_currency": tape.instrument.quote, "margin": Margin.none()}
        best = Clairvoyant.of(tape, costs, **options)
        run_backtest(tape, best, costs, **options)


def _run_learners(tape: Tape) -> None:
    """A lesson of each kind, and its policy on what it has not seen."""
    middle = pd.Timestamp((tape.start_ns + tape.end_ns) // 2, tz="UTC")
    options: Options = {"sizing": FixedContracts(1.0), "report_currency": tape.instrument.quote}
    terms: dict[str, Any] = {"expert": _expert("SmaCross"), "features": ("log_return(1)", "position")}
    for head in _HEADS:
        settings = CloneSettings(hidden=(2,), epochs=1, head=head, validation=0.3)
        learners: list[Imitator] = [Clone(**terms, settings=settings)]
        if head == "softmax":
            learners.append(Dagger(**terms, settings=settings, rounds=2))
        for learner in learners:
            rng = np.random.default_rng(0)
            policy = learner.fit(tape.slice(None, middle), rng, costs=_costs(tape), options={**options})
            _run(tape.slice(middle, None), policy)
            if policy.model_read.classes:
                policy.model_read.probabilities(np.zeros((1, 2)))


def _run_online_learners(tape: Tape) -> None:
    """Each that learns while it trades, with both kinds of reservoir."""
    settings = [ReservoirSettings(size=4, construction=kind) for kind in ("paper", "rescaled")]
    looks: dict[str, Any] = {"features": ("scaled_return(1, 4)", "volume_score(4)")}
    for agent in (
        GatedConstant(),
        Rrl(**looks, first_rewards=1),
        *(kind(**looks, reservoir=each) for kind in (EsnSarsa, EsnRrl) for each in settings),
        EsnRrl(**looks, reservoir=settings[0], gradient="exact"),
    ):
        _run(tape, agent)


def _run_statistics() -> None:
    """Resamples of days: intervals, and tests over several agents."""
    rng = np.random.default_rng(0)
    pnl = rng.standard_normal((BOOTSTRAP_DAYS, 2))
    ones = np.ones(BOOTSTRAP_DAYS)
    known = {"cost": ones, "turnover": ones, "exposure": ones, "returns": 1e-3 * ones, "trips": ones, "winners": ones}
    days = rng.standard_normal(BOOTSTRAP_DAYS)
    for writeable in (True, False):  # a column of a table may not be written to, which is another type
        days.setflags(write=writeable)
        headline_intervals(Days.of(days, price=ones, **known), rng)
    superior_ability(pnl, draw_resamples(rng, BOOTSTRAP_DAYS, block=2.0))


def _run(tape: Tape, agent: Any, funding: Funding | None = None) -> None:
    costs = _costs(tape, funding)
    run_backtest(tape, agent, costs, sizing=FixedContracts(1.0), report_currency=tape.instrument.quote)


def _costs(tape: Tape, funding: Funding | None = None) -> Costs:
    return Costs(
        half_spread=HalfSpread.from_bars() if tape.feeds[0].market == "bars" else HalfSpread.from_quotes(),
        fees=Fees.none(),
        funding=funding or (Funding.published() if tape.funding is not None else Funding.none()),
    )
