"""What the page, the table and the JSON of a training say of it."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from halfspread.reports.text import plain
from halfspread.reports.training_charts import calibration_curve, loss_curves, rounds_chart
from halfspread.reports.training_page import training_page, verdict
from halfspread.reports.training_text import training_table
from halfspread.reports.training_view import FitView, RoundView, entry
from tests.reports.test_page_in_browser import BROWSERS, FLAGS
from tests.reports.training_views import shift, view


def test_the_page_escapes_what_it_is_given_and_needs_nothing_from_elsewhere() -> None:
    page = training_page(view(), {"version": "0.1.0"})
    assert "clone of &lt;b&gt;trend&lt;/b&gt;" in page
    assert "&lt;i&gt;own_pnl&lt;/i&gt;" in page
    assert "<b>" not in page
    assert "<i>own" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert len(page) < 250_000


def test_words_compare_the_learners_own_trajectory_with_the_experts() -> None:
    words = verdict(view())
    assert "disagrees with its expert at 3.2% of decisions (95% interval 2.5% to 4.1%), against 1.5%" in words
    assert "2.1 times as often" in words
    assert "earned more" not in words
    found = view().fidelity
    assert found is not None
    assert "times as often" not in verdict(view(fidelity=replace(found, agreement=0.968)))
    assert "of decisions, against" in verdict(view(fidelity=replace(found, low=math.nan, high=math.nan)))
    assert "Nothing can be said" in verdict(view(fidelity=None))


def test_a_learner_that_earned_more_than_its_expert_is_no_better_imitation() -> None:
    expert, learner = view().money
    assert "that does not make it a better imitation" in verdict(view(money=(learner, expert)))


def test_the_confusion_is_in_percent_of_what_the_expert_wanted() -> None:
    page = training_page(view())
    assert ">97.4%</td>" in page  # 1,850 of 1,900
    assert ">2.6%</td>" in page
    assert 'title="1,850"' in page


def test_money_adds_up_and_a_cost_is_negative() -> None:
    page, text = training_page(view()), plain(training_table(view()))
    for words in ("+437.50", "+297.50"):  # 910 - 60 - 310 - 102.5
        assert words in page
        assert words in text
    assert "\N{MINUS SIGN}310.00" in text


def test_a_bare_view_leaves_out_what_it_does_not_know() -> None:
    bare = view(fidelity=None, rounds=(), money=(), shifts=(), model=None, fit=FitView(()), warnings=())
    page, text = training_page(bare), plain(training_table(bare))
    for anchor in ("fidelity", "shift", "money", "rounds", "fit", "model"):
        assert f'id="{anchor}"' not in page
    assert 'id="data"' in page
    assert "nan" not in page
    assert "nan" not in text


def test_numbers_that_are_not_known_are_dashes_and_null() -> None:
    found = view(shifts=(shift(usual=math.nan, windows=()),))
    assert "nan" not in training_page(found)
    text = json.dumps(entry(found), allow_nan=False)
    back = json.loads(text)
    assert back["shifts"][0]["usual"] is None
    assert back["rounds"][0]["disagreement"] is None
    assert back["money"][0]["total"] == 437.5
    assert back["label_count"] == 12_000


def test_every_field_of_the_view_is_in_the_json() -> None:
    found = entry(view())
    assert {"title", "expert", "fit", "rounds", "fidelity", "money", "shifts", "model", "seed"} <= set(found)
    assert found["fidelity"]["confusion"][0] == [1_850, 0, 50]


def test_the_round_and_the_epoch_that_are_kept_are_marked_once() -> None:
    assert rounds_chart(view().rounds).count('class="line net"') == 1
    assert "round 2, judged: 3.2%" in rounds_chart(view().rounds)
    assert loss_curves(view().fit).count('class="line net"') == 1
    assert "epoch 15: " in loss_curves(view().fit)
    assert rounds_chart([RoundView(0, 1.0, 10, judged=0.1)]) == ""
    assert loss_curves(FitView(())) == ""


def test_a_fit_of_one_epoch_without_validation_is_drawn() -> None:
    drawn = loss_curves(FitView((0.7,), best_epoch=1))
    assert "epoch 1: 0.7000" in drawn
    assert "set aside" not in drawn


def test_a_calibration_curve_shows_bins_that_have_rows() -> None:
    bins = view().fit.calibration
    drawn = calibration_curve([*bins, replace(bins[0], rows=0)])
    assert drawn.count(", is right ") == len(bins)
    assert calibration_curve([]) == ""


def test_the_terminal_table_fits_a_hundred_columns() -> None:
    assert max(len(line) for line in plain(training_table(view())).splitlines()) <= 100


@pytest.mark.parametrize("width", [500, 1100])
def test_the_page_is_drawn_without_an_error_and_never_scrolls_sideways(tmp_path: Path, width: int) -> None:
    browser = next((at for name in BROWSERS if (at := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is on the path")
    page = training_page(view()).replace("Content-Security-Policy", "x-none")
    measure = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", measure), encoding="utf-8")
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},800", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    assert "CONSOLE" not in done.stderr
    found = re.findall(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found, done.stderr
    assert int(found[0][0]) <= int(found[0][1]) <= width
