"""A made-up training with every part that a page can show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from halfspread.reports.shift_view import ActionRow, FeatureRow, MeasureRow, NoveltyRow, ShiftView, WindowRow
from halfspread.reports.training_view import (
    Calibration,
    Fidelity,
    FitView,
    ModelFile,
    Money,
    Party,
    RoundView,
    Rows,
    TrainingView,
)

__all__ = ["shift", "view"]

START = int(pd.Timestamp("2023-01-01").as_unit("ns").value)
HOUR = 3_600_000_000_000
BEGUN = START + 12_024 * HOUR


def shift(**more: Any) -> ShiftView:
    """A shift of six features in ten windows."""
    rng = np.random.default_rng(3)
    names = ("return_5", "volatility_20", "own_position", "own_age", "<i>own_pnl</i>", "minutes_to_funding")
    features = tuple(
        FeatureRow(name, 0.01 * i, 0.01 * i + drift, drift, drift - 0.1, drift + 0.1, abs(drift) + 0.02,
                   max(abs(drift) - 0.07, 0.0), abs(drift) + 0.12, drift**2, 0.002 if abs(drift) > 0.1 else 0.4)
        for i, (name, drift) in enumerate(zip(names, (0.02, -0.05, 0.21, 0.44, -0.12, 0.0), strict=True))
    )  # fmt: skip
    windows = tuple(
        WindowRow(START + 400 * i * HOUR, START + 400 * (i + 1) * HOUR, 400, level, level - 0.04, level + 0.05, 0.03)
        for i, level in enumerate((0.1 + 0.02 * np.arange(10) + 0.02 * rng.standard_normal(10)).tolist())
    )
    given = ShiftView(
        reference="states of the expert in training",
        visited="states of the learner, held out",
        reference_rows=12_000,
        visited_rows=4_000,
        block=48,
        level=0.95,
        measures=(
            MeasureRow("Gaussian divergence", 0.31, 0.18, 0.49, 0.002, "nats", "mean and covariance moved"),
            MeasureRow("Classifier", 0.64, 0.6, 0.69, unit="AUC", says="0.5: it cannot tell the two apart"),
            MeasureRow("Mean discrepancy", 0.0041, p=0.002, says="any difference of the distributions"),
        ),
        features=features,
        windows=windows,
        usual=0.16,
        actions=(
            ActionRow("-1", 0.3, 0.33, 0.012, -0.01, 0.034),
            ActionRow("0", 0.42, 0.4, -0.03, -0.05, -0.01),
            ActionRow("1", 0.28, 0.27, 0.018, 0.001, 0.035),
        ),
        novelty=tuple(
            NoveltyRow(800, 0.3 + 0.1 * i, wrong, wrong - 0.006, wrong + 0.007)
            for i, wrong in enumerate((0.011, 0.014, 0.02, 0.034, 0.071))
        ),
        notes=("MMD of 1,000 rows of each, evenly from all blocks.",),
    )
    return replace(given, **more)


def view(**more: Any) -> TrainingView:
    """A DAgger training of a rule on two years of hours."""
    epochs = np.arange(1, 21)
    given = TrainingView(
        title="clone of <b>trend</b>",
        what="bitmex XBTUSD, 1h",
        method="dagger",
        expert=Party("trend", "sma_cross", {"fast": 20, "slow": 100}),
        learner=Party("dagger_trend", "dagger", {"rounds": 4, "beta": "exponential(0.5)"}),
        learnt=(
            Rows("bitmex:XBTUSD", START, START + 12_000 * HOUR, 12_000, 12_120, {"-1": 5_000, "0": 10, "1": 6_990}),
        ),
        judged=(Rows("bitmex:XBTUSD", BEGUN, BEGUN + 4_000 * HOUR, 4_000, 4_000, {"-1": 1_900, "1": 2_100}),),
        embargo="24 hours of embargo",
        currency="USD",
        fit=FitView(
            tuple((0.5 / epochs + 0.02).tolist()),
            tuple((0.45 / epochs + 0.05 + 0.002 * epochs).tolist()),
            best_epoch=15,
            temperature=1.21,
            calibration=tuple(Calibration(100 + 300 * i, 0.45 + 0.1 * i, 0.42 + 0.108 * i) for i in range(6)),
            calibration_error=0.012,
            seconds=2.4,
        ),
        fidelity=Fidelity(
            agreement=0.985, disagreement=0.032, low=0.025, high=0.041, decisions=4_000, classes=("-1", "0", "1"),
            confusion=((1_850, 0, 50), (0, 0, 0), (78, 0, 2_022)), regret=120.0, regret_error=80.0,
            regret_unit="USD over the judged part",
        ),
        rounds=(
            RoundView(0, 1.0, 3_000, judged=0.061, judged_error=0.006),
            RoundView(1, 0.5, 6_000, 0.055, 0.041, 0.004),
            RoundView(2, 0.25, 9_000, 0.043, 0.032, 0.003, best=True),
            RoundView(3, 0.125, 12_000, 0.036, 0.034, 0.003),
        ),
        money=(
            Money("trend", {"price": 910.0, "half_spread": -60.0, "fee": -310.0, "impact": 0.0, "funding": -102.5,
                            "liquidation": 0.0}, 62.0, 124, 0.21, 10_000.0),
            Money("dagger_trend", {"price": 830.0, "half_spread": -71.0, "fee": -360.0, "impact": 0.0,
                                   "funding": -101.5, "liquidation": 0.0}, 71.0, 151, 0.24, 10_000.0),
        ),
        shifts=(shift(),),
        model=ModelFile("model.npz", 31_022, "5b1c" * 8, "6-64-32-3 relu, softmax", 2_627,
                        ("return_5", "volatility_20"), 2, "bitmex:XBTUSD 2023-01-01 to 2024-05-15"),
        assumptions={"fees": "taker 0.05%", "half-spread": "1 tick", "funding": "published rates"},
        warnings=("the last rollout was cut short by the budget",),
        seed=7,
    )  # fmt: skip
    return replace(given, **more)
