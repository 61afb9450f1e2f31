"""What tables and charts say of a shift."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from halfspread.reports.shift_charts import disagreement_by_novelty, distance_over_time
from halfspread.reports.shift_section import measure_value, shift_section
from halfspread.reports.text import plain
from halfspread.reports.training_text import shift_table
from tests.reports.training_views import shift


def test_features_come_the_most_distant_first() -> None:
    section = shift_section(shift())
    places = [section.index(f">{name}<") for name in ("own_age", "own_position", "volatility_20", "return_5")]
    assert places == sorted(places)


def test_a_section_says_what_is_resampled() -> None:
    section = shift_section(shift())
    assert "blocks of 48 consecutive rows" in section
    assert "(4,000 rows) against" in section
    assert "MMD of 1,000 rows of each" in section


def test_only_the_largest_of_many_features_are_listed_and_the_rest_is_counted() -> None:
    one = shift().features[0]
    many = tuple(replace(one, feature=f"f{i}", distance=float(i)) for i in range(100))
    section = shift_section(shift(features=many))
    assert "60 more are in the JSON" in section
    assert ">f99<" in section
    assert ">f59<" not in section
    shown = plain(shift_table(shift(features=many)))
    assert "f92 " in shown
    assert "f91 " not in shown


def test_an_infinite_divergence_is_written_as_a_word() -> None:
    assert measure_value(math.inf, "nats") == "infinite"
    assert measure_value(math.nan, "nats") == "\N{EN DASH}"
    assert measure_value(0.0042, "") == "0.0042"


def test_windows_are_drawn_with_their_band_and_what_is_usual() -> None:
    drawn = distance_over_time(shift())
    assert drawn.count("400 rows: ") == 10
    assert "stay below without a shift" in drawn
    assert 'class="fill exposure"' in drawn
    assert "stay below" not in distance_over_time(shift(usual=math.nan))
    assert distance_over_time(shift(windows=shift().windows[:1])) == ""


def test_disagreement_by_novelty_has_a_column_for_each_part() -> None:
    drawn = disagreement_by_novelty(shift().novelty)
    heights = [float(found) for found in re.findall(r'<rect[^>]* height="([\d.]+)"', drawn)]
    assert len(heights) == 5
    assert heights == sorted(heights)
    assert disagreement_by_novelty(()) == ""
