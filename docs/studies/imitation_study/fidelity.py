"""Fidelity against profit: what the learners of the acceptance experiment earned beside the expert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from imitation_study.learners import LEARNERS
from imitation_study.markdown import share, table
from imitation_study.measures import expert_pnl
from imitation_study.part import Part, Size, Study
from imitation_study.pictures import scatter

from halfspread.agents.worlds.world import world
from halfspread.reports import formats

__all__ = ["PART"]

NAME, WHERE = "fidelity", "position_feedback"


def _jobs(size: Size) -> list[tuple[int, Size]]:
    return [(seed, size) for seed in range(size.seeds)]


def _work(job: tuple[int, Size]) -> float:
    seed, size = job
    return expert_pnl(world(WHERE).task(seed), size.fresh)


def _numbers(results: Sequence[Any], size: Size, study: Study) -> dict[str, Any]:
    expert = np.array(results)
    learners = {}
    wrong, more = [], []
    for name, one in study[WHERE].items():
        apart = np.array(one["pnl_by_seed"]) - expert
        wrong += one["by_seed"]
        more += apart.tolist()
        learners[name] = {
            "disagreement": one["disagreement"],
            "more_than_expert": round(float(apart.mean()), 4),
            "error": round(float(apart.std(ddof=1) / np.sqrt(len(apart))), 4),
            "seeds_above": int((apart > 0.0).sum()),
            "by_seed": [round(float(each), 4) for each in apart],
        }
    return {
        "expert_pnl": round(float(expert.mean()), 4),
        "expert_pnl_error": round(float(expert.std(ddof=1) / np.sqrt(len(expert))), 4),
        "learners": learners,
        "policies": len(more),
        "policies_above": int((np.array(more) > 0.0).sum()),
        "rank_correlation": round(_rank_correlation(wrong, more), 4),
    }


def _rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's."""
    ranks = [np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _section(study: Study) -> str:
    found = study[NAME]
    rows = [
        [
            LEARNERS[name].title,
            share(one["disagreement"]),
            f"{formats.number(one['more_than_expert'], 1, sign=True)} ± {formats.number(one['error'], 1)}",
            f"{one['seeds_above']} of {len(one['by_seed'])}",
        ]
        for name, one in sorted(found["learners"].items(), key=lambda each: each[1]["disagreement"])
    ]
    heads = ["learner", "disagreement", "PnL above the expert's", "seeds above"]
    return f"""## Fidelity against profit

The expert earns {formats.number(found["expert_pnl"], 1)} ± {formats.number(found["expert_pnl_error"], 1)} in a
rollout, after costs. On the same markets, each policy beside it:

![Disagreement and profit of every policy](imitation_images/fidelity.svg)

{table(heads, rows)}

{found["policies_above"]} of {found["policies"]} policies out-earn the expert that they imitate; {_apart(found)}. The
rank correlation of disagreement and profit over all policies is
{formats.number(found["rank_correlation"], sign=True)}: the expert is not optimal in this world, and not to be like it
is not a loss by itself. So profit cannot rank imitations; whoever wants profit should optimise for it, and whoever
wants a clone should look at disagreement."""


def _apart(found: Study) -> str:
    """The most and the least faithful learner, and the one that earns most."""
    learners = found["learners"]
    names = sorted(learners, key=lambda name: float(learners[name]["disagreement"]))
    best = max(learners, key=lambda name: float(learners[name]["more_than_expert"]))
    told = [
        f"{what} ({LEARNERS[name].title}) by {formats.number(learners[name]['more_than_expert'], 1, sign=True)}"
        for what, name in (
            ("the most faithful learner", names[0]),
            ("the least faithful one", names[-1]),
            ("the one that earns most", best),
        )
    ]
    return ", ".join(told[:-1]) + " and " + told[-1] + f", at a disagreement of {share(learners[best]['disagreement'])}"


def _pictures(study: Study) -> dict[str, str]:
    titles = {name: each.title for name, each in LEARNERS.items()}
    return {"fidelity.svg": scatter(study[WHERE], study[NAME], titles)}


PART = Part(NAME, _jobs, _work, _numbers, _section, _pictures)
