"""From a config to what runs: the tape and the agents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.configs.agents import build_agent, parameters_of
from halfspread.configs.faults import close_match
from halfspread.configs.fields import file_at
from halfspread.configs.load import Loaded
from halfspread.configs.market import BarsSource, SyntheticSource
from halfspread.configs.model import AgentConfig
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, InstrumentError, UserError

__all__ = ["BuiltAgent", "build_agents", "build_tape", "data_files", "effective"]

#: Keys of a market of bars that name files.
FILES = ("bars", "funding", "mark", "index", "settle_price")


@dataclass(frozen=True)
class BuiltAgent:
    """An agent ready to run, and what it is called."""

    label: str
    agent: Any
    config: AgentConfig


def build_agents(loaded: Loaded, only: str | None = None) -> list[BuiltAgent]:
    """The agents of a config, or the one labelled ``only``. Raises ConfigError or StrategyError."""
    config = loaded.config
    labels = [agent.label for agent in config.all_agents]
    if only is not None and only not in labels:
        raise ConfigError(f"{loaded.path}: no agent {only!r}; there are {', '.join(labels)}{close_match(only, labels)}")
    built = []
    for i, agent in enumerate(config.all_agents):
        if only is None or agent.label == only:
            key = ("agent",) if config.agent is not None else ("agents", i)
            where = f"{loaded.places.of((*key, 'type'))}: agent {agent.label}"
            built.append(BuiltAgent(agent.label, build_agent(agent, loaded.folder, where), agent))
    return built


def effective(loaded: Loaded, agents: list[BuiltAgent], *, times_as_text: bool = False) -> dict[str, Any]:
    """The config as it runs, every default written out, parameters of the agents included."""
    data = loaded.config.model_dump(
        mode="json" if times_as_text else "python", exclude={"agent", "agents"}, exclude_none=True
    )
    tables = [
        {"type": each.config.type, "name": each.label, **parameters_of(each.agent, each.config)} for each in agents
    ]
    data = {name: _tag_first(value) for name, value in data.items()}
    data["costs"] = {name: _tag_first(value) for name, value in data["costs"].items()}
    return data | ({"agents": tables} if loaded.config.agent is None else {"agent": tables[0]})


def _tag_first(value: Any) -> Any:
    """A table with what it is as its first line."""
    return {tag: value[tag] for tag in ("source", "kind") if tag in value} | value if isinstance(value, dict) else value


def build_tape(loaded: Loaded) -> Tape:
    """The market of a config. Raises ConfigError, InstrumentError or DataError."""
    market = loaded.config.market
    if market.source == "synthetic":
        return _synthetic(market, loaded.config.seed)
    instrument = _instrument(market, loaded)
    files: dict[str, Any] = data_files(loaded)
    bars = files.pop("bars")
    terms: dict[str, Any] = {"gaps": market.gaps, "time_unit": market.time_unit, **files}
    times = {"time_column": market.time_column, "stamp": market.stamp}
    if market.resample is not None:
        return _resampled(market, market.resample, bars, instrument, terms)
    terms |= times | {"interval": market.interval, "start": market.start, "end": market.end, "extra": market.extra}
    if not market.stream:
        return Tape.from_bars(bars, instrument, **terms)
    if bars.suffix.lower() not in (".parquet", ".pq"):
        where = loaded.places.of(("market", "stream"))
        raise ConfigError(
            f"{where}: market.stream: only Parquet files can be streamed, got {bars.name}; leave out stream"
        )
    return Tape.scan_bars(bars, instrument, **terms)


def data_files(loaded: Loaded) -> dict[str, Path]:
    """The files that the market is read from, by key. Raises ConfigError for one that is not there."""
    market, found = loaded.config.market, {}
    if market.source == "bars":
        for key in FILES:
            text = getattr(market, key)
            if text is not None:
                where = loaded.places.of(("market", key))
                found[key] = file_at(text, loaded.folder, f"{where}: market.{key}")
    return found


def _synthetic(market: SyntheticSource, seed: int) -> Tape:
    contract = instruments.bybit("BTCUSDT").model_copy(
        update={
            "venue": "synthetic",
            "ticks": (TickPeriod(tick=market.tick),),
            "lots": (LotPeriod(lot=market.lot),),
            "funding_interval_hours": market.funding_interval_hours,
        }
    )
    return market.tape(np.random.default_rng(seed if market.seed is None else market.seed), contract)


def _instrument(market: BarsSource, loaded: Loaded) -> Instrument:
    try:
        if market.contract is not None:
            build = {"linear": instruments.linear, "inverse": instruments.inverse, "quanto": instruments.quanto}
            terms = market.contract.model_dump(exclude={"kind"}, exclude_none=True)
            return build[market.contract.kind](market.symbol, venue=market.venue, **terms)
        return instruments.get(f"{market.venue}:{market.symbol}")
    except InstrumentError as error:
        key = "symbol" if market.contract is None else "contract"
        raise InstrumentError(f"{loaded.places.of(('market', key))}: market.{key}: {error}") from None


def _resampled(
    market: BarsSource, coarse: int | str, path: Path, instrument: Instrument, terms: dict[str, Any]
) -> Tape:
    """Bars of a finer file, cut to the range and put together; what was dropped at the edges is told with the data."""
    from halfspread.datafeeds.resample import resample_bars
    from halfspread.engine.times import interval_text

    fine = Tape.from_bars(
        path,
        instrument,
        interval=market.interval,
        start=market.start,
        end=market.end,
        gaps=market.gaps,
        time_column=market.time_column,
        time_unit=market.time_unit,
        stamp=market.stamp,
    )
    made = resample_bars(_frame(fine), coarse, fine.interval // 1_000_000_000)
    if not len(made.bars):
        raise UserError(f"{path}: no complete bar of {coarse} in {len(fine):,} bars of {interval_text(fine.interval)}")
    tape = Tape.from_bars(made.bars, instrument, interval=coarse, **terms)
    told = f"{path.name}, {interval_text(fine.interval)} bars put together to {interval_text(tape.interval)}"
    if made.buckets_dropped:
        told += f", {made.buckets_dropped} incomplete bars left out"
    return replace(tape, origin={**tape.origin, "bars": told})


def _frame(tape: Tape) -> Any:
    import pandas as pd

    bars: Any = tape.bars
    columns = {name: bars.rows[:, i] for i, name in enumerate(tape.columns)}
    return pd.DataFrame({"ts": pd.DatetimeIndex(bars.times.view("datetime64[ns]"), tz="UTC"), **columns})
