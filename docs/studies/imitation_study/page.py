"""The page of the study: its text, and the section of each part that was run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imitation_study.markdown import p_value, share, wrapped
from imitation_study.part import Part, Study

from halfspread.reports import formats

__all__ = ["TEMPLATE", "page"]

TEMPLATE = Path(__file__).resolve().parent / "page.template"
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(study: Study, parts: Sequence[Part]) -> str:
    """Markdown. Raises KeyError where the text names a place that nothing fills."""
    places = {
        "findings": "\n".join(f"- {each}" for each in _findings(study)),
        "sections": "\n\n".join(part.section(study) for part in parts if part.name in study),
        "made": _made(study),
    }
    return wrapped(_PLACE.sub(lambda match: places[match[1]], TEMPLATE.read_text(encoding="utf-8")))


def _findings(study: Mapping[str, Any]) -> list[str]:
    found = []
    if "position_feedback" in study:
        one = study["position_feedback"]
        found.append(
            f"Where actions come back, DAgger disagrees with its expert at {share(one['dagger']['disagreement'])} of "
            f"the states that it comes to, a clone of as many labels at {share(one['bc']['disagreement'])} "
            f"(p = {p_value(one['dagger']['p'])}). Chapter 307's DAgger, which throws the mixed action away, comes to "
            f"{share(one['duplicates']['disagreement'])}."
        )
    if "worlds" in study:
        easy, hidden = (study["worlds"][where] for where in ("easy", "privileged"))
        found.append(
            f"Where they do not come back it wins nothing ({share(easy['dagger']['disagreement'])} against "
            f"{share(easy['bc']['disagreement'])}); where the expert sees more than the learner, "
            f"{share(hidden['dagger']['disagreement'], 1)} against {share(hidden['bc']['disagreement'], 1)}."
        )
    if "horizon" in study:
        one = study["horizon"]["privileged"]
        slopes = [formats.number(one[name]["slope"]) for name in ("bc", "dagger")]
        found.append(
            f"Where a slip stays, the regret of cloning grows with the horizon to the power of {slopes[0]}, that of "
            f"DAgger to the power of {slopes[1]}; where mistakes end by themselves, both grow in proportion."
        )
    if "fidelity" in study:
        one = study["fidelity"]
        found.append(
            f"Profit does not rank imitations: {one['policies_above']} of {one['policies']} policies out-earn the "
            f"expert that they imitate (rank correlation with disagreement {formats.number(one['rank_correlation'])})."
        )
    if "deadline" in study:
        one = study["deadline"]
        regrets = [formats.number(one[name]["regret"]) for name in ("forward", "bc")]
        found.append(
            f"With a deadline, a policy for each span of time is wrong at {regrets[0]} of {one['bars']} steps, one "
            f"policy for all at {regrets[1]}, with as many labels."
        )
    return found


def _made(study: Study) -> str:
    facts = study["made"]
    packages = ", ".join(f"{name} {release}" for name, release in facts["packages"].items())
    minutes = formats.number(sum(facts["seconds"].values()) / 60.0, 1)
    return (
        f"{minutes} minutes with {facts['workers']} workers on {facts['processors']} processors ({facts['cpu']}) at a "
        f"load of {facts['load']:g}; Python {facts['python']}, {packages}; halfspread {study['halfspread']}, sources "
        f"`{study['sources'][:16]}`."
    )
