"""Text of others cannot steer the terminal: what a file or a data set calls its columns is shown, not obeyed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.model_file import save_model
from halfspread.commands.output import print_table
from halfspread.commands.runs_tables import show
from halfspread.commands.terminal import Harmless
from halfspread.reports.shift_view import FeatureRow, ShiftView
from halfspread.reports.training_text import shift_table
from tests.agents.imitation import lessons

Command = Any
ODD, SHOWN = "column(x\x1b[31m\x9b)", "column(x\\x1b[31m\\x9b)"


def a_table() -> Table:
    grid = Table()
    grid.add_column(Text(ODD))
    grid.add_row(Text("here"), style="bold")
    return grid


def a_shift() -> Any:
    """What ``halfspread train`` shows of a feature."""
    row = FeatureRow(ODD, *[0.0] * 10)
    return shift_table(ShiftView("states", "others", 10, 10, 2, 0.95, (), (row,)))


@pytest.mark.parametrize("printed", [print_table, show])
@pytest.mark.parametrize("made", [a_table, a_shift])
def test_names_in_tables_are_shown_and_not_obeyed(
    printed: Callable[..., None], made: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    printed(made(), f"below: {ODD}")
    said = capsys.readouterr().out
    assert said.count(SHOWN) == 2
    assert not {"\x1b", "\x9b"} & set(said)


def test_a_table_without_such_names_is_printed_as_ever_with_its_colours() -> None:
    def printed(wrap: Callable[[Any], Any]) -> str:
        grid = Table("one", "two", title="[b]all[/b]")
        grid.add_row(Text("\N{PLUS-MINUS SIGN} 3", style="red"), "a long text that is wrapped " * 5)
        screen = io.StringIO()
        Console(file=screen, width=60, force_terminal=True, color_system="standard").print(wrap(grid))
        return screen.getvalue()

    assert "\x1b[31m" in printed(lambda grid: grid)
    assert printed(Harmless) == printed(lambda grid: grid)


def test_a_model_of_somebody_else_cannot_steer_the_terminal(tmp_path: Path, halfspread: Command) -> None:
    path = save_model(lessons.model(FeatureSet((ODD, "position"))), tmp_path / "model.npz")
    done = halfspread("model", "show", path)
    assert done.code == 0
    assert SHOWN in done.out
    for said in (done.out, done.err, halfspread("model", "show", path, "--json").out):
        assert not {"\x1b", "\x9b"} & set(said)
