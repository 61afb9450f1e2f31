"""The graded worlds: where imitation is easy, where actions come back, and where the expert sees more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imitation_study.learners import LEARNERS
from imitation_study.markdown import p_value, plus_minus, table
from imitation_study.measures import EXPERT, judged, summary, with_p
from imitation_study.part import Part, Size, Study

from halfspread.agents.worlds.world import world
from halfspread.reports import formats

__all__ = ["PART", "SHOWN"]

SHOWN = ("easy", "position_feedback", "privileged")
NAMES = ("bc", "dagger", "dagger_indicator", "dart", EXPERT)
#: What the part before has measured already.
KNOWN = ("position_feedback", NAMES[:-1])


def _pairs() -> list[tuple[str, str]]:
    return [(where, name) for where in SHOWN for name in NAMES if not (where == KNOWN[0] and name in KNOWN[1])]


def _jobs(size: Size) -> list[tuple[str, str, int, Size]]:
    return [(where, name, seed, size) for where, name in _pairs() for seed in range(size.seeds)]


def _work(job: tuple[str, str, int, Size]) -> dict[str, float]:
    where, name, seed, size = job
    return judged(world(where), name, seed, size)


def _numbers(results: Sequence[Any], size: Size, study: Study) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {where: {} for where in SHOWN}
    for i, (where, name) in enumerate(_pairs()):
        found[where][name] = summary(results[i * size.seeds : (i + 1) * size.seeds])
    keep = ("disagreement", "standard_error", "pnl", "pnl_error", "by_seed", "pnl_by_seed")
    found[KNOWN[0]] |= {name: {key: study[KNOWN[0]][name][key] for key in keep} for name in KNOWN[1]}
    return {where: with_p(found[where]) for where in SHOWN}


def _section(study: Study) -> str:
    rows = []
    for where in SHOWN:
        for name in NAMES:
            one = study["worlds"][where][name]
            expert = name == EXPERT
            rows.append(
                [
                    f"`{where}`",
                    "the expert" if expert else LEARNERS[name].title,
                    "" if expert else plus_minus(one["disagreement"], one["standard_error"]),
                    "" if expert else p_value(one.get("p")),
                    f"{formats.number(one['pnl'], 1)} ± {formats.number(one['pnl_error'], 1)}",
                ]
            )
    told = "\n".join(
        f"- `{where}`: the expert {world(where).text}. Expected: {world(where).expect}." for where in SHOWN
    )
    heads = ["world", "learner", "disagreement", "p against cloning", "PnL a rollout"]
    return f"""## Three worlds

{told}

{table(heads, rows, words=2)}

Labels, network and judging as above. In `easy` what the learner does changes nothing that it sees, so that every
learner is given the same rows and comes to the same policy. In `privileged` no learner can be right all the time,
since what it is shown is blurred; how much of the expert acts in the first rounds matters there, where an untaught
learner is lost."""


PART = Part("worlds", _jobs, _work, _numbers, _section)
