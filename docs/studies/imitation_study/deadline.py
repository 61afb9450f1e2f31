"""A task with a deadline: one policy for each span of time, against one policy for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from imitation_study.deadline_learners import EPISODES, SPANS, WHERE, learnt
from imitation_study.learners import LEARNERS
from imitation_study.markdown import p_value, plus_minus, table
from imitation_study.measures import summary, with_p
from imitation_study.part import Part, Size, Study

from halfspread.agents.imitation.judging import Judgement
from halfspread.agents.worlds.world import world
from halfspread.reports import formats

__all__ = ["PART"]

NAME = "deadline"
TITLES = {"bc": LEARNERS["bc"].title, "dagger": LEARNERS["dagger"].title, "forward": "forward training"}


def _jobs(size: Size) -> list[tuple[str, int, Size]]:
    return [(name, seed, size) for name in TITLES for seed in range(size.seeds)]


def _work(job: tuple[str, int, Size]) -> dict[str, float]:
    name, seed, size = job
    task = world(WHERE).task(seed)
    learner = learnt(task, name, size)
    found = Judgement.of([task.judge(i, learner) for i in range(5 * size.fresh)])
    return {"disagreement": found.disagreement, "pnl": found.pnl}


def _numbers(results: Sequence[Any], size: Size, study: Study) -> dict[str, Any]:
    bars = world(WHERE).market.bars
    found: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(TITLES):
        found[name] = summary(results[i * size.seeds : (i + 1) * size.seeds])
    for one in with_p(found).values():
        one["regret"] = round(bars * one["disagreement"], 4)
        one["regret_error"] = round(bars * one["standard_error"], 4)
    return {
        **found,
        "bars": bars,
        "episodes": EPISODES * size.rollouts,
        "spans": SPANS.count,
        "seeds_forward_not_above": int(
            (np.array(found["forward"]["by_seed"]) <= np.array(found["bc"]["by_seed"])).sum()
        ),
    }


def _section(study: Study) -> str:
    found = study[NAME]
    rows = [
        [
            title,
            f"{formats.number(found[name]['regret'])} ± {formats.number(found[name]['regret_error'])}",
            plus_minus(found[name]["disagreement"], found[name]["standard_error"]),
            p_value(found[name].get("p")),
            formats.number(found[name]["pnl"]),
        ]
        for name, title in TITLES.items()
    ]
    heads = ["learner", "regret (steps)", "disagreement", "p against cloning", "PnL an episode"]
    return f"""## A deadline

The expert {world(WHERE).text}; {found["bars"]} bars an episode, {found["episodes"]} episodes of labels for each
learner. Forward training (Ross and Bagnell 2010) fits one policy for each of {found["spans"]} spans of time, each
where the policies before it have led, and is asked in that span alone, so that it uses no more labels than the
others.

{table(heads, rows)}

Its regret is not above that of cloning for {found["seeds_forward_not_above"]} of {study["size"]["seeds"]} seeds."""


PART = Part(NAME, _jobs, _work, _numbers, _section)
