"""The study of ESN-RRL: its numbers by hand, its rows, and the page against the numbers that are there."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from esn_rrl_study.numbers import beside, daily_table, distribution, numbers_of, ratios, share_of_variance
from esn_rrl_study.page import PLACES, TEMPLATE, page
from esn_rrl_study.paper import PRICE, TABLE_I, TABLE_II
from esn_rrl_study.pictures import pictures
from esn_rrl_study.ranking import ranking_picture
from esn_rrl_study.rows import NEW_MARKET, ROWS, Row
from esn_rrl_study.runs import Runs, run_rows
from esn_rrl_study.study import IMAGES

from halfspread.configs.load import load

STUDIES = Path(__file__).resolve().parents[2] / "docs" / "studies"
DAY = 86_400_000_000_000


def runs_of(net: Any, position: Any = None) -> Runs:
    """Runs whose whole return is that of prices."""
    price = np.asarray(net, np.float64)
    seeds, days = price.shape
    zero, one = np.zeros_like(price), np.zeros(seeds)
    held = zero if position is None else np.asarray(position, np.float64)
    ends = (1.4867712e18 + DAY * np.arange(1, days + 1)).astype(np.float64)
    return Runs(ends, price, zero, zero, zero, held, one, one, one, one, one, one, one, np.array(1.0))


def test_the_run_on_the_new_market_is_the_one_that_was_registered() -> None:
    told = (STUDIES / "esn_rrl_registration.md").read_text(encoding="utf-8")
    found = re.search(r"`([0-9a-f]{64})`", told)
    assert found is not None
    assert hashlib.sha256(NEW_MARKET.read_bytes()).hexdigest() == found[1]


def test_a_distribution_is_what_it_says() -> None:
    found = distribution(np.array([1.0, 2.0, 3.0, 6.0]))
    assert (found["count"], found["mean"], found["min"], found["max"]) == (4, 3.0, 1.0, 6.0)
    assert (found["q25"], found["q50"], found["q75"]) == (1.75, 2.5, 3.75)
    assert found["std"] == pytest.approx(np.sqrt(14.0 / 3.0), rel=1e-14)
    assert found["se"] == pytest.approx(found["std"] / 2.0, rel=1e-14)
    assert found["high"] - found["mean"] == pytest.approx(1.959963984540054 * found["se"], rel=1e-12)


def test_ratios_are_annual_with_365_days_and_0_where_nothing_moves() -> None:
    net = np.array([[0.01, 0.03], [0.0, 0.0]])
    assert ratios(net) == pytest.approx([0.02 / (0.01 * np.sqrt(2.0)) * np.sqrt(365.0), 0.0], rel=1e-14)


def test_the_paper_agrees_with_itself() -> None:
    sums = {name: TABLE_I[name]["sum"] for name in ("execution", "carry", "pnl")}
    assert pytest.approx(sums["pnl"] - sums["execution"] - sums["carry"], abs=1e-9) == PRICE
    for one in TABLE_II.values():
        assert one["std"] / np.sqrt(250) == pytest.approx(one["se"], abs=6e-4)


def test_daily_figures_are_those_of_the_median_seed() -> None:
    found = daily_table(runs_of([[1.0, 5.0], [0.0, 1.0], [1.0, 2.0]], [[9, 9], [8, 8], [0.5, -0.5]]))
    assert found["seed"] == 2
    assert found["pnl"]["sum"] == 3.0
    assert (found["position"]["min"], found["position"]["max"]) == (-0.5, 0.5)


def test_variance_divides_between_days_and_seeds() -> None:
    only_days = share_of_variance({"1": [1.0, 1.0], "2": [3.0, 3.0]})
    assert (only_days["days"], only_days["seeds"], only_days["both"]) == (1.0, 0.0, 0.0)
    crossed = share_of_variance({"1": [0.0, 1.0], "2": [1.0, 0.0]})
    assert (crossed["days"], crossed["seeds"], crossed["both"]) == (0.0, 0.0, 1.0)


def test_the_mean_over_seeds_is_set_beside_the_constant() -> None:
    rng = np.random.default_rng(1)
    days = rng.normal(0.0, 0.01, 400)
    one = runs_of([days + 0.001, days + 0.003])
    found = beside(one, runs_of([days]), runs_of([days + 0.002]))
    assert found["less_constant"]["total"] == pytest.approx(0.8, rel=1e-12)
    assert found["less_constant"]["low"] == pytest.approx(0.8, rel=1e-9)  # every day is 0.002 more
    assert (found["above_constant"], found["above_hold"]) == (1.0, 0.5)
    assert found["alone"]["low"] < found["alone"]["total"] < found["alone"]["high"]


def test_rows_have_keys_of_their_own_and_settings_that_their_configs_take() -> None:
    keys = [row.key for row in ROWS]
    assert len(set(keys)) == len(keys)
    for row in ROWS:
        nudge = (row.nudge.format(k=7),) if row.nudge else ()
        loaded = load(row.config, (*row.settings, *nudge))
        labels = [agent.label for agent in loaded.config.all_agents]
        assert row.agent is None or row.agent in labels, row.key


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, Path]:
    folder = tmp_path_factory.mktemp("rows")
    config = folder / "tiny.toml"
    config.write_text(
        """
