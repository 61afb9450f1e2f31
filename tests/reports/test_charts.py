"""Charts are well-formed, labelled, thinned, and show what they were given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray

from halfspread.reports import charts
from halfspread.reports.formats import percent
from halfspread.reports.page_style import CSS, series_style
from halfspread.reports.svg import Axes, element, line_path, step_path, text

SVG = "{http://www.w3.org/2000/svg}"
HOUR = 3_600_000_000_000
Floats = NDArray[np.float64]


def times(count: int) -> NDArray[np.int64]:
    return np.int64(1_551_657_600_000_000_000) + HOUR * np.arange(count, dtype=np.int64)


def svg_of(figure: str) -> ET.Element:
    """The chart of a figure, read by an XML parser, which accepts nothing that is not well-formed."""
    found = ET.fromstring(figure).find(f".//{SVG}svg")
    assert found is not None
    return found


def walk(count: int, seed: int = 3) -> Floats:
    return np.random.default_rng(seed).standard_normal(count).cumsum() * 0.001


def all_charts(count: int) -> dict[str, str]:
    at, values = times(count), walk(count)
    series = [charts.Series(f"agent {i}", at, walk(count, i), *series_style(i)) for i in range(11)]
    parts = [
        ("Price", "part-price", values),
        ("Fees", "part-fee", -np.abs(values)),
        ("Impact", "part-impact", 0 * values),
    ]
    return {
        "line": charts.line_chart(series, caption="Line", label=percent),
        "drawdown": charts.drawdown_chart(at, np.maximum.accumulate(values) - values, caption="Fall", label=percent),
        "position": charts.position_chart(at, np.sign(values), caption="Position", label=percent),
        "stack": charts.stacked_chart(at, parts, total="Net", caption="Stack", label=percent),
        "histogram": charts.histogram(values, caption="Histogram", label=percent),
    }


@pytest.mark.parametrize("count", [1, 2, 50, 5_000])
@pytest.mark.parametrize("kind", ["line", "drawdown", "position", "stack", "histogram"])
def test_every_chart_is_well_formed_xml_with_a_title_and_a_description(kind: str, count: int) -> None:
    svg = svg_of(all_charts(count)[kind])
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert svg.get("role") == "img"
    assert title is not None
    assert title.text
    assert description is not None
    assert description.text
    assert svg.findall(f".//{SVG}text"), "axes have labels"
    assert not re.search(r"nan|inf\b", ET.tostring(svg, encoding="unicode").replace("infinite", ""))


@pytest.mark.parametrize("kind", ["line", "drawdown", "position", "stack", "histogram"])
def test_a_chart_of_nothing_is_still_a_chart(kind: str) -> None:
    assert svg_of(all_charts(0)[kind]).find(f"{SVG}title") is not None


def test_flat_and_extreme_series_are_drawn() -> None:
    for values in (np.zeros(10), np.full(10, 1e12), np.full(10, -1e-12)):
        line = svg_of(charts.line_chart([charts.Series("x", times(10), values, "net")], caption="x", label=percent))
        assert line.find(f".//{SVG}path") is not None
        assert svg_of(charts.histogram(values, caption="x", label=percent)).find(f".//{SVG}rect") is not None


def path_points(data: str) -> Floats:
    return np.array([[float(x) for x in pair.split()] for pair in data.strip("MZ").split("L")])


def test_a_line_is_thinned_and_still_touches_its_extremes() -> None:
    values = np.zeros(200_000)
    values[77_777], values[150_001] = 1.0, -1.0
    series = charts.Series("x", times(len(values)), values, "net")
    svg = svg_of(charts.line_chart([series], caption="x", label=percent, height=200))
    (line,) = svg.findall(f".//{SVG}path")
    points = path_points(line.attrib["d"])
    assert len(points) <= 802
    axes = Axes(0, 1, -1.08, 1.08, 200)
    assert points[:, 1].min() == pytest.approx(float(axes.y(1.0)), abs=0.1)
    assert points[:, 1].max() == pytest.approx(float(axes.y(-1.0)), abs=0.1)
    assert points[points[:, 1].argmin(), 0] == pytest.approx(1000 * 77_777 / 199_999, abs=0.1)


def test_a_line_does_not_cross_a_hole_in_the_data() -> None:
    at = np.r_[times(1_000), times(1_000) + 3_000 * HOUR]
    values = np.r_[np.zeros(1_000), np.ones(1_000)]
    line = charts.line_chart([charts.Series("x", at, values, "net")], caption="x", label=percent)
    fall = charts.drawdown_chart(at, values, caption="x", label=percent)
    for figure, strokes in ((line, [2]), (fall, [2, 2])):
        paths = [path.attrib["d"] for path in svg_of(figure).findall(f".//{SVG}path")]
        assert [data.count("M") for data in paths] == strokes
    (data,) = (path.attrib["d"] for path in svg_of(line).findall(f".//{SVG}path"))
    first, second = (path_points(piece) for piece in data.strip("M").split("M"))
    assert set(first[:, 1]) == {first[0, 1]}
    assert second[:, 0].min() == pytest.approx(1000 * 3_000 / 3_999, abs=0.1)


def test_gains_are_stacked_above_zero_and_costs_below() -> None:
    parts = [
        (name, f"part-{name}", np.full(5, value)) for name, value in (("price", 0.3), ("funding", 0.1), ("fee", -0.2))
    ]
    svg = svg_of(charts.stacked_chart(times(5), parts, total="Net", caption="x", label=percent, height=100))
    paths = {path.attrib["class"]: path_points(path.attrib["d"])[:, 1] for path in svg.findall(f".//{SVG}path")}
    low, high = -0.2 - 0.04 * 0.6, 0.4 + 0.04 * 0.6
    y = Axes(0, 1, low, high, 100).y
    for name, bottom, top in (("price", 0.0, 0.3), ("funding", 0.3, 0.4), ("fee", -0.2, 0.0)):
        drawn = paths[f"fill part-{name}"]
        assert drawn.max() == pytest.approx(float(y(bottom)), abs=0.06), name
        assert drawn.min() == pytest.approx(float(y(top)), abs=0.06), name
    assert paths["line net"] == pytest.approx(np.full(5, float(y(0.2))), abs=0.06)


def test_a_spike_between_the_rows_of_the_stack_stays_inside_the_frame() -> None:
    price = np.linspace(0.0, 0.1, 20_000)
    price[7_777] = 3.0
    parts = [("price", "part-price", price)]
    svg = svg_of(charts.stacked_chart(times(20_000), parts, total="Net", caption="x", label=percent, height=100))
    (line,) = svg.findall(f".//{SVG}path[@class='line net']")
    assert 0.0 <= path_points(line.attrib["d"])[:, 1].min() < 10.0


def test_parts_that_are_zero_throughout_are_left_out_of_the_legend() -> None:
    figure = all_charts(100)["stack"]
    assert "Fees" in figure
    assert "Impact" not in figure


def test_the_bars_of_a_histogram_count_every_value_and_never_mix_signs() -> None:
    values = np.r_[np.full(7, -0.02), np.full(3, 0.01), 5.0]
    svg = svg_of(charts.histogram(values, caption="x", label=percent))
    titles = [title.text or "" for title in svg.findall(f".//{SVG}rect/{SVG}title")]
    assert sum(int(words.rsplit(": ")[1]) for words in titles) == 11
    losses = [rect for rect in svg.findall(f".//{SVG}rect") if rect.attrib["class"] == "fill loss"]
    assert len(losses) == 1


def test_a_rarely_changing_position_is_steps_and_a_busy_one_a_band() -> None:
    calm = np.repeat([0.0, 1.0, -1.0], 1_000)
    (fill, line) = svg_of(charts.position_chart(times(3_000), calm, caption="x", label=percent)).findall(
        f".//{SVG}path"
    )
    assert len(path_points(line.attrib["d"])) == 7  # three levels, two steps, the end
    assert fill.attrib["class"] == "fill exposure"
    busy = np.tile([1.0, -1.0], 2_000)
    figure = charts.position_chart(times(4_000), busy, caption="x", label=percent)
    assert "line: mean, band: lowest to highest, of up to 10 points" in figure


def test_steps_hold_the_value_until_the_next_point() -> None:
    assert step_path(np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 6.0])) == "M0 5L1 5L1 6L2 6L2 6"
    assert line_path(np.zeros(0), np.zeros(0)) == step_path(np.zeros(0), np.zeros(0)) == ""


def test_text_and_attributes_are_escaped_and_stripped_of_what_xml_forbids() -> None:
    markup = element("text", text("<b> & \x00\x1b[31m"), class_='x" onload="alert(1)', data_x=1)
    read = ET.fromstring(markup)
    assert read.text is not None
    assert read.text.startswith("<b> & ")
    assert "\x00" not in read.text
    assert read.attrib == {"class": 'x" onload="alert(1)', "data-x": "1"}
    hostile = charts.line_chart(
        [charts.Series("<script>alert(1)</script>", times(3), np.arange(3.0), "net")],
        caption="</svg><p>",
        label=percent,
    )
    assert "<script" not in hostile
    assert ET.fromstring(hostile) is not None


def test_the_styles_of_lines_differ_for_two_dozen_agents_and_exist() -> None:
    styles = [series_style(index) for index in range(24)]
    assert len(set(styles)) == 24
    assert all(f".{style} {{" in CSS for style, _ in styles)
