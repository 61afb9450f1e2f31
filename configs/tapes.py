"""From the markets of a config to a tape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.configs.agents import agent_files
from halfspread.configs.benchmark import benchmark_file
from halfspread.configs.costs import delay_files
from halfspread.configs.events import EventsSource
from halfspread.configs.fields import file_at
from halfspread.configs.load import Loaded
from halfspread.configs.market import BarsSource, Market, StoreSource, SyntheticSource
from halfspread.configs.places import Key, key_text
from halfspread.configs.training_tape import training_tape
from halfspread.configs.worlds import WorldTable
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument, LotPeriod, TickPeriod
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import parse_time
from halfspread.errors import ConfigError, DataError, InstrumentError, UserError

__all__ = ["build_tape", "data_files", "path_of", "training_part"]

#: Keys of a market that name files: of its tables, and of what stands beside them.
TABLES = ("books", "quotes", "trades", "bars")
BESIDE = ("funding", "mark", "index", "settle_price")


def build_tape(loaded: Loaded, *, whole: bool = False) -> Tape:
    """The markets of a config as one tape, from where its learners are done (``whole``: from its beginning), in the
    order of days that its [bootstrap] says. Raises ConfigError, InstrumentError or DataError."""
    tape, terms = _traded(loaded, whole), loaded.config.bootstrap
    return tape if terms is None else path_of(tape, loaded)


def path_of(tape: Tape, loaded: Loaded) -> Tape:
    """The path of ``tape``, the market as it was, that the config names. Raises ConfigError or DataError."""
    from halfspread.configs.paths import market_path

    terms = loaded.config.bootstrap
    if terms is None:
        return tape
    with _placed(("bootstrap",), loaded):
        return market_path(tape, terms)


def _traded(loaded: Loaded, whole: bool) -> Tape:
    tape, training = _whole(loaded), loaded.config.training
    if training is None or whole:
        return tape
    _refuse_streamed(tape, loaded)
    with _placed(("training",), loaded):
        return tape.slice(training.traded_from, None)


def training_part(loaded: Loaded) -> Tape | None:
    """What learners are fitted on, with nothing behind its end within reach; None where the config does not say.
    Raises as `build_tape`."""
    training = loaded.config.training
    if training is None:
        return None
    tape = _whole(loaded)
    _refuse_streamed(tape, loaded)
    with _placed(("training",), loaded):
        return training_tape(tape.slice(None, training.until), parse_time(training.until))


def _refuse_streamed(tape: Tape, loaded: Loaded) -> None:
    if tape.streamed:
        where = loaded.places.of(("training",))
        raise ConfigError(f"{where}: training holds the market in memory; set market.stream = false")


def _whole(loaded: Loaded) -> Tape:
    keys = _market_keys(loaded)
    tapes = [_tape(market, key, loaded) for market, key in zip(loaded.config.all_markets, keys, strict=True)]
    if len(tapes) == 1:
        return tapes[0]
    with _placed(("markets",), loaded):
        return Tape.join(*tapes)


@contextmanager
def _placed(key: Key, loaded: Loaded) -> Iterator[None]:
    """Have faults of the data say which part of the config they belong to."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{loaded.places.of(key)}: {key_text(key)}: {error}") from error


def data_files(loaded: Loaded) -> dict[str, Path]:
    """The files that a run reads, by what they are: ``bars``, ``markets[1].funding``, ``costs.latency.order``,
    ``agents[0].model_file``, ``benchmark``.

    Raises ConfigError for one that is not there.
    """
    found = {}
    for market, key in zip(loaded.config.all_markets, _market_keys(loaded), strict=True):
        prefix = "" if len(key) == 1 else f"{key_text(key)}."
        found.update({f"{prefix}{name}": path for name, path in _files(market, key, loaded).items()})
    found |= delay_files(loaded.config.costs, loaded.folder, loaded.places)
    for i, agent in enumerate(loaded.config.all_agents):
        named = "agent" if loaded.config.agent is not None else f"agents[{i}]"
        found |= {f"{named}.{name}": path for name, path in agent_files(agent, loaded.folder, named).items()}
    return found | benchmark_file(loaded.config.benchmark, loaded.folder, loaded.places)


