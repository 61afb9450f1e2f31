"""The imbalance rule: decisions worked by hand, and both forms alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import BookImbalance
from tests.strategies.events import MODES, UNIT, run, run_twins, times


def books(sizes: Any) -> Tape:
    """Books a second apart around 100: sizes of bids 1 and 2, then of asks 1 and 2."""
    table: dict[str, Any] = {"ts": times(np.arange(1.0, len(sizes) + 1.0))}
    columns = np.array(sizes, float).T
    for level in (1, 2):
        table |= {
            f"bid_{level}": np.full(len(sizes), 100.5 - 0.5 * level),
            f"bid_size_{level}": columns[level - 1],
            f"ask_{level}": np.full(len(sizes), 100.5 + 0.5 * level),
            f"ask_size_{level}": columns[level + 1],
        }
    return Tape.from_books(table, UNIT)


def positions(sizes: list[tuple[float, float, float, float]], mode: str, **parameters: Any) -> list[float]:
    """Contracts held after each fill; a target of 1 is one contract."""
    agent = BookImbalance(**parameters)
    fills = run(books([*sizes, sizes[-1]]), agent, mode=mode, sizing=FixedContracts(1)).fills
    return [float(each) for each in np.cumsum(fills["contracts"])]


@pytest.mark.parametrize("mode", MODES)
def test_it_stands_with_the_heavier_side_of_all_its_levels(mode: str) -> None:
    # (4 + 4 - 1 - 1) / 10 = 0.6, then -0.6: the best level alone would say 0 in both
    sizes = [(1.0, 7.0, 1.0, 1.0), (1.0, 1.0, 1.0, 7.0)]
    assert positions(sizes, mode, levels=2, smoothing=0.0) == [1.0, -1.0]
    assert positions(sizes, mode, levels=1, smoothing=0.0) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_position_is_kept_down_to_the_exit(mode: str) -> None:
    sizes = [(8.0, 1.0, 2.0, 1.0), (6.5, 1.0, 3.5, 1.0), (5.5, 1.0, 4.5, 1.0)]  # 0.6, 0.3, 0.1
    assert positions(sizes, mode, levels=1, smoothing=0.0, threshold=0.5, exit=0.2) == [1.0, 0.0]
    assert positions(sizes, mode, levels=1, smoothing=0.0, threshold=0.5) == [1.0]


@pytest.mark.parametrize("mode", MODES)
def test_a_change_is_believed_by_half_after_the_time_constant(mode: str) -> None:
    # 0 at first, then 0.8: smoothed 0.4, 0.6 after one and two seconds
    sizes = [(5.0, 1.0, 5.0, 1.0), (9.0, 1.0, 1.0, 1.0), (9.0, 1.0, 1.0, 1.0)]
    assert positions(sizes, mode, levels=1, smoothing=1.0, threshold=0.5) == [1.0]
    assert positions(sizes, mode, levels=1, smoothing=1.0, threshold=0.61) == []
    assert positions(sizes[:2], mode, levels=1, smoothing=1.0, threshold=0.39) == [1.0]


@pytest.mark.parametrize("parameters", [{}, {"levels": 1, "smoothing": 0.0}, {"threshold": 0.3, "exit": 0.2}])
def test_both_forms_do_the_same(parameters: dict[str, Any]) -> None:
    sizes = np.random.default_rng(2).integers(1, 60, (400, 4)).astype(float)
    sizes[:, :2] *= 1.0 + 3.0 * np.sin(np.arange(400) / 20.0)[:, None] ** 2
    result = run_twins(books(sizes.round()), BookImbalance(**parameters))
    assert len(result.fills) > 3


def test_an_exit_beyond_the_threshold_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"BookImbalance: exit: expected at most threshold 0\.5, got 0\.6"):
        BookImbalance(exit=0.6)
