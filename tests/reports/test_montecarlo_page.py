"""The page of a Monte Carlo: it says what was varied, and escapes what came from outside."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halfspread.reports.montecarlo_charts import fan_chart, scatter_chart
from halfspread.reports.montecarlo_page import montecarlo_page
from halfspread.reports.montecarlo_statistics import AgentTrials
from halfspread.reports.montecarlo_view import MonteCarlo, cell_text, sentences

DAY = 86_400_000_000_000


def agent(name: str = "mine", seeds: int = 20, paths: int = 1, *, shift: float = 0.0, failed: Any = ()) -> AgentTrials:
    rng = np.random.default_rng(len(name))
    count = seeds * paths
    pnl = 0.01 * rng.standard_normal((90, count)) + shift
    total = pnl.sum(axis=0)
    metrics = {
        "total_return": total,
        "information_ratio": 10.0 * total,
        "max_drawdown": np.abs(total),
        "turnover": 100.0 + total,
        "execution_return": -0.2 - 0.1 * np.abs(total),
    }
    parts = {"price": total + 0.3, "fee": np.full(count, -0.3), "funding": 0.02 * total, "liquidation": np.zeros(count)}
    numbers = np.arange(count)
    days = DAY * np.arange(90, dtype=np.int64)
    places = (numbers % seeds, numbers // seeds)
    return AgentTrials(name, numbers, *places, metrics, parts | {"total": total}, days, pnl.cumsum(axis=0), failed)


def made(*agents: AgentTrials, seeds: int = 20, paths: int = 0, market: str = "one") -> MonteCarlo:
    return MonteCarlo(
        title="test: mine",
        what="bitmex XBTUSD",
        agents=agents,
        seeds=seeds,
        paths=paths,
        market=market,
        varied={},
        block=5.0,
        days=300,
        assumptions={"fees": "none"},
    )


def test_the_page_has_the_table_the_histogram_the_fan_and_the_scatter() -> None:
    page = montecarlo_page(made(agent()), {"seed": 1})
    for words in ("Distribution", "How often what came out", "Equity curves", "Execution against carry", "Provenance"):
        assert words in page
    assert page.count("<circle") == 20
    assert "mine, trial 19" in page
    assert "trial 0 (first)" in page
    assert "Seeds or market" not in page
    assert "Agents against each other" not in page
    assert '<th scope="row">Liquidation</th>' not in page  # zero throughout


def test_seeds_that_change_nothing_are_told() -> None:
    one = agent()
    idle = replace(
        one,
        metrics={name: np.full_like(values, values[0]) for name, values in one.metrics.items()},
        attribution={name: np.full_like(values, values[0]) for name, values in one.attribution.items()},
    )
    said = f"The seed of {one.name} changes nothing: all trials are one and the same run"
    assert any(each.startswith(said) for each in sentences(made(idle)))
    assert not any("changes nothing" in each for each in sentences(made(one)))
    paths = agent(seeds=1, paths=20)
    assert not any("changes nothing" in each for each in sentences(made(paths, seeds=1, paths=20, market="bootstrap")))


def test_what_was_varied_is_what_is_said() -> None:
    one = sentences(made(agent()))
    assert one[0] == "Varied: 20 seeds of the agent. The market is one and the same in all trials."
    assert "nothing about what another stretch of market" in one[1]
    paths = sentences(made(agent(seeds=1, paths=20), seeds=1, paths=20, market="bootstrap"))
    assert paths[0].startswith("Varied: 20 paths of the market, its own 300 days in blocks of 5.0 days on average")
    assert "The seed of the agent is the same" in paths[0]
    assert paths[2].startswith("Paths know no other days than those of this history")
    both = sentences(made(agent(seeds=5, paths=4), seeds=5, paths=4, market="drawn"))
    assert both[0] == "Varied: 5 seeds of the agent, each on 4 markets made with seeds of their own."
    assert "The standard error of the mean knows both" in both[1]
    drawn = replace(made(agent()), varied={"agent.clip": "uniform:0.9:1.0"})
    assert "and draws of agent.clip" in sentences(drawn)[0]


def test_crossed_trials_have_a_table_of_what_seeds_and_paths_differ_by() -> None:
    page = montecarlo_page(made(agent(seeds=5, paths=4), seeds=5, paths=4, market="bootstrap"))
    assert "Seeds or market" in page
    assert "Between paths" in page


def test_agents_stand_against_each_other_and_failures_are_told() -> None:
    second = agent("other", shift=0.01, failed=[(3, "Boom <script>alert(1)</script>\nmore"), (7, "Boom")])
    page = montecarlo_page(made(agent(), second))
    assert "mine less other" in page
    assert "Trials that did not run to their end" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_agent_without_a_trial_and_trials_of_other_days_leave_a_page() -> None:
    nobody = agent("nobody", seeds=0, failed=[(k, "no") for k in range(20)])
    page = montecarlo_page(made(agent(), nobody))
    assert "nobody" in page
    apart = replace(agent(), equity=None)
    assert "Equity curves" not in montecarlo_page(made(apart))


def test_a_fan_shows_quantiles_of_every_day() -> None:
    days = DAY * np.arange(11, dtype=np.int64)
    equity = np.outer(np.arange(11.0), np.arange(101.0) / 100.0)
    svg = fan_chart(days, equity, [("one", 50, "net")], caption="Net", note="n", label=lambda v: f"{v:.2f}")
    assert "at the end: 5% at 0.50, half at 5.00, 95% at 9.50" in svg
    lines = re.findall(r'd="M([^"Z]*)"', svg)
    assert lines[0] == lines[1]  # the trial in the middle is the median
    assert svg.count('class="fill series-0"') == 2


def test_dots_of_a_scatter_are_where_their_values_are() -> None:
    group = ("mine", np.array([0.0, 1.0]), np.array([0.0, 2.0]), [4, 9])
    svg = scatter_chart([group], caption="c", note="n", across="x", label=lambda v: f"{v:g}", styles=["series-0"])
    found = re.findall(r'cx="([\d.]+)%" cy="([\d.]+)"', svg)
    (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in found]
    assert x0 == pytest.approx(100.0 - x1, abs=0.02)
    assert y0 == pytest.approx(300.0 - y1, abs=0.2)
    assert x0 < x1
    assert y0 > y1  # upwards


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total_return", 0.1234, "12.3%"),
        ("turnover", 3374.0, "3,374\N{MULTIPLICATION SIGN}"),
        ("information_ratio", 1.5, "1.50"),
    ],
)
def test_values_are_written_as_people_read_them(name: str, value: float, text: str) -> None:
    assert cell_text(name, [value])(value) == text
    assert cell_text(name, [value])(math.nan) == "\N{EN DASH}" or name == "turnover"
