"""``halfspread model``: what a saved model, or the saved state of an agent, is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from halfspread.agents.policies.describe import describe
from halfspread.agents.policies.model_file import load_model
from halfspread.agents.rrl.state_file import holds_a_state, load_state, state_rows
from halfspread.commands.output import print_json, print_table
from halfspread.commands.run_files import hash_of_file

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Show one model or state: what it is, what it looks at, what it has seen, and how well it did."""
    from rich.table import Table
    from rich.text import Text

    path = Path(arguments.file)
    rows = [*_rows(path), ("file", f"{path}, {path.stat().st_size:,} bytes, hash {hash_of_file(path)}")]
    if arguments.json:
        print_json({"file": str(path), "hash": hash_of_file(path), **dict(rows)}, arguments.stdout)
        return 0
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    print_table(table)
    return 0


def _rows(path: Path) -> list[tuple[str, str]]:
    """Name and value of each thing worth knowing. Raises ConfigError or DataError."""
    if path.is_file() and holds_a_state(path):
        return state_rows(load_state(path))
    return describe(load_model(path))
