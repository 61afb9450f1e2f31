"""Reality check and Hansen's test: what must hold beside the parity with arch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.errors import DataError
from halfspread.reports.statistics.resamples import Resamples, draw_resamples
from halfspread.reports.statistics.series import Floats
from halfspread.reports.statistics.superiority import reality_check, superior_ability


def drawn(days: int = 300, count: int = 500) -> Resamples:
    return draw_resamples(np.random.default_rng(1), days, 2.0, count)


def agents(days: int = 300, count: int = 5, seed: int = 2) -> Floats:
    return 0.01 * np.random.default_rng(seed).standard_normal((days, count))


def test_a_reality_check_by_hand() -> None:
    # The mean is 0.5. One resample draws ones only, 0.5 above it and so as high as the mean; the other draws zeros.
    days = np.array([0.0, 1.0, 0.0, 1.0] * 15)[:, None]
    index = np.stack([np.ones(60), np.zeros(60)]).astype(np.int32)
    found = reality_check(days, Resamples(index, 1.0))
    assert found.statistic == 0.5
    assert found.p == (1 + 1) / (1 + 2)


def test_an_agent_with_an_edge_is_found_and_named() -> None:
    with_edge = agents()
    with_edge[:, 3] += 0.004
    for test in (reality_check, superior_ability):
        found = test(with_edge, drawn())
        assert found.best == 3
        assert found.p < 0.01


def test_a_bad_agent_that_varies_much_hides_the_edge_from_the_reality_check_only() -> None:
    wild = 20.0 * agents(seed=4) - 0.1
    edge = agents(seed=5)[:, :1] + 0.003
    both = np.column_stack([wild, edge])
    assert reality_check(both, drawn()).p > 0.1
    assert superior_ability(both, drawn()).p < 0.01


def test_where_every_agent_loses_nothing_is_superior() -> None:
    found = superior_ability(agents() - 0.01, drawn())
    assert (found.lower, found.p, found.upper) == (1.0, 1.0, 1.0)
    assert found.statistic < 0.0


def test_an_agent_that_equals_the_benchmark_neither_helps_nor_hinders() -> None:
    values = agents()
    with_idle = np.column_stack([values, np.zeros(300)])
    assert superior_ability(with_idle, drawn()).p == superior_ability(values, drawn()).p
    assert superior_ability(np.zeros((300, 2)), drawn()).p == 1.0


def test_too_few_days_and_resamples_of_others_are_refused() -> None:
    for test in (reality_check, superior_ability):
        with pytest.raises(DataError, match="at least 60 days of differences, got 59"):
            test(agents(59), drawn())
        with pytest.raises(DataError, match="resamples are of 300 days"):
            test(agents(200), drawn())
        with pytest.raises(DataError, match="shape"):
            test(np.zeros(300), drawn())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 8.0]), st.floats(-0.002, 0.002))
def test_p_values_are_in_order_and_do_not_depend_on_the_unit(seed: int, scale: float, mean: float) -> None:
    resamples = drawn(60, 99)
    values = agents(60, 3, seed) + mean
    found = superior_ability(values, resamples)
    assert 0.0 < found.lower <= found.p <= found.upper <= 1.0
    assert superior_ability(scale * values, resamples).p == found.p
    assert reality_check(scale * values, resamples).p == reality_check(values, resamples).p
    # Hansen's test does not depend on the unit of each agent by itself
    assert superior_ability(values * np.array([1.0, 2.0, 0.25]), resamples).p == found.p
