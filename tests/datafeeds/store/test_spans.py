"""Spans are sets of times; partitions cut time without a rest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.partitions import bounds, is_partition, partition_of, partitions_between, split
from halfspread.datafeeds.store.places import store_folder
from halfspread.datafeeds.store.spans import Spans, clipped, contains, length, shared, united, without
from halfspread.engine.times import DAY, parse_time

SOME = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


def times(spans: Spans | list[tuple[int, int]]) -> set[int]:
    return {time for start, end in spans for time in range(start, end)}


@given(SOME, SOME)
def test_spans_are_sets_of_times(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    assert times(united(one)) == times(one)
    assert times(without(one, other)) == times(one) - times(other)
    assert times(shared(one, other)) == times(one) & times(other)
    assert times(clipped(one, 5, 9)) == times(one) & set(range(5, 9))
    assert length(united(one)) == len(times(one))
    assert all(contains(one, time) == (time in times(one)) for time in range(30))
    for found in (united(one), without(one, other), shared(one, other)):
        edges = [edge for span in found for edge in span]
        assert edges == sorted(set(edges))  # apart from each other, none of them empty


@pytest.mark.parametrize("kind", ["bars_5m", "trades"])
@given(start=st.integers(parse_time("2023-12-30"), parse_time("2024-03-02")), spread=st.integers(1, 70 * DAY))
def test_partitions_cut_time_without_a_rest(kind: str, start: int, spread: int) -> None:
    of, end = kind_of(kind), start + spread
    names = list(partitions_between(of, start, end))
    cuts = [bounds(name) for name in names]
    assert cuts[0][0] <= start < cuts[0][1]
    assert cuts[-1][0] < end <= cuts[-1][1]
    assert all(a[1] == b[0] for a, b in pairwise(cuts))
    stamps = np.linspace(start, end - 1, 50).astype(np.int64)
    parts = dict(split(of, stamps))
    assert [i for part in parts.values() for i in range(part.start, part.stop)] == list(range(50))
    assert all(partition_of(of, int(t)) == name for name, part in parts.items() for t in stamps[part])
    assert all(is_partition(of, f"{name}.parquet") for name in names)


def test_names_of_partitions_are_known_from_others() -> None:
    bars, trades = kind_of("bars_5m"), kind_of("trades")
    assert is_partition(bars, "2024-02.parquet")
    assert is_partition(trades, "2024-02-29.parquet")
    for name in ("2024-02-29.parquet", "2024-13.parquet", "2024-02.parquet.bak", ".writing-1-2024-02.parquet", "../a"):
        assert not is_partition(bars, name)
    assert not is_partition(trades, "2023-02-29.parquet")
    assert list(partitions_between(bars, 5, 5)) == []


def test_the_store_is_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HALFSPREAD_STORE", raising=False)
    assert str(store_folder()) == "market_data"
    monkeypatch.setenv("HALFSPREAD_STORE", "elsewhere")
    assert str(store_folder()) == "elsewhere"
    assert str(store_folder("here")) == "here"
