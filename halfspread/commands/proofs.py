"""What a report says of the audit of an agent, and what to type to audit all of it and to repeat the run."""

from __future__ import annotations

import shlex
from pathlib import Path

from halfspread.configs.build import BuiltAgent
from halfspread.configs.load import Loaded
from halfspread.engine.audit import Audit
from halfspread.reports.proof_section import Proof

__all__ = ["proof_of"]


def proof_of(
    loaded: Loaded, named: str, built: BuiltAgent, home: Path, audit: Audit | None = None, asked: bool = False
) -> Proof:
    """Proof of one agent of the config that was called ``named`` on the command line; ``home`` is the run folder.
    ``asked``: an audit was asked for, and where there is none the market was streamed."""
    several = len(loaded.config.all_agents) > 1
    audit_all = ["halfspread", "audit", named, *(word for value in loaded.overrides for word in ("--set", value))]
    if audit is not None:
        said = str(audit).removesuffix(" ('halfspread audit' looks at all)")
    else:
        said = "not audited: the market was streamed" if asked else ""
    return Proof(
        audit=said,
        passed=None if audit is None else audit.passed,
        audit_command=shlex.join([*audit_all, *(["--agent", built.config.label] if several else [])]),
        audit_all_command=shlex.join(audit_all),
        verify_command=shlex.join(["halfspread", "verify", str(home)]),
    )
