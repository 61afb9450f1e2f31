"""Numbers that several parts make: how a policy does on fresh markets, and means over seeds with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from imitation_study.learners import LEARNERS, settings_of
from imitation_study.part import Size

from halfspread.agents.imitation.judging import Judgement, paired_permutation
from halfspread.agents.imitation.task import Task
from halfspread.agents.worlds.world import LearningWorld

__all__ = ["EXPERT", "expert_pnl", "judged", "summary", "with_p"]

EXPERT = "expert"
#: Decimals that are kept of a share and of an amount.
SHARE, AMOUNT = 7, 4


def judged(world: LearningWorld, name: str, seed: int, size: Size) -> dict[str, float]:
    """Train a learner with a seed, and let it act on fresh markets; its disagreement and its PnL, means of them."""
    task = world.task(seed)
    if name == EXPERT:
        return {"disagreement": 0.0, "pnl": expert_pnl(task, size.fresh)}
    model = LEARNERS[name].learn(task, settings_of(world, size.epochs), size.rollouts)
    found = Judgement.of([task.judge(i, model) for i in range(size.fresh)])
    return {"disagreement": found.disagreement, "pnl": found.pnl}


def expert_pnl(task: Task, fresh: int) -> float:
    """What the expert earns on the same markets, a rollout."""
    return float(np.mean([task.show(i).result.pnl for i in range(fresh)]))


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means over seeds and their standard errors, and the value of each seed."""
    wrong, pnl = (np.array([row[name] for row in rows]) for name in ("disagreement", "pnl"))
    return {
        "disagreement": round(float(wrong.mean()), SHARE),
        "standard_error": round(_error(wrong), SHARE),
        "pnl": round(float(pnl.mean()), AMOUNT),
        "pnl_error": round(_error(pnl), AMOUNT),
        "by_seed": [round(float(each), SHARE) for each in wrong],
        "pnl_by_seed": [round(float(each), AMOUNT) for each in pnl],
    }


def with_p(found: dict[str, dict[str, Any]], against: str = "bc") -> dict[str, dict[str, Any]]:
    """The same with the p-value of each against one of them, paired by seed."""
    rng = np.random.default_rng(0)
    for name, each in found.items():
        if name not in (against, EXPERT) and len(each["by_seed"]) > 1:
            each["p"] = paired_permutation(each["by_seed"], found[against]["by_seed"], rng)
    return found


def _error(values: Any) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