def _market_keys(loaded: Loaded) -> list[Key]:
    if loaded.config.market is not None:
        return [("market",)]
    return [("markets", i) for i in range(len(loaded.config.markets))]


def _files(market: Market, key: Key, loaded: Loaded) -> dict[str, Path]:
    if isinstance(market, StoreSource):
        return _stored_files(market, key, loaded)
    if not isinstance(market, (BarsSource, EventsSource)):
        return {}
    found = {}
    tables = ("bars",) if isinstance(market, BarsSource) else TABLES
    for name in (*tables, *BESIDE):
        text = getattr(market, name)
        if text is not None:
            place = (*key, name)
            found[name] = file_at(text, loaded.folder, f"{loaded.places.of(place)}: {key_text(place)}")
    return found


def _tape(market: Market, key: Key, loaded: Loaded) -> Tape:
    if isinstance(market, WorldTable):
        return _of_world(market, key, loaded)
    if isinstance(market, BarsSource):
        return _of_bars(market, key, loaded)
    if isinstance(market, EventsSource):
        return _of_events(market, key, loaded)
    if isinstance(market, StoreSource):
        return _of_store(market, key, loaded)
    return _synthetic(market, loaded.config.seed)


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


def _of_world(market: WorldTable, key: Key, loaded: Loaded) -> Tape:
    from halfspread.datafeeds.synthetic.world_tapes import world_tape

    rng = np.random.default_rng(loaded.config.seed if market.seed is None else market.seed)
    interval = getattr(market, "bars_interval", None)
    try:
        tapes = [world_tape(world, market.tables, interval) for world in market.worlds(rng)]
    except UserError as error:
        raise type(error)(f"{loaded.places.of(key)}: {key_text(key)}: {error}") from None
    return tapes[0] if len(tapes) == 1 else Tape.join(*tapes)


def _of_bars(market: BarsSource, key: Key, loaded: Loaded) -> Tape:
    instrument = _instrument(market, key, loaded)
    files: dict[str, Any] = _files(market, key, loaded)
    bars = files.pop("bars")
    terms: dict[str, Any] = {"gaps": market.gaps, "time_unit": market.time_unit, **files}
    if market.resample is not None:
        with _placed(key, loaded):
            return _resampled(market, market.resample, bars, instrument, terms)
    terms |= _reading(market) | {"interval": market.interval, "extra": market.extra}
    if not market.stream:
        with _placed(key, loaded):
            return Tape.from_bars(bars, instrument, **terms)
    _refuse_unless_parquet({"bars": bars}, key, loaded)
    with _placed(key, loaded):
        return Tape.scan_bars(bars, instrument, **terms)


def _reading(market: BarsSource) -> dict[str, Any]:
    names = ("time_column", "stamp", "start", "end", "quotes", "carry_limit")
    return {name: getattr(market, name) for name in names}


def _of_events(market: EventsSource, key: Key, loaded: Loaded) -> Tape:
    instrument = _instrument(market, key, loaded)
    files: dict[str, Any] = _files(market, key, loaded)
    columns = ("time_column", "exchange_column", "time_unit", "invalid", "clock", "order")
    terms: dict[str, Any] = {
        "time_format": TableFormat(**{name: getattr(market, name) for name in columns}),
        **{name: getattr(market, name) for name in ("interval", "gaps", "start", "end", "extra")},
    }
    if market.source == "books":
        terms["levels"] = market.levels
    if market.stream:
        _refuse_unless_parquet({name: path for name, path in files.items() if name in TABLES}, key, loaded)
        with _placed(key, loaded):
            return Tape.scan(instrument, **files, **terms)
    build = {"books": Tape.from_books, "quotes": Tape.from_quotes, "trades": Tape.from_trades}[market.source]
    with _placed(key, loaded):
        tape: Tape = build(files.pop(market.source), instrument, **files, **terms)
    if market.bars_interval is None:
        return tape
    from halfspread.datafeeds.event_bars import with_bars

    place = (*key, "bars_interval")
    try:
        return with_bars(tape, market.bars_interval)
    except UserError as error:
        raise type(error)(f"{loaded.places.of(place)}: {key_text(place)}: {error}") from None