name = "tiny"
[market]
source = "synthetic"
days = 80
interval = "1h"
seed = 3
[costs]
half_spread = { kind = "bps", amount = 1.0 }
fees = { kind = "constant", taker = 5e-4, maker = 0.0 }
funding = { kind = "published" }
[margin]
kind = "none"
[sizing]
kind = "fixed_notional"
amount = 10_000
[agent]
type = "esn_rrl"
features = ["log_return(1)"]
reservoir = { size = 8 }
warm_up = 24
gate = { every = 24 }
"""
    )
    return Row("tiny", "main", "tiny", (), 3, config), folder


def test_rows_are_run_by_day_and_kept(tiny: tuple[Row, Path]) -> None:
    row, folder = tiny
    told: list[str] = []
    first = run_rows([row], folder / "out", 2, told.append)["tiny"]
    assert len(told) == 1
    again = run_rows([row], folder / "out", 1, told.append)["tiny"]
    assert len(told) == 1
    assert np.array_equal(first.net, again.net)
    assert first.net.shape == (3, 79)
    (folder / "out" / "tiny.npz").unlink()
    alone = run_rows([row], folder / "out", 1, told.append)["tiny"]
    assert np.array_equal(first.net, alone.net)
    found = numbers_of(row, first)
    assert found["days"] == 79
    assert found["total"]["mean"] == pytest.approx(
        sum(found[part]["mean"] for part in ("price", "execution", "carry")), abs=1e-12
    )
    assert 0.0 <= found["long"]["mean"] + found["short"]["mean"] + found["flat"]["mean"] <= 1.0


def the_study() -> dict[str, Any]:
    """The numbers that are there."""
    there = STUDIES / "esn_rrl.json"
    found: dict[str, Any] = json.loads(there.read_text(encoding="utf-8"))
    return found


def test_the_page_is_that_of_the_numbers() -> None:
    study = the_study()
    assert page(study) == (STUDIES / "esn_rrl.md").read_text(encoding="utf-8")
    places = set(re.findall(r"\{\{(\w+)\}\}", TEMPLATE.read_text(encoding="utf-8")))
    assert places == set(PLACES)


def test_pictures_are_those_of_the_numbers_and_whole() -> None:
    study = the_study()
    drawn = pictures(study) | {"ranking.svg": ranking_picture(study["ranking"])}
    assert {path.name for path in (STUDIES / IMAGES).iterdir()} == set(drawn)
    for name, drawing in drawn.items():
        assert (STUDIES / IMAGES / name).read_text(encoding="utf-8") == drawing
        ET.fromstring(drawing)


def test_every_row_of_the_study_is_in_the_numbers() -> None:
    rows = the_study()["rows"]
    assert set(rows) == {row.key for row in ROWS}
    for row in ROWS:
        assert rows[row.key]["seeds"] == row.seeds
        assert rows[row.key]["settings"] == list(row.settings)
