"""``halfspread model``: what a saved model is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from halfspread.agents.policies.describe import describe
from halfspread.agents.policies.model_file import load_model
from halfspread.commands.output import print_json, print_table
from halfspread.commands.run_files import hash_of_file

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Show one model: what it is, what it looks at, what it has seen, and how well it did."""
    from rich.table import Table
    from rich.text import Text

    path = Path(arguments.file)
    model = load_model(path)
    rows = [*describe(model), ("file", f"{path}, {path.stat().st_size:,} bytes, hash {hash_of_file(path)}")]
    if arguments.json:
        print_json({"file": str(path), "hash": hash_of_file(path), **dict(rows)}, arguments.stdout)
        return 0
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    print_table(table)
    return 0
