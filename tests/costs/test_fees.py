"""Fees: constant, of the venue, by date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs import kernels
from halfspread.costs.base import BEGINNING, nanoseconds
from halfspread.costs.fees import FeePeriod, Fees, FeeSchedule, FeeTier
from halfspread.errors import ConfigError

APRIL = datetime(2022, 4, 1, tzinfo=UTC)
SCHEDULE = FeeSchedule(
    periods=(
        FeePeriod(taker=7.5e-4, maker=-2.5e-4, verified=False, note="extended back"),
        FeePeriod(start=APRIL, taker=6e-4, maker=1e-4),
    )
)


def test_a_period_begins_at_its_start() -> None:
    start = nanoseconds(APRIL)
    assert SCHEDULE.at(start - 1).taker == 7.5e-4
    assert SCHEDULE.at(start).taker == 6e-4
    assert SCHEDULE.at(BEGINNING).maker == -2.5e-4


def test_the_arrays_are_what_the_loop_reads() -> None:
    starts, taker, maker = SCHEDULE.arrays()
    assert starts.dtype == np.int64
    assert starts.tolist() == [BEGINNING, 1_648_771_200_000_000_000]
    assert taker.tolist() == [7.5e-4, 6e-4]
    assert maker.tolist() == [-2.5e-4, 1e-4]


@given(st.integers(0, 2**62))
def test_model_and_kernel_find_the_same_period(time: int) -> None:
    starts, taker, _ = SCHEDULE.arrays()
    assert taker[kernels.schedule_index(starts, time)] == SCHEDULE.at(time).taker


@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=6, unique=True))
def test_starts_of_a_schedule_rise(starts: list[datetime]) -> None:
    later = [FeePeriod(start=start.replace(tzinfo=UTC), taker=0, maker=0) for start in sorted(starts)]
    schedule = FeeSchedule(periods=(FeePeriod(taker=0, maker=0), *later))
    assert (np.diff(schedule.arrays()[0].astype(object)) > 0).all()
    if len(later) > 1:
        with pytest.raises(ConfigError, match="expected a start later than that of period"):
            FeeSchedule(periods=(schedule.periods[0], *reversed(later)))


def test_the_fee_is_on_the_value_at_the_fill_price() -> None:
    reference, fill, taker = 100.0, 100.25, 5.5e-4
    assert kernels.fee_amount(taker, 2.0 * fill) == -taker * 200.5
    assert kernels.fee_amount(taker, 2.0 * fill) != kernels.fee_amount(taker, 2.0 * reference)


def test_constant_fees_hold_at_every_date_and_override_the_venue() -> None:
    schedule = Fees(taker=5.5e-4, maker=2e-4).schedule(SCHEDULE)
    assert schedule.arrays()[0].tolist() == [BEGINNING]
    assert schedule.at(0) == FeePeriod(taker=5.5e-4, maker=2e-4)


def test_fees_of_the_venue_are_those_of_the_instrument() -> None:
    assert Fees.venue().schedule(SCHEDULE) == SCHEDULE


def test_an_instrument_without_fees_has_none_of_its_venue_to_give() -> None:
    with pytest.raises(ConfigError, match=r"give Fees\(taker=..., maker=...\)"):
        Fees.venue().schedule(None)
    assert Fees.none().schedule(None).at(0).taker == 0.0


def test_dated_fees_are_ones_own_schedule() -> None:
    fees = Fees.dated(*SCHEDULE.periods)
    assert fees.schedule(None) == SCHEDULE
    with pytest.raises(ConfigError, match="at least one period"):
        Fees.dated()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "expected both taker= and maker="),
        ({"taker": 5e-4}, "expected both taker= and maker="),
        ({"taker": 0.055, "maker": 0.02}, "for 0.055 % write 0.00055"),
        ({"taker": float("nan"), "maker": 0}, "finite number"),
        ({"taker": "free", "maker": 0}, "got 'free'"),
        ({"kind": "venue", "taker": 1e-4}, "kind 'venue' takes no taker= and maker= of its own"),
        ({"kind": "constant", "taker": 0, "maker": 0, "periods": SCHEDULE.periods}, "takes no periods"),
        ({"taker": 0, "maker": 0, "rebate": 1}, "rebate: Extra inputs"),
    ],
)
def test_fees_that_make_no_sense_are_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Fees(**fields)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("periods", "complaint"),
    [
        ((), "at least one period"),
        ((FeePeriod(start=APRIL, taker=0, maker=0),), "the first period holds from the beginning"),
        ((FeePeriod(taker=0, maker=0), FeePeriod(taker=0, maker=0)), "only the first period has no start"),
        (
            (
                FeePeriod(taker=0, maker=0),
                FeePeriod(start=APRIL, taker=0, maker=0),
                FeePeriod(start=APRIL, taker=0, maker=0),
            ),
            "period 2: expected a start later",
        ),
    ],
)
def test_a_schedule_that_is_no_sequence_is_refused(periods: tuple[FeePeriod, ...], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FeeSchedule(periods=periods)
    assert complaint in str(caught.value)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a time with a zone, such as 2024-01-31T00:00:00Z"):
        FeePeriod(start=datetime(2022, 4, 1), taker=0, maker=0)


def test_a_time_of_another_zone_is_kept_in_utc() -> None:
    period = FeePeriod(start=datetime(2022, 4, 1, 2, tzinfo=timezone(timedelta(hours=2))), taker=0, maker=0)
    assert period.start == APRIL
    assert period.start is not None
    assert period.start.tzinfo is UTC


def test_only_periods_that_a_run_touches_are_reported_as_inferred() -> None:
    start = nanoseconds(APRIL)
    assert SCHEDULE.unverified(start, start + 1) == ()
    assert SCHEDULE.unverified(start - 1, start + 1) == (
        "not verified: fees (taker 7.5 bp, maker -2.5 bp) from the beginning: extended back",
    )


@pytest.mark.parametrize(
    ("fees", "words"),
    [
        (Fees.none(), "no fees are charged"),
        (Fees(taker=5.5e-4, maker=2e-4), "taker 5.5 bp, maker 2 bp of the value at the fill price"),
        (Fees.dated(*SCHEDULE.periods), "from 2022-04-01 00:00 UTC taker 6 bp, maker 1 bp"),
        (Fees.venue(), "those of the venue by date"),
    ],
)
def test_the_report_says_what_was_charged(fees: Fees, words: str) -> None:
    assert words in fees.describe()


def test_the_report_spells_out_the_fees_of_the_venue() -> None:
    assert "from the beginning taker 7.5 bp, maker -2.5 bp" in Fees.venue().describe(SCHEDULE)


TIERS = (
    FeeTier(volume=0, taker=7.5e-4, maker=2e-4),
    FeeTier(volume=1e6, taker=5e-4, maker=1e-4),
    FeeTier(volume=5e6, taker=4e-4, maker=0.0),
)
TURN = datetime(2024, 1, 1, tzinfo=UTC)


def tiered() -> FeeSchedule:
    return FeeSchedule(
        periods=(
            FeePeriod(taker=1e-3, maker=0.0),
            FeePeriod(start=TURN, taker=7.5e-4, maker=2e-4, tiers=TIERS[1:]),
        )
    )


def test_tiers_are_rows_sorted_by_start_and_volume() -> None:
    starts, rows = tiered().tier_arrays()
    turn = nanoseconds(TURN)
    assert starts.tolist() == [BEGINNING, turn, turn, turn]
    assert rows.tolist() == [[0, 1e-3, 0], [0, 7.5e-4, 2e-4], [1e6, 5e-4, 1e-4], [5e6, 4e-4, 0]]
    assert [array.tolist() for array in tiered().arrays()] == [[BEGINNING, turn], [1e-3, 7.5e-4], [0.0, 2e-4]]


@pytest.mark.parametrize(
    ("after", "volume", "taker"),
    [
        (-1, 9e9, 1e-3),
        (0, 0.0, 7.5e-4),
        (0, 999_999.0, 7.5e-4),
        (0, 1e6, 5e-4),
        (5, 4.9e6, 5e-4),
        (5, 9e9, 4e-4),
        (5, float("nan"), 7.5e-4),
    ],
)
def test_the_tier_is_the_last_whose_volume_is_reached(after: int, volume: float, taker: float) -> None:
    starts, rows = tiered().tier_arrays()
    row = kernels.fee_row(starts, np.ascontiguousarray(rows[:, 0]), nanoseconds(TURN) + after, volume)
    assert rows[row, 1] == taker


def test_the_volume_is_that_of_the_thirty_days_before_today() -> None:
    traded: dict[int, float] = {}
    days, last = np.zeros(31), 19_000
    rng = np.random.default_rng(1)
    for step in [1] * 40 + [7, 40, 1, 30, 1, 31, 1, 2]:
        today = last + step
        volume = kernels.roll_volume_days(days, last, today)
        assert volume == sum(amount for day, amount in traded.items() if today - 30 <= day < today)
        traded[today] = float(rng.integers(1, 100))
        days[today % 31] += traded[today]
        last = today


def test_fees_by_volume_hold_at_all_dates() -> None:
    fees = Fees.tiers(TIERS[::-1])
    schedule = fees.schedule(None)
    assert schedule.tier_arrays()[1].tolist() == [[tier.volume, tier.taker, tier.maker] for tier in TIERS]
    assert "by 30-day volume down to taker 4 bp, maker 0 bp (3 tiers, the last from 5,000,000)" in fees.describe()
    assert Fees.model_validate_json(fees.model_dump_json()) == fees


def test_discounts_of_the_venue_are_granted_only_when_asked_for() -> None:
    assert Fees.venue().schedule(tiered()).tier_arrays()[1].tolist() == [[0, 1e-3, 0], [0, 7.5e-4, 2e-4]]
    assert len(Fees.venue(tiers=True).schedule(tiered()).tier_arrays()[0]) == 4
    assert "by 30-day volume" not in Fees.venue().describe(tiered())
    assert "by 30-day volume" in Fees.venue(tiers=True).describe(tiered())


def test_unverified_tiers_are_told_where_they_are_used() -> None:
    doubtful = FeeSchedule(periods=(tiered().periods[1].model_copy(update={"start": None, "tiers_verified": False}),))
    assert len(Fees.venue(tiers=True).schedule(doubtful).unverified(0, 1)) == 1
    assert Fees.venue().schedule(doubtful).unverified(0, 1) == ()


@pytest.mark.parametrize("volumes", [(0.0,), (1e6, 1e6), (2e6, 1e6)])
def test_tiers_that_do_not_rise_are_refused(volumes: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"tiers: tier \d: expected a volume above"):
        FeePeriod(taker=1e-3, maker=0.0, tiers=tuple(FeeTier(volume=v, taker=5e-4, maker=0.0) for v in volumes))


def test_tiers_without_a_base_are_refused() -> None:
    for tiers in ((), TIERS[1:]):
        with pytest.raises(ConfigError, match="expected a first tier of volume 0"):
            Fees.tiers(tiers)


def test_only_the_venue_has_discounts_to_ask_for() -> None:
    with pytest.raises(ConfigError, match="by_volume is for the tiers of the venue, got kind 'constant'"):
        Fees(taker=1e-3, maker=0.0, by_volume=True)
