"""What the study runs: rows of its tables, each a config with settings and so many seeds.

Any of them can be run by hand: ``halfspread run CONFIG --set SETTING ... --set seed=K``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAMILY", "FIRST_DAYS", "MONTE_CARLO", "NEW_MARKET", "ROWS", "Row"]

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
PAPER = CONFIGS / "xbtusd_esn_rrl.toml"
FAMILY = CONFIGS / "xbtusd_online_learners.toml"
NEW_MARKET = CONFIGS / "btcusdt_esn_rrl.toml"

#: Draws of the paper's Table II, of the main variants, and of every other.
MONTE_CARLO, MANY, SOME = 250, 20, 8

LITERAL = ("agent.gate.every=1",)
SEEN = "chosen after results were seen"


@dataclass(frozen=True)
class Row:
    """A row: ``group`` of rows it stands with, ``title``, ``config`` with ``settings`` (of ``agent``, where the config
    has several), seeds from 0 on. ``mark``: what a reader has to know of the choice. ``nudge``: a setting with {k}: it
    is changed from run to run, for k = 0, 1, ..., and the seed stays 0."""

    key: str
    group: str
    title: str
    settings: tuple[str, ...] = ()
    seeds: int = SOME
    config: Path = PAPER
    agent: str | None = None
    mark: str = ""
    nudge: str = ""


def _gates() -> list[Row]:
    return [
        Row("literal", "main", "every bar (the letter of the paper)", LITERAL, MONTE_CARLO),
        Row("hourly", "main", "every hour", ("agent.gate.every=12",), MANY, mark=SEEN),
        Row("daily", "main", "every day", (), MONTE_CARLO, mark=SEEN),
        Row(
            "slow", "main", "every 8 hours, a mean ten times as slow",
            ("agent.gate.every=96", "agent.gate.decay=0.9999"), MANY, mark=SEEN,
        ),
        Row("ungated", "main", "no gate", ('agent.gate.kind="none"',), MANY),
    ]  # fmt: skip


#: One thing changed, the gate looked at every day.
_CHANGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "clip_1": ("positions up to 1, no clip", ("agent.clip=1.0",)),
    "clip_0999": ("positions up to 0.999", ("agent.clip=0.999",)),
    "clip_09": ("positions up to 0.9", ("agent.clip=0.9",)),
    "bp": ("rewards in basis points", ('agent.units="bp"',)),
    "percent": ("rewards in percent", ('agent.units="percent"',)),
    "relative": ("rewards as fractions", ('agent.units="relative"',)),
    "funding_features": (
        "with the last and the next funding rate",
        ('agent.features=["price_and_volume", "last_funding(bp)", "next_funding(bp)"]',),
    ),
    "direct": ("gradient without the recurrence", ('agent.gradient="direct"',)),
    "recursive": ("recursive gradient", ('agent.gradient="recursive"',)),
    "lags": ("gradient through all past positions", ('agent.gradient="lags"',)),
    "rescaled": ("reservoir rescaled to its radius", ('agent.reservoir.construction="rescaled"',)),
    "half_size": ("50 units", ("agent.reservoir.size=50",)),
    "no_reservoir": ("features without a reservoir", ('agent.reservoir="none"',)),
    "ridge_100": ("ridge 100", ("agent.update.ridge=100",)),
    "risk_1e3": ("risk appetite 1e-3", ("agent.risk_appetite.value=1e-3",)),
    "slow_moments": ("mean and variance ten times as slow", ("agent.decay=0.9999",)),
    "carried": ("funding of the position carried, in learning too", ('agent.funding_on="carried"',)),
    "forgets": ("without the stabilising line of the update", ("agent.update.stabilise=false",)),
    "feed_traded": ("the traded position fed back", ("agent.feed_traded=true",)),
}


def _changes() -> list[Row]:
    return [Row(key, "changes", title, settings) for key, (title, settings) in _CHANGES.items()]


def _baselines() -> list[Row]:
    def one(key: str, title: str, agent: str, *settings: str, seeds: int = 1) -> Row:
        return Row(key, "baselines", title, settings, seeds, FAMILY, agent)

    return [
        one("constant", "constant +0.99, no gate", "constant", 'agents.constant.gate.kind="none"'),
        one("constant_literal", "constant +0.99, gate every bar", "constant", "agents.constant.gate.every=1"),
        one("constant_daily", "constant +0.99, gate every day", "constant"),
        one(
            "constant_slow", "constant +0.99, slow gate every 8 hours", "constant",
            "agents.constant.gate.every=96", "agents.constant.gate.decay=0.9999",
        ),
        one("short_daily", "constant -0.99, gate every day", "constant", "agents.constant.position=-0.99"),
        one("bias_literal", "bias only, gate every bar", "bias_only", "agents.bias_only.gate.every=1", seeds=SOME),
        one("bias_daily", "bias only, gate every day", "bias_only", seeds=SOME),
        one(
            "bias_slow", "bias only, slow gate every 8 hours", "bias_only",
            "agents.bias_only.gate.every=96", "agents.bias_only.gate.decay=0.9999", seeds=SOME,
        ),
        one("features_only", "features, no reservoir, gate every day", "features_only"),
        one("rrl", "Moody and Saffell's RRL, gate every day", "rrl", seeds=SOME),
        one("rrl_ungated", "Moody and Saffell's RRL, no gate", "rrl", 'agents.rrl.gate.kind="none"', seeds=SOME),
        one("sarsa", "echo state SARSA, gate every day", "esn_sarsa", seeds=SOME),
        one("hold", "buy and hold", "buy_and_hold", "market.start=2017-02-11"),
    ]  # fmt: skip


def _costs() -> list[Row]:
    rows = []
    for ticks in (0.5, 1.0, 2.0):
        if ticks != 1.0:
            setting = f"costs.half_spread.amount={0.25 * ticks:g}"
            rows.append(Row(f"spread_{ticks:g}", "costs", f"spread of {ticks:g} ticks", (setting,)))
    for fee in (0.0, 2.5, 7.5):
        rows.append(Row(f"fee_{fee:g}", "costs", f"taker fee {fee:g} bp", (f"costs.fees.taker={fee * 1e-4:g}",)))
    rows.append(Row("fee_by_date", "costs", "the venue's fees by date", ('costs.fees={kind="venue"}',)))
    rows.append(Row("next_open", "costs", "filled at the next open", ('execution.fill="next_open"',)))
    rows.append(Row("one_bar_late", "costs", "filled one bar later, at its close", ('execution.fill="next_close"',)))
    return rows


def _signs() -> list[Row]:
    flipped = 'costs.funding.sign="flipped"'
    replica = "replication switch: the sign of funding is flipped in learning and in the account"
    with_funding = _CHANGES["funding_features"][1]
    return [
        Row("flipped_daily", "sign", "gate every day", (flipped,), MANY, mark=replica),
        Row("flipped_hourly", "sign", "gate every hour", (flipped, "agent.gate.every=12"), MANY, mark=replica),
        Row(
            "flipped_funding", "sign", "gate every day, with funding rates as features", (flipped, *with_funding),
            MANY, mark=replica,
        ),
    ]  # fmt: skip


#: The day before the first decision, in February 2017, and how many seeds begin on each.
FIRST_DAYS = range(10, 18)
BEGINNERS = 6


def _starts() -> list[Row]:
    found = []
    for key, title, settings in (
        ("start", "features and bias", ()),
        ("start_bias", "bias only", ("agent.features=[]", "agent.warm_up=289")),
    ):
        for day in FIRST_DAYS:
            first = f"market.start=2017-02-{day - 1:02}T23:55:00Z"
            found.append(
                Row(f"{key}_{day}", "starts", f"{title}, from 2017-02-{day + 1:02} on", (first, *settings), BEGINNERS)
            )
    return found


def _nudges() -> list[Row]:
    return [
        Row(
            "nudged", "nudges", "features and bias, seed 0, half-spread nudged by 1e-9 USD", (), MANY,
            nudge="costs.half_spread.amount=0.25000000{k:02}",
        ),
        Row(
            "nudged_bias", "nudges", "bias only, seed 0, half-spread nudged by 1e-9 USD",
            ("agent.features=[]", "agent.warm_up=289"), MANY, nudge="costs.half_spread.amount=0.25000000{k:02}",
        ),
    ]  # fmt: skip


def _new_market() -> list[Row]:
    def one(key: str, title: str, agent: str, seeds: int = 1) -> Row:
        return Row(key, "new_market", title, (), seeds, NEW_MARKET, agent, "registered before it was run")

    return [
        one("new_esn_rrl", "ESN-RRL", "esn_rrl", MONTE_CARLO),
        one("new_percent", "ESN-RRL, rewards in percent", "esn_rrl_percent", MONTE_CARLO),
        one("new_bias_only", "bias only", "bias_only", MANY),
        one("new_constant", "constant +0.99, same gate", "constant"),
        one("new_hold", "buy and hold", "buy_and_hold"),
    ]


ROWS: tuple[Row, ...] = (
    *_gates(),
    *_changes(),
    *_baselines(),
    *_costs(),
    *_signs(),
    *_starts(),
    *_nudges(),
    *_new_market(),
)
