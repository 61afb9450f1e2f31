"""The whole study: run every market, make the numbers, write the files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cost_study.cells import run_market
from cost_study.experts import Grid
from cost_study.markets import Market
from cost_study.numbers import ladder_numbers, market_entry, settings_entry, sweep_numbers, to_json
from cost_study.page import page
from cost_study.pictures import pictures

from halfspread import __version__
from halfspread.commands.cell_store import CellStore
from halfspread.commands.machine import machine
from halfspread.commands.progress import Progress
from halfspread.commands.run_files import digest_of
from halfspread.commands.sources import package_hash
from halfspread.configs.runner import default_workers

__all__ = ["run_study", "write_study"]


def run_study(
    markets: Sequence[Market], grids: Sequence[Grid], *, out: Path, workers: int
) -> tuple[dict[str, Any], list[CellStore]]:
    """All numbers, as costs.json gives them back, and the stores of finished runs, to be removed at the end.

    The same bits come out again but for ``made``, which holds how long it took and on what. Raises UserError and
    KeyboardInterrupt.
    """
    with _spent(out) as seconds:
        study, stores = _run(markets, grids, out, workers)
        busy = {"processors": default_workers(), "load": round(os.getloadavg()[2], 1)}
        study["made"] = {"seconds": round(seconds()), "workers": workers, **busy, **machine()}
    return json.loads(to_json(study)), stores


def _run(
    markets: Sequence[Market], grids: Sequence[Grid], out: Path, workers: int
) -> tuple[dict[str, Any], list[CellStore]]:
    stores, count = [], 0
    study: dict[str, Any] = {"settings": settings_entry(grids), "markets": {}, "ladder": {}, "sweeps": {}}
    for market in markets:
        found = []
        own = [grid for grid in grids if not (grid.control and market.drawn)]  # where all is luck, a control is no news
        for i, seed in enumerate(market.seeds or (None,)):
            runs = run_market(
                market, own, seed=seed, ladder=i == 0, out=out, workers=workers, progress=Progress(shown=True)
            )
            stores.append(runs.store)
            count += len(runs.outcomes)
            if i == 0:
                study["markets"][market.name] = market_entry(runs)
                study["ladder"][market.name] = ladder_numbers(runs)
            found.append({"seed": seed, "levels": sweep_numbers(runs, own, cells=not market.drawn)})
        study["sweeps"][market.name] = found
    configs = [study["settings"], *(each["config"] for each in study["markets"].values())]
    return {
        "halfspread": __version__,
        "sources": package_hash(),
        "config_digest": digest_of(json.loads(to_json(configs))),
        "runs": count,
        **study,
    }, stores


@contextmanager
def _spent(out: Path) -> Iterator[Callable[[], float]]:
    """Gives the seconds spent so far, those of tries that were interrupted among them."""
    began, kept = time.perf_counter(), out / ".study-seconds"
    before = float(kept.read_text(encoding="utf-8")) if kept.is_file() else 0.0
    try:
        yield lambda: before + time.perf_counter() - began
    except BaseException:
        out.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{before + time.perf_counter() - began:.0f}\n", encoding="utf-8")
        raise
    kept.unlink(missing_ok=True)


def write_study(study: Mapping[str, Any], to: Path) -> None:
    """costs.json, costs.md and images/ in the folder ``to``. Raises OSError."""
    (to / "images").mkdir(parents=True, exist_ok=True)
    (to / "costs.json").write_text(to_json(study), encoding="utf-8")
    for name, drawing in pictures(study).items():
        (to / "images" / name).write_text(drawing, encoding="utf-8")
    (to / "costs.md").write_text(page(study), encoding="utf-8")
