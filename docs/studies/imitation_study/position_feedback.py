"""The acceptance experiment: the position-feedback world of the brief, every learner with as many labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from imitation_study.learners import LEARNERS
from imitation_study.markdown import p_value, plus_minus, share, table
from imitation_study.measures import judged, summary, with_p
from imitation_study.part import Part, Size, Study
from imitation_study.pictures import ranking

from halfspread.agents.worlds.world import world
from halfspread.reports import formats

__all__ = ["BRIEF", "BRIEF_AGAIN", "PART"]

NAME = "position_feedback"

#: Measured with the yardstick's own code, on the same seeds of its own markets: disagreement, standard error.
BRIEF: Mapping[str, tuple[float, float]] = {
    "dagger": (0.0145, 0.0011),
    "dagger_indicator": (0.0147, 0.0011),
    "dagger_linear": (0.0201, 0.0020),
    "bc": (0.0319, 0.0027),
    "noise_01": (0.0359, 0.0034),
    "noise_03": (0.0415, 0.0053),
    "noise_10": (0.1070, 0.0199),
    "duplicates": (0.0456, 0.0049),
    "last_round_only": (0.105, 0.024),
}
#: The same code on the next two dozens of its seeds, for the figures that differ most from dozen to dozen.
BRIEF_AGAIN: Mapping[str, tuple[tuple[float, float], ...]] = {
    "noise_10": ((0.0552, 0.0053), (0.0683, 0.0060)),
    "duplicates": ((0.0413, 0.0042), (0.0545, 0.0036)),
}
ERRORS = 2.0
NOISE = ("noise_01", "noise_03", "noise_10")


def _jobs(size: Size) -> list[tuple[str, int, Size]]:
    return [(name, seed, size) for name in LEARNERS for seed in range(size.seeds)]


def _work(job: tuple[str, int, Size]) -> dict[str, float]:
    name, seed, size = job
    return judged(world(NAME), name, seed, size)


def _numbers(results: Sequence[Any], size: Size, study: Study) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(LEARNERS):
        found[name] = summary(results[i * size.seeds : (i + 1) * size.seeds])
        if name in BRIEF:
            told, error = BRIEF[name]
            found[name] |= {"brief": told, "brief_error": error}
            found[name] |= {"brief_again": BRIEF_AGAIN[name]} if name in BRIEF_AGAIN else {}
            found[name]["errors_away"] = round(_away(found[name], told, error), 2)
    return with_p(found)


def _away(found: Mapping[str, Any], told: float, error: float) -> float:
    """How many standard errors, of both measurements together, lie between this one and the brief's."""
    both = math.hypot(found["standard_error"], error)
    return abs(found["disagreement"] - told) / both if both > 0.0 else math.inf


def _section(study: Study) -> str:
    found = study[NAME]
    heads = ["learner", "disagreement", "brief", "apart (errors)", "PnL a rollout", "p against cloning"]
    rows = []
    for name in sorted(found, key=lambda each: found[each]["disagreement"]):
        one = found[name]
        told = "" if "brief" not in one else plus_minus(one["brief"], one["brief_error"])
        away = formats.number(one["errors_away"], 1) if "brief" in one else ""
        rows.append(
            [
                LEARNERS[name].title,
                plus_minus(one["disagreement"], one["standard_error"]),
                told,
                away,
                formats.number(one["pnl"], 1),
                p_value(one.get("p")),
            ]
        )
    ratio = found["dagger"]["disagreement"] / found["bc"]["disagreement"]
    size = study["size"]
    return f"""## The acceptance experiment

A signal, an expert with hysteresis, a stop, a time stop and a cool-down, and a learner that sees the signal and its
own position, unrealised profit, age and cool-down. The world is that of the yardstick, through this engine: a test
replays it step by step. A network of 32-32; every learner gets {size["rollouts"]} rollouts of {size["bars"]:,}
labels; {size["seeds"]} paired seeds; judged on {size["fresh"]} fresh rollouts in which the learner acts alone, by the
share of decisions at which it does not do what the expert would. Errors are standard errors over seeds.

![Disagreement of each learner with the expert](imitation_images/learners.svg)

{table(heads, rows)}

DAgger disagrees at {share(ratio, 0)} of the states at which cloning does (p = {p_value(found["dagger"]["p"])},
two-sided, exact paired permutation of {size["seeds"]} seeds). The noise of DART, fitted to what the learner does
where one class is in force and one is wanted, comes to {share(found["dart"]["disagreement"])} against
{share(found["bc"]["disagreement"])} of cloning (p = {p_value(found["dart"]["p"])}); plain noise is {_plain(found)}.
The column *brief* is what was measured with the yardstick's own code when the project began; *apart* says how many
standard errors (of both together) lie between: {_agreed(found)}"""


def _plain(found: Mapping[str, Any]) -> str:
    """How plain noise does beside none."""
    worse = [name for name in NOISE if found[name]["disagreement"] > found["bc"]["disagreement"]]
    if len(worse) == len(NOISE):
        return "worse than none at every level"
    return "worse than none at " + (", ".join(LEARNERS[name].title for name in worse) or "no level")


def _agreed(found: Mapping[str, Any]) -> str:
    far = {name: one["errors_away"] for name, one in found.items() if one.get("errors_away", 0.0) > ERRORS}
    told = sum("brief" in one for one in found.values())
    if not far:
        return f"all {told} figures agree within two."
    said = ", ".join(f"{LEARNERS[name].title} ({formats.number(away, 1)})" for name, away in far.items())
    text = f"{told - len(far)} of {told} figures agree within two; further away: {said}."
    again = [
        f"{' and '.join(plus_minus(*each) for each in found[name]['brief_again'])} for {LEARNERS[name].title}"
        for name in far
        if "brief_again" in found[name]
    ]
    if again:
        text += (
            f" On the next two dozens of its seeds the yardstick's own code gives {', and '.join(again)}: so much a "
            "dozen of seeds leaves to chance, where some policies come out badly and most do not."
        )
    return text


def _pictures(study: Study) -> dict[str, str]:
    return {"learners.svg": ranking(study[NAME], {name: each.title for name, each in LEARNERS.items()})}


PART = Part(NAME, _jobs, _work, _numbers, _section, _pictures)
