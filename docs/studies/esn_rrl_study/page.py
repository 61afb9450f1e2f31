"""The page of the study: its text, its tables, and what can be said of the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esn_rrl_study import words
from esn_rrl_study.ranking import ranking_table
from esn_rrl_study.tables import beside_the_paper, first_days, rows_table, table_i, table_ii
from imitation_study.markdown import wrapped

__all__ = ["TEMPLATE", "page"]

TEMPLATE = Path(__file__).resolve().parent / "page.template"
_PLACE = re.compile(r"\{\{(\w+)\}\}")
Study = Mapping[str, Any]


def page(study: Study) -> str:
    """Markdown. Raises KeyError where the text names a place that nothing fills."""
    return wrapped(_PLACE.sub(lambda match: PLACES[match[1]](study), TEMPLATE.read_text(encoding="utf-8")))


def _group(study: Study, name: str) -> list[Any]:
    return [row for row in study["rows"].values() if row["group"] == name]


def _columns(study: Study, names: Mapping[str, str], of: str) -> dict[str, Any]:
    return {title: study[of][key] for key, title in names.items() if key in study[of]}


def _signs(study: Study) -> str:
    true = [study["rows"][key] for key in ("daily", "hourly", "funding_features")]
    return beside_the_paper([*true, *_group(study, "sign")])


def _ranking(study: Study) -> str:
    if "ranking" not in study:
        return ""
    return (
        "## Beside rules and imitators\n\n"
        f"[configs/{study['ranking']['config']}](../../configs/{study['ranking']['config']}): all that learn "
        f"have learnt "
        "from 2017 and 2018, and every agent is run from 2019-01-02 on, filled at the next open. Intervals are block "
        "bootstraps of its own days.\n\n"
        f"{ranking_table(study['ranking'])}\n\n![Ranking with intervals](esn_rrl_images/ranking.svg)"
    )


GATES = {"literal": "gate every bar", "daily": "gate every day"}
PLACES: Mapping[str, Callable[[Study], str]] = {
    "findings": lambda study: "\n".join(f"- {each}" for each in words.findings(study)),
    "gates": lambda study: beside_the_paper(_group(study, "main")),
    "table_i": lambda study: table_i(
        _columns(study, GATES | {"flipped_daily": "gate every day, sign flipped †"}, "table_i")
    ),
    "table_ii": lambda study: table_ii(_columns(study, GATES | {"flipped_daily": "20 draws, sign flipped †"}, "rows")),
    "baselines": lambda study: rows_table([study["rows"]["daily"], *_group(study, "baselines")], "agent"),
    "against_constant": words.against_constant,
    "changes": lambda study: rows_table([study["rows"]["daily"], *_group(study, "changes")], "changed"),
    "first_days": lambda study: first_days(study["rows"]) + "\n\n" + words.first_days(study),
    "costs": lambda study: (
        rows_table([study["rows"]["daily"], *_group(study, "costs")], "charged") + "\n\n" + words.costs(study)
    ),
    "signs": _signs,
    "sign_words": words.signs,
    "paths": words.paths,
    "new_market": words.new_market,
    "ranking": _ranking,
    "made": words.made,
}
