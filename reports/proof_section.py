"""Section on what was proved about a run: whether its agent looks ahead, and how to repeat it."""

from __future__ import annotations

from dataclasses import dataclass

from halfspread.reports.html_tables import definitions
from halfspread.reports.svg import element, text
from halfspread.reports.view import section

__all__ = ["FORESEES", "Proof", "proof_alert", "proof_section"]

#: What stands where an agent is marked as one that knows the future.
FORESEES = "this agent is told the future: its numbers are a bound, not a result"

_IN_PYTHON = (
    "hs.audit(tape, make_agent, costs, ...) repeats the run with what lies ahead poisoned, and compares every decision"
)


@dataclass(frozen=True)
class Proof:
    """``audit``: what an audit of the agent has said, empty where there was none; ``passed``: whether it found nothing,
    None without one. ``audit_command`` and ``verify_command``: what to type to audit all of the run, and to repeat it;
    ``audit_all_command``: the first for all agents of its config. ``tried``: what was tried on the same data before,
    and what that leaves of the ratio; empty where nothing was."""

    audit: str = ""
    passed: bool | None = None
    audit_command: str = ""
    audit_all_command: str = ""
    verify_command: str = ""
    tried: str = ""


def proof_alert(proof: Proof | None, foresees: bool) -> str:
    """What must be said before any number: the agent looks ahead, or is marked to."""
    if foresees:
        words = FORESEES[0].upper() + FORESEES[1:] + "."
    elif proof is not None and proof.passed is False:
        words = f"The agent {proof.audit}; its numbers mean nothing."
    else:
        return ""
    return element("div", element("ul", element("li", text(words))), class_="alert", role="note")


def proof_section(proof: Proof | None, foresees: bool = False) -> str:
    """Audit state of the run and the commands that prove it."""
    known = proof or Proof()
    said = FORESEES if foresees else known.audit or "not audited"
    entries = {"look-ahead": said[0].upper() + said[1:]}
    if not foresees:
        entries["to audit all of it"] = known.audit_command or _IN_PYTHON
    if known.verify_command:
        entries["to repeat it bit for bit"] = known.verify_command
    if known.tried:
        entries["tried before"] = known.tried
    lead = "Whether any decision used what had not been received yet, and how to see that for yourself."
    return section("Audit", lead, definitions(entries), anchor="audit")
