"""The study of costs: its code on tiny markets, and the page that is there against the numbers that are there."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cost_study.cells import only
from cost_study.experts import EXPERTS, GRIDS, LEFT_OUT, Grid
from cost_study.luck import family, judge
from cost_study.markets import NULL, RUNGS, Market
from cost_study.page import TEMPLATE, page
from cost_study.pictures import pictures
from cost_study.study import run_study, write_study

import halfspread as hs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.reports import formats
from halfspread.reports.statistics.probabilistic import deflated_sharpe, effective_trials, selection_p_value
from halfspread.reports.sweep_statistics import luck_variance, sweep_statistics
from halfspread.strategies import BUILT_IN

STUDIES = Path(__file__).resolve().parents[2] / "docs" / "studies"
DAYS = 90
SMALL = (f"market.days={DAYS}", "market.interval=1h")
TINY = ("market.seed=5", "market.basis_deviation=0.0005")
MARKETS = (
    dataclasses.replace(NULL, name="tiny", title="Tiny", seeds=(), settings=(*SMALL, *TINY)),
    dataclasses.replace(NULL, seeds=(1, 2), settings=SMALL),
)


@pytest.fixture(scope="module")
def grids() -> list[Grid]:
    return only(GRIDS, 2)


def study_of(markets: tuple[Market, ...], grids: list[Grid], folder: Path, workers: int) -> dict[str, Any]:
    study, stores = run_study(markets, grids, out=folder, workers=workers)
    for store in stores:
        store.remove()
    return study


@pytest.fixture(scope="module")
def study(grids: list[Grid], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return study_of(MARKETS, grids, tmp_path_factory.mktemp("runs"), 2)


def single(agent: hs.Strategy, rung: str = "all", fill: Any = "next_open") -> hs.Result:
    """One backtest of its own on the tiny market, written without the study's configs."""
    tape = SyntheticMarket(days=DAYS, interval="1h").tape(np.random.default_rng(5))
    charged = {"half_spread", "fees", "funding"} if rung == "all" else {rung}
    costs = hs.Costs(
        half_spread=hs.HalfSpread.from_bars() if "half_spread" in charged else hs.HalfSpread.none(),
        fees=hs.Fees(taker=5.5e-4, maker=2e-4) if "fees" in charged else hs.Fees.none(),
        funding=hs.Funding.published() if "funding" in charged else hs.Funding.none(),
    )
    return hs.backtest(tape, agent, costs, sizing=hs.FixedNotional(10_000), fill=fill, margin=hs.Margin.none(), seed=1)


@pytest.mark.parametrize("rung", ["nothing", "fees", "half_spread", "funding", "all"])
def test_each_rung_of_the_ladder_is_what_a_single_backtest_gives(study: dict[str, Any], rung: str) -> None:
    found = study["ladder"]["tiny"]
    agents = {
        "sma_cross": hs.strategies.SmaCross(fast=20, slow=100),
        "funding_carry": hs.strategies.FundingCarry(threshold=1e-4),
        "donchian_atr": hs.strategies.DonchianAtr(contracts=NULL.contracts),
    }
    for expert, agent in agents.items():
        metrics = single(agent, rung).metrics
        for name in ("total_return", "information_ratio", "turnover", "fills", "funding_return", "fee_return"):
            assert found[expert]["rungs"][rung][name] == metrics[name], (expert, name)


@pytest.mark.parametrize("fill", ["this_close", "next_close"])
def test_other_conventions_are_what_a_single_backtest_gives(study: dict[str, Any], fill: str) -> None:
    found = study["ladder"]["tiny"]["bollinger"]["fills"][fill]["nothing"]
    result = single(hs.strategies.Bollinger(window=100, width=2.0), "nothing", fill)
    assert found["total_return"] == result.metrics["total_return"]
    assert (
        found["total_return"] != study["ladder"]["tiny"]["bollinger"]["fills"]["next_open"]["nothing"]["total_return"]
    )
    assert "next_close" not in study["ladder"]["tiny"]["donchian_atr"]["fills"]


def test_the_costs_taken_one_by_one_add_up_to_all_of_them(study: dict[str, Any]) -> None:
    for ladder in study["ladder"].values():
        for expert, found in ladder.items():
            net = {rung: each["total_return"] for rung, each in found["rungs"].items()}
            alone = sum(net[rung] - net["nothing"] for rung in ("fees", "half_spread", "funding"))
            assert net["nothing"] + alone == pytest.approx(net["all"], abs=1e-7), expert
            assert found["does_not_add_up_by"] < 1e-7
            assert set(RUNGS) <= set(net)


def test_a_setting_of_a_sweep_is_what_a_single_backtest_gives(study: dict[str, Any]) -> None:
    level = study["sweeps"]["tiny"][0]["levels"]["all"]
    cells = level["sweeps"]["sma_cross"]["cells"]
    for i, (fast, slow) in enumerate(cells["settings"]):
        result = single(hs.strategies.SmaCross(fast=fast, slow=slow))
        assert cells["net"][i] == pytest.approx(result.metrics["total_return"], rel=1e-4)
        assert cells["ratio"][i] == pytest.approx(result.metrics["information_ratio"], rel=1e-4)
    hours = level["sweeps"]["time_of_day"]["cells"]
    i = next(i for i, (_, _, side) in enumerate(hours["settings"]) if side == "short")
    start, length, _ = hours["settings"][i]
    table = tuple(-1.0 if (hour - start) % 24 < length else 0.0 for hour in range(24))
    result = single(hs.strategies.TimeOfDay(hours=table))
    assert hours["net"][i] == pytest.approx(result.metrics["total_return"], rel=1e-4)


