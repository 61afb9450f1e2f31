"""Grids and ranges as typed become cells; what cannot be one is refused in words."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from halfspread.configs.cells import Axis, Range, count_cells, drawn_cells, grid_cells, parse_axes
from halfspread.errors import ConfigError


def grid(*texts: str) -> list[tuple[str, ...]]:
    axes = [axis for axis in parse_axes(texts) if isinstance(axis, Axis)]
    return [cell.settings for cell in grid_cells(axes)]


def test_a_grid_goes_from_one_end_to_the_other_both_included() -> None:
    assert grid("agent.fast=5:20:5") == [(f"agent.fast={n}",) for n in (5, 10, 15, 20)]
    assert grid("agent.fast=5:19:5") == [(f"agent.fast={n}",) for n in (5, 10, 15)]
    assert grid("agent.fast=1:3") == [("agent.fast=1",), ("agent.fast=2",), ("agent.fast=3",)]


def test_steps_of_a_tenth_are_counted_in_decimals() -> None:
    assert grid("agent.width=0.1:0.5:0.1") == [(f"agent.width={x}",) for x in ("0.1", "0.2", "0.3", "0.4", "0.5")]


def test_the_last_key_runs_fastest() -> None:
    assert grid("a.x=1,2", "a.y=true,false") == [
        ("a.x=1", "a.y=true"),
        ("a.x=1", "a.y=false"),
        ("a.x=2", "a.y=true"),
        ("a.x=2", "a.y=false"),
    ]


def test_a_list_holds_whatever_set_takes() -> None:
    cells = list(grid_cells(parse_axes(["margin={ kind = 'none', x = [1, 2] },word,'a, b'"])))  # type: ignore[arg-type]
    assert [cell.parameters["margin"] for cell in cells] == [{"kind": "none", "x": [1, 2]}, "word", "a, b"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "nothing to sweep"),
        (["agent.fast"], "expected a key and its values"),
        (["agent.fast="], "no values"),
        (["agent..fast=1"], "expected a key and its values"),
        (["agent.fast=1,,2"], "an empty value"),
        (["agent.fast=1,1"], "1 is there 2 times"),
        (["agent.fast=9:5:1"], "empty: 9 is above 5"),
        (["agent.fast=5:9:0"], "expected a step above 0"),
        (["agent.fast=5:9:-1"], "expected a step above 0"),
        (["agent.fast=1:1e12:1"], "values of one key"),
        (["agent.fast=9..5"], "an empty range"),
        (["agent.fast=0..5:log"], "begins above 0"),
        (["agent.fast=a..b"], "expected numbers at both ends"),
        (["agent.fast=[1,2"], "is no value"),
        (["agent.fast=1,2", "agent.fast=3"], "is there 2 times"),
        (["agent.slow=1,2"], "--set gives it one value and --grid several"),
    ],
)
def test_what_is_no_grid_is_refused_in_words(texts: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_axes(texts, ["agent.slow=5"])


def test_cells_are_counted_before_they_are_made() -> None:
    axes = parse_axes(["a.x=1:1000000:1", "a.y=1:1000000:1"])
    assert count_cells(axes) == 10**12
    assert len(list(islice(grid_cells([axis for axis in axes if isinstance(axis, Axis)]), 3))) == 3


def test_a_range_wants_random() -> None:
    axes = parse_axes(["a.x=1..5"])
    with pytest.raises(ConfigError, match="say how often with --random N"):
        count_cells(axes)
    assert count_cells(axes, 7) == 7
    with pytest.raises(ConfigError, match="from 1 on"):
        count_cells(axes, 0)


def test_drawn_cells_are_different_within_their_ranges_and_the_same_for_the_same_seed() -> None:
    axes = parse_axes(["a.n=5..50", "a.x=1e-4..1e-2:log", "a.z=0.5..0.75", "a.w=cat,dog"])
    cells = list(drawn_cells(axes, 200, np.random.default_rng(1)))
    assert cells == list(drawn_cells(axes, 200, np.random.default_rng(1)))
    assert cells != list(drawn_cells(axes, 200, np.random.default_rng(2)))
    assert len({cell.settings for cell in cells}) == 200
    found = [cell.parameters for cell in cells]
    assert {type(each["a.n"]) for each in found} == {int}
    assert min(each["a.n"] for each in found) == 5
    assert max(each["a.n"] for each in found) == 50
    assert all(1e-4 <= each["a.x"] <= 1e-2 and 0.5 <= each["a.z"] <= 0.75 for each in found)
    assert {each["a.w"] for each in found} == {"cat", "dog"}
    middle = sorted(each["a.x"] for each in found)[100]
    assert 5e-4 < middle < 2e-3  # the middle of a logarithmic range is the geometric one


def test_drawing_more_than_there_is_says_so() -> None:
    axes = parse_axes(["a.n=1..3"])
    assert len(list(drawn_cells(axes, 3, np.random.default_rng(0)))) == 3
    with pytest.raises(ConfigError, match="only 3 different settings"):
        list(drawn_cells(axes, 4, np.random.default_rng(0)))


def test_a_whole_logarithmic_range_keeps_its_ends() -> None:
    drawn = [Range("a.n", 1.0, 4.0, True, True).draw(np.random.default_rng(i)) for i in range(200)]
    assert set(drawn) == {"1", "2", "3", "4"}
