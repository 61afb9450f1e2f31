"""The page of `halfspread train`: how faithful the learner is on its own trajectories, where its states drift from the
expert's, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from halfspread.reports import formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, figure_cells
from halfspread.reports.shift_section import shift_section
from halfspread.reports.svg import element, text
from halfspread.reports.training_sections import attribution, data, fidelity, fit, model, rounds
from halfspread.reports.training_view import TrainingView
from halfspread.reports.view import section

__all__ = ["figures", "training_page", "verdict"]


def training_page(view: TrainingView, manifest: Mapping[str, object] | None = None) -> str:
    """The page; ``manifest`` is shown as its provenance. Everything that came from outside is escaped."""
    head = page_head(view.title, view.what, f"{view.method} of {view.expert.name}")
    content = [figures(view), element("div", _notes(view), class_="alert", role="note"), fidelity(view)]
    for i, shift in enumerate(view.shifts):
        content.append(shift_section(shift, "shift" if i == 0 else f"shift-{i + 1}"))
    content += [attribution(view), rounds(view), fit(view), data(view), model(view), _terms(view)]
    return document(view.title, head, *content, provenance(manifest))


def _notes(view: TrainingView) -> str:
    words = [verdict(view), *view.warnings]
    return element("ul", *(element("li", text(each)) for each in words)) if len(words) > 1 else text(words[0])


def verdict(view: TrainingView) -> str:
    """What the figures say, in words."""
    found = view.fidelity
    if found is None:
        return "Nothing can be said of how faithful the learner is: there was no expert to ask on data held out."
    if math.isnan(found.disagreement):
        agreed = formats.percent(found.agreement)
        return f"The learner agrees with its expert at {agreed} of the expert's own states; more is not known."
    words = (
        f"Acting alone on data held out, the learner disagrees with its expert at {formats.percent(found.disagreement)}"
    )
    if math.isfinite(found.low):
        words += f" of decisions ({formats.percent(found.level, 0)} interval {formats.percent(found.low)} to "
        words += f"{formats.percent(found.high)})"
    else:
        words += " of decisions"
    apart = 1.0 - found.agreement
    words += f", against {formats.percent(apart)} at the expert's own states."
    if math.isfinite(apart) and apart > 0.0 and found.disagreement > 1.5 * apart:
        times = formats.number(found.disagreement / apart, 1)
        words += f" Its errors lead it to states at which it errs {times} times as often."
    if found.missed > 0.5:
        words += (
            f" It misses {formats.percent(found.missed)} of the changes that its expert wanted: where an expert lets "
            "things be at most decisions, a learner that knows nothing is right at most of them. If it says nothing "
            "but when its signal changes, teach with silence = 'own'."
        )
    if len(view.money) > 1 and view.money[1].total > view.money[0].total and found.disagreement > 0.0:
        words += " It earned more than its expert; that does not make it a better imitation."
    return words


def figures(view: TrainingView) -> str:
    """The numbers to read first."""
    found = view.fidelity
    parts: list[tuple[str, str, str, float]] = []
    if found is not None:
        between = f"{formats.percent(found.low)} to {formats.percent(found.high)}; " if math.isfinite(found.low) else ""
        of = f"of {found.decisions:,} decisions" if found.decisions else "of decisions"
        parts = [
            ("Disagreement", formats.percent(found.disagreement), f"{between}{of} when it acts alone", 0.0),
            ("Agreement", formats.percent(found.agreement), "at the expert's own states, held out", 0.0),
        ]
        if math.isfinite(found.missed):
            parts.insert(
                1, ("Missed", formats.percent(found.missed), f"of {found.changes:,} changes its expert wanted", 0.0)
            )
        if math.isfinite(found.apart):
            parts.append(("Apart", formats.percent(found.apart), "elsewhere than its expert in its own run", 0.0))
        if math.isfinite(found.regret):
            error = f"\N{PLUS-MINUS SIGN} {formats.money(found.regret_error)} " * math.isfinite(found.regret_error)
            words = f"{error}{found.regret_unit}; what the expert made and the learner did not"
            parts.append(("Regret", formats.money(found.regret, sign=True), words, 0.0))
    parts.append(("Labels", formats.compact(view.labels), _asked(view), 0.0))
    if view.shifts and view.shifts[0].features:
        most = max(view.shifts[0].features, key=lambda each: each.distance)
        parts.append(("Largest shift", formats.number(most.distance), f"standard deviations, of {most.feature}", 0.0))
    parts += [
        (f"Net PnL, {who}", formats.money(each.total, sign=True), f"{view.currency}, all costs paid", each.total)
        for who, each in zip(("expert", "learner"), view.money, strict=False)
    ]
    if math.isfinite(view.fit.calibration_error):
        words = f"mean distance of stated from found; temperature {formats.number(view.fit.temperature)}"
        parts.append(("Calibration error", formats.percent(view.fit.calibration_error), words, 0.0))
    return figure_cells(parts)


def _asked(view: TrainingView) -> str:
    if view.rounds:
        kept = next((each.number for each in view.rounds if each.best), view.rounds[-1].number)
        return f"asked of the expert in {formats.plural(len(view.rounds), 'round')}; round {kept} is kept"
    return f"of the expert; epoch {view.fit.best_epoch} of {len(view.fit.training)} is kept"


def _terms(view: TrainingView) -> str:
    own = {"imitation": "judged by the learner's own trajectory; PnL is shown after all costs and ranks nothing"}
    lead = "What these numbers rest on."
    return section("Assumptions", lead, definitions({**own, **view.assumptions}), anchor="assumptions")
