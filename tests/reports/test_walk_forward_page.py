"""What the page of a walk-forward says of its result, and what it draws."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.engine.times import DAY
from halfspread.reports.certainty import find_intervals
from halfspread.reports.daily_figures import daily_figures
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.statistics.days import Days
from halfspread.reports.walk_forward_charts import Stage, inside_against_outside, stages_strip, steps
from halfspread.reports.walk_forward_page import verdict, walk_forward_page
from halfspread.reports.walk_forward_view import Walked
from halfspread.reports.window_days import day_figures
from tests.reports.test_page_in_browser import BROWSERS, FLAGS

START = int(pd.Timestamp("2024-01-01").as_unit("ns").value)


def stage(i: int, **more: Any) -> Stage:
    """Window ``i``: twenty days of training, two of embargo after one of purge, ten of test."""
    first = START + 10 * i * DAY
    known: dict[str, Any] = {
        "agent": "SmaCross",
        "parameters": {"fast": 5 + 5 * (i % 2)},
        "inside": 1.0,
        "outside": 0.5,
    }
    return Stage((first, first + 19 * DAY), (first + 22 * DAY, first + 32 * DAY), **{**known, **more})


def walked(daily: float, windows: int = 40, **more: Any) -> Walked:
    """Days of noise around ``daily``, half of what is lost at fills."""
    stages = [stage(i) for i in range(windows)]
    index = pd.date_range(pd.Timestamp(stages[0].test[0]), periods=10 * windows, freq="D", tz="UTC", name="day")
    noise = np.random.default_rng(0).standard_normal(len(index))
    table = pd.DataFrame(0.0, index=index, columns=[*ATTRIBUTION, "collateral", "turnover"])
    table = table.assign(price=0.01 * (noise - noise.mean()) + daily, fee=-1e-4, turnover=0.1)
    pnl = table[list(ATTRIBUTION)].sum(axis=1)
    figures: Mapping[str, Any] = day_figures(table, 1.0)
    beyond = daily_figures(
        pnl.to_numpy(),
        total=figures["total_return"],
        price=figures["price_return"],
        execution=figures["execution_return"],
        turnover=figures["turnover"],
    )
    counts = {"fills": 10, "windows_traded": windows, "windows_positive": 0.5, "in_sample": 1.0, "out_of_sample": 0.5}
    amounts = {"leaving_return": -1e-3, "collateral_return": 0.0, "notional": 10_000.0}
    given: dict[str, Any] = {
        "title": "<b>a walk</b>",
        "what": "a market",
        "agent": "SmaCross",
        "schedule": "trained on the last 20d",
        "purge": DAY,
        "metric": "information_ratio",
        "keys": {"fast": [5, 10, 15]},
        "learner": False,
        "tried": 3,
        "refused": ["fast & slow"] * 2,
        "stages": stages,
        "days": table.assign(pnl=pnl),
        "metrics": {**beyond, **figures, **counts, **amounts},
        "intervals": find_intervals(Days.of(pnl), 0),
        "seed": 0,
        "currency": "USDT",
        "warnings": ["thin"] * 3,
        "assumptions": {"fills": "next open"},
    }
    return Walked(**{**given, **more})


def test_words_say_whether_it_can_be_told_from_zero() -> None:
    assert verdict(walked(-0.005)).startswith("Out of sample it loses, and not by bad luck alone")
    assert verdict(walked(0.0)).startswith("Out of sample it loses, ")
    assert "cannot be told from zero" in verdict(walked(0.0))
    gained = verdict(walked(0.005))
    assert gained.startswith("Out of sample it gained")
    assert "others that were tried on these days are not counted" in gained
    assert "cannot be said: intervals need at least 60 days" in verdict(walked(0.005, windows=3))


def test_the_page_escapes_what_it_is_given_and_needs_nothing_from_elsewhere() -> None:
    page = walk_forward_page(walked(0.0))
    assert "&lt;b&gt;a walk&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "fast &amp; slow" in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert len(page) < 250_000


def test_what_was_chosen_is_counted() -> None:
    page = walk_forward_page(walked(0.0))
    assert "of 3 settings: 2 different ones in 40 windows, changed 39 times" in page
    assert "one of 3 settings chosen in each of 40" in page
    learner = walk_forward_page(walked(0.0, learner=True, tried=0, keys={}))
    assert "fitted anew in every training window; none of its parameters tells how" in learner
    assert "no figure here is deflated" not in learner


def test_a_window_without_a_metric_is_in_the_table_but_in_no_chart() -> None:
    stages = [stage(0), stage(1), stage(2, outside=math.nan), stage(3, agent="", parameters={}, inside=math.nan)]
    drawn = inside_against_outside(stages, caption="c", note="", label=str)
    assert re.findall(r"window (\d)", drawn) == ["1", "2"]
    strip = stages_strip(stages, DAY, caption="c", note="")
    for name in ("training", "purge", "embargo", "test"):
        assert [f"window {i}: {name}" in strip for i in range(1, 6)] == [True] * 4 + [False]
    assert "test, stayed flat" in strip
    assert re.findall(r"window (\d)", steps(stages, "fast", [5, 10], caption="fast", note="")) == ["1", "2", "3"]


def test_a_strip_of_many_windows_is_thinned_and_says_so() -> None:
    strip = stages_strip([stage(i) for i in range(1_000)], 0, caption="c", note="n")
    assert "240 of 1,000 windows are drawn" in strip
    assert "purge" not in strip
    assert strip.count("<rect") == 240 * 3


def test_the_page_is_drawn_without_an_error_and_never_scrolls_sideways(tmp_path: Path) -> None:
    browser = next((at for name in BROWSERS if (at := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is on the path")
    page = walk_forward_page(walked(0.0)).replace("Content-Security-Policy", "x-none")
    measure = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", measure), encoding="utf-8")
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,800", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    assert "CONSOLE" not in done.stderr
    found = re.findall(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found, done.stderr
    assert int(found[0][0]) <= int(found[0][1]) <= 500