def test_seeds_make_other_markets_and_the_control_other_agents(study: dict[str, Any]) -> None:
    first, second = (one["levels"]["nothing"]["sweeps"] for one in study["sweeps"]["null"])
    assert first["sma_cross"]["cells"] != second["sma_cross"]["cells"]
    assert "random_turnover" not in first
    control = study["sweeps"]["tiny"][0]["levels"]["nothing"]["sweeps"]["random_turnover"]["cells"]["ratio"]
    assert len(set(control)) == len(control) > 1


def test_the_same_numbers_come_out_whatever_the_number_of_workers(
    study: dict[str, Any], grids: list[Grid], tmp_path: Path
) -> None:
    again = study_of(MARKETS[:1], grids, tmp_path, 1)
    for part in ("markets", "ladder", "sweeps"):  # all but how long it took
        assert again[part]["tiny"] == study[part]["tiny"]
    assert again["settings"] == study["settings"]


def noise(edge: float = 0.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Daily PnL of 40 settings over 400 days, the first with an ``edge`` (annual ratio, about)."""
    days = 0.02 * np.random.default_rng(3).standard_normal((400, 40))
    days[:, 0] += edge * 0.02 / np.sqrt(365.0)
    days[:, 7] = 0.0
    return days


@pytest.mark.parametrize("edge", [0.0, 8.0])
def test_what_survives_is_what_the_statistics_of_reports_say(edge: float) -> None:
    days = noise(edge)
    judged = judge(days, np.random.default_rng(4).standard_normal(400))
    found = family(days, judged)
    traded = [i for i in range(40) if i != 7]
    variance, effective = luck_variance(days), effective_trials(days)
    assert found["deflated"][traded] == pytest.approx([deflated_sharpe(days[:, i], 40, variance) for i in traded])
    few = np.array([selection_p_value(days[:, i], effective) < 0.05 for i in traded])
    assert (found["survives"]["effective"][traded] == few).all()
    assert bool(few[0]) is bool(found["survives"]["deflated"][0]) is (edge > 0.0)
    best = int(judged.ratio.argmax())
    whole = sweep_statistics(days, best, days.sum(axis=0))
    assert (found["luck_ratio"], found["effective_trials"]) == (whole.luck_ratio, whole.effective)
    assert (found["overfitting"], found["best_ratio"]) == (whole.overfitting, whole.best_ratio)
    assert not judged.significant()[7]
    assert found["traded"] == 39
    assert found["tried"] == 40
    assert (found["superior_ability"] < 0.01) is (edge > 0.0)
    assert (found["reality_check"] < 0.01) is (edge > 0.0)


def test_drift_is_taken_out_by_a_constant_position() -> None:
    rng = np.random.default_rng(6)
    hold = 0.004 + 0.02 * rng.standard_normal(400)
    half = 0.5 * hold + 0.001 * rng.standard_normal(400)
    judged = judge(np.column_stack([half, half + 0.0005]), hold)
    assert (judged.psr > 0.95).all()
    assert judged.without_drift[0] < 0.95 < judged.without_drift[1]


def test_every_built_in_expert_is_in_the_study_or_left_out_with_a_reason() -> None:
    assert {*EXPERTS, *LEFT_OUT} == set(BUILT_IN)
    assert not set(EXPERTS) & set(LEFT_OUT)
    assert set(GRIDS) | {"buy_and_hold"} == set(EXPERTS)


def test_the_tiny_study_makes_a_page_whose_tables_are_its_numbers(study: dict[str, Any], tmp_path: Path) -> None:
    write_study(study, tmp_path)
    text = (tmp_path / "costs.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "costs.json").read_text(encoding="utf-8")) == study
    assert page(study) == text
    whole = study["ladder"]["tiny"]["sma_cross"]["rungs"]["all"]
    net = formats.number(100.0 * whole["total_return"], 1, sign=True)
    assert any(line.startswith("| `sma_cross` |") and f" {net} " in line for line in text.splitlines())
    changed = json.loads(json.dumps(study))
    changed["ladder"]["tiny"]["sma_cross"]["rungs"]["all"]["total_return"] += 1.0
    assert page(changed) != text


def test_the_text_has_a_number_only_where_one_is_put() -> None:
    """What is typed by hand is a rule, a definition or a setting: no figure with a decimal, no counted result."""
    text = re.sub(r"\{\{\w+\}\}", "", TEMPLATE.read_text(encoding="utf-8"))
    assert not re.findall(r"\d+\.\d+", text)
    assert set(re.findall(r"\b\d[\d,]*\b", text)) <= {"365", "95", "5", "16", "10,000", "1"}


@pytest.mark.skipif(not (STUDIES / "costs.json").is_file(), reason="the study has not been run here")
def test_the_page_that_is_there_is_made_from_the_numbers_that_are_there() -> None:
    kept = json.loads((STUDIES / "costs.json").read_text(encoding="utf-8"))
    assert page(kept) == (STUDIES / "costs.md").read_text(encoding="utf-8")
    drawn = pictures(kept)
    assert {path.name for path in (STUDIES / "images").iterdir()} == set(drawn)
    for name, drawing in drawn.items():
        assert (STUDIES / "images" / name).read_text(encoding="utf-8") == drawing


def test_pictures_are_small_and_readable_on_dark_and_light_paper(study: dict[str, Any]) -> None:
    for name, drawing in pictures(study).items():
        assert len(drawing.encode()) < 100_000, name
        assert "prefers-color-scheme: dark" in drawing
        root = ET.fromstring(drawing)
        width, height = (float(root.attrib[side]) for side in ("width", "height"))
        for each in root.iter("{http://www.w3.org/2000/svg}text"):
            assert 0.0 <= float(each.attrib["x"]) <= width
            assert 0.0 <= float(each.attrib["y"]) <= height
        assert "nan" not in drawing.lower()