def _of_store(market: StoreSource, key: Key, loaded: Loaded) -> Tape:
    from halfspread.configs.store_tapes import open_store, stored_market
    from halfspread.datafeeds.stored_tape import tape_of

    with _placed(key, loaded):
        store = open_store(market, loaded.folder, key_text((*key, "store")))
        own = None if market.contract is None else _instrument(market, key, loaded)
        return tape_of(stored_market(market), store, own)


def _stored_files(market: StoreSource, key: Key, loaded: Loaded) -> dict[str, Path]:
    from halfspread.configs.store_tapes import open_store, series_files

    with _placed(key, loaded):
        return series_files(market, open_store(market, loaded.folder, key_text((*key, "store"))))


def _refuse_unless_parquet(files: dict[str, Path], key: Key, loaded: Loaded) -> None:
    for path in files.values():
        if path.suffix.lower() not in (".parquet", ".pq"):
            place = (*key, "stream")
            raise ConfigError(
                f"{loaded.places.of(place)}: {key_text(place)}: only Parquet files can be streamed, got {path.name}; "
                "leave out stream"
            )


def _instrument(market: BarsSource | EventsSource | StoreSource, key: Key, loaded: Loaded) -> Instrument:
    contract = market.contract
    try:
        if contract is not None:
            build = {"linear": instruments.linear, "inverse": instruments.inverse, "quanto": instruments.quanto}
            terms = contract.model_dump(exclude={"kind", "margin"}, exclude_none=True)
            margin = None if contract.margin is None else contract.margin.schedule()
            return build[contract.kind](market.symbol, venue=market.venue, margin=margin, **terms)
        return instruments.get(f"{market.venue}:{market.symbol}")
    except InstrumentError as error:
        place = (*key, "symbol" if contract is None else "contract")
        raise InstrumentError(f"{loaded.places.of(place)}: {key_text(place)}: {error}") from None


def _resampled(
    market: BarsSource, coarse: int | str, path: Path, instrument: Instrument, terms: dict[str, Any]
) -> Tape:
    """Bars of a finer file, cut to the range and put together; what was dropped at the edges is told with the data."""
    from halfspread.datafeeds.resample import SIGNED_VOLUME, resample_bars
    from halfspread.engine.times import interval_text

    fine = Tape.from_bars(
        path,
        instrument,
        interval=market.interval,
        gaps=market.gaps,
        time_unit=market.time_unit,
        **_reading(market),
    )
    made = resample_bars(_frame(fine), coarse, fine.interval // 1_000_000_000)
    if not len(made.bars):
        raise UserError(f"{path}: no complete bar of {coarse} in {len(fine):,} bars of {interval_text(fine.interval)}")
    extra = tuple(name for name in (SIGNED_VOLUME,) if name in made.bars)
    tape = Tape.from_bars(made.bars, instrument, interval=coarse, extra=extra, **terms)
    told = f"{path.name}, {interval_text(fine.interval)} bars put together to {interval_text(tape.interval)}"
    if made.buckets_dropped:
        told += f", {made.buckets_dropped} incomplete bars left out"
    carried = fine.bars.counts.get("quotes_carried", 0)
    if carried:
        told += f", {carried} of the finer bars given the last quote"
    return replace(tape, origin={**tape.origin, "bars": told})


def _frame(tape: Tape) -> Any:
    import pandas as pd

    bars: Any = tape.bars
    columns = {name: bars.rows[:, i] for i, name in enumerate(tape.columns)}
    return pd.DataFrame({"ts": pd.DatetimeIndex(bars.times.view("datetime64[ns]"), tz="UTC"), **columns})
