"""How often the expert acts in each round."""

from __future__ import annotations

import pytest

from halfspread.agents.imitation.schedules import (
    Schedule,
    adaptive,
    constant,
    exponential,
    indicator,
    linear,
    schedule_of,
)
from halfspread.errors import ConfigError


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (indicator(), [1.0, 0.0, 0.0, 0.0]),
        (exponential(), [1.0, 0.5, 0.25, 0.125]),
        (exponential(0.1), [1.0, 0.1, 0.01, 0.001]),
        (linear(4), [1.0, 0.75, 0.5, 0.25]),
        (linear(2), [1.0, 0.5, 0.0, 0.0]),
        (constant(0.3), [1.0, 0.3, 0.3, 0.3]),
    ],
)
def test_schedules_by_hand(schedule: Schedule, wanted: list[float]) -> None:
    assert [schedule(i, 0.2) for i in range(4)] == pytest.approx(wanted)


def test_the_adaptive_schedule_follows_the_learners_disagreement() -> None:
    schedule = adaptive(10.0)
    assert schedule(0, None) == 1.0
    assert schedule(1, 0.05) == 0.5
    assert schedule(2, 0.01) == pytest.approx(0.1)
    assert schedule(3, 0.4) == 1.0
    assert schedule(4, 0.0) == 0.0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("indicator", indicator()),
        ("exponential", exponential(0.5)),
        ("exponential(0.7)", exponential(0.7)),
        (" linear ", linear(6)),
        ("constant(0.3)", constant(0.3)),
        ("adaptive", adaptive(10.0)),
        ("adaptive(5)", adaptive(5.0)),
    ],
)
def test_a_config_names_a_schedule(text: str, wanted: Schedule) -> None:
    assert schedule_of(text, 6) == wanted


@pytest.mark.parametrize(
    "text", ["", "often", "exponential(2)", "constant", "constant(1.5)", "adaptive(0)", "linear(3)", "exponential(x)"]
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected indicator, exponential"):
        schedule_of(text, 6)
