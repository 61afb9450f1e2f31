"""The command line: arguments in, exit code out. Nothing heavy is imported before the arguments are known to be right.

Exit codes: 0 done; 1 a fault of halfspread itself, or a run that verify did not get again; 2 the input has to change;
3 a venue did not answer; 130 interrupted; 141 nobody reads on.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from importlib import import_module
from typing import Any

from halfspread import __version__
from halfspread.commands.terminal import without_controls
from halfspread.data_cli import add_data_commands
from halfspread.errors import FetchError, HalfspreadError, UserError

__all__ = ["main", "parser"]

INTERRUPTED = 130
BROKEN_PIPE = 141

_CONFIG = "a TOML file, or the name of a config that comes with halfspread, such as quickstart"
_SET = "override a value, such as agent.fast=10, agents.sma.fast=10 or costs.half_spread.amount=2 (repeatable)"
_GRID = "a key of --set and its values: agent.fast=5:50:5, agent.slow=20,50,100; to draw from: 5..50, 1e-4..1e-2:log"
_VARY = "draw a key of --set: uniform:0.9:1.0, log_uniform:1e-4:1e-2, normal:0:1, integer:5:50 or choice:a,b,c"
_JSON = "print one JSON object on standard output and nothing else"
_SORTS = ("date", "name", "total_return", "information_ratio", "max_drawdown", "turnover", "size")
#: Commands that need the event loop.
_REPLAYING = ("run", "compare", "train", "audit", "sweep", "sensitivity", "montecarlo", "walk_forward", "verify")
_WORKERS = "how many run at once (default: one a processor)"
_RUN = "a run folder, its NAME/ID or ID, or a NAME for the newest run of that name"
_DIR = "folder of run folders (default: %(default)s)"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; ``arguments.module`` is the module whose ``execute`` runs the command."""
    top = argparse.ArgumentParser(
        prog="halfspread",
        description="Replay perpetual-swap markets to trading agents, and charge them every cost a real trader pays.",
        epilog="Start with: halfspread compare quickstart",
    )
    top.add_argument("--version", action="version", version=f"halfspread {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="one backtest, with a folder of results and a report")
    run.set_defaults(module="halfspread.commands.run")
    run.add_argument("config", metavar="CONFIG", help=_CONFIG)
    run.add_argument("--agent", metavar="NAME", help="which agent, where the config holds several")
    run.add_argument("--save-agent", metavar="FILE", help="write what an online learner has become, such as esn.npz")
    _common(run)

    compare = commands.add_parser("compare", help="several agents on one market: a ranked table and a report")
    compare.set_defaults(module="halfspread.commands.compare")
    compare.add_argument("configs", metavar="CONFIG", nargs="+", help=_CONFIG)
    compare.add_argument(
        "--rank", metavar="METRIC", default="total_return", help="metric that orders the agents (default: %(default)s)"
    )
    compare.add_argument("--workers", metavar="N", type=int, help=_WORKERS)
    compare.add_argument("--no-audit", action="store_true", help="no sampled look for look-ahead")
    _common(compare)

    _learners(commands)
    _cells(commands)

    audit = commands.add_parser("audit", help="does an agent look at what it has not received yet?")
    audit.set_defaults(module="halfspread.commands.audit")
    audit.add_argument("config", metavar="CONFIG", help=_CONFIG)
    audit.add_argument("--agent", metavar="NAME", help="which agent, where the config holds several (default: all)")
    audit.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=_SET)
    audit.add_argument("--workers", metavar="N", type=int, help=_WORKERS)
    audit.add_argument("--json", action="store_true", help=_JSON)

    verify = commands.add_parser("verify", help="run again what a run folder holds: are all bits the same?")
    verify.set_defaults(module="halfspread.commands.verify")
    verify.add_argument("run", metavar="RUN", help=_RUN)
    verify.add_argument("--folder", metavar="FOLDER", help="where the paths of the config begin now")
    verify.add_argument(
        "--workers", metavar="N", type=int, help="how many cells run at once (default: one a processor)"
    )
    verify.add_argument("--trials", metavar="N", type=int, help="of a Monte Carlo: how many again (default: 10)")
    verify.add_argument("--all", action="store_true", help="of a Monte Carlo: all trials again")
    verify.add_argument("--dir", metavar="FOLDER", default="runs", help=_DIR)
    verify.add_argument("--json", action="store_true", help=_JSON)

    _walk_forward(commands.add_parser("walk-forward", help="choose settings in one window, trade them in the next"))
    _runs(commands.add_parser("runs", help="list, show, compare and clean run folders"))

    add_data_commands(commands.add_parser("data", help="market data in, listed, and checked"))

    config = commands.add_parser("config", help="show a config with all defaults, or the JSON schema of configs")
    ways = config.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = ways.add_parser("show", help="the effective config, every default written out, as TOML")
    show.set_defaults(module="halfspread.commands.config", what="show")
    show.add_argument("config", metavar="CONFIG", help=_CONFIG)
    show.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=_SET)
    schema = ways.add_parser("schema", help="the JSON schema of configs, for editors")
    schema.set_defaults(module="halfspread.commands.config", what="schema")

    warmup = commands.add_parser("warmup", help="compile and cache everything that is compiled; drop stale caches")
    warmup.set_defaults(module="halfspread.commands.warmup")
    return top


def _runs(runs: argparse.ArgumentParser) -> None:
    """``runs`` alone is ``runs list``: options of both may stand before or after that word."""
    runs.set_defaults(module="halfspread.commands.runs", what="list", name=None, agent=None, since=None, sort="date")
    runs.set_defaults(limit=None, dir="runs", json=False)
    ways = runs.add_subparsers(title="commands", metavar="COMMAND")
    listed = ways.add_parser("list", help="the runs, newest first (also what runs does alone)")
    show = ways.add_parser("show", help="one run: what its manifest says, and whether its files are as written")
    show.set_defaults(what="show")
    show.add_argument("run", metavar="RUN", help=_RUN)
    beside = ways.add_parser("compare", help="runs side by side: metrics, and what differs in configs and assumptions")
    beside.set_defaults(what="compare")
    beside.add_argument("runs", metavar="RUN", nargs="+", help=_RUN)
    clean = ways.add_parser("clean", help="delete runs; without --yes only say which")
    clean.set_defaults(what="clean")
    rule = clean.add_mutually_exclusive_group(required=True)
    rule.add_argument("--older-than", metavar="AGE", help="made before so long ago, such as 30d, or before a date")
    rule.add_argument("--keep", metavar="N", type=_count, help="all but the newest N complete ones of each name")
    rule.add_argument("--damaged", action="store_true", help="those with missing or edited files")
    clean.add_argument("--yes", action="store_true", help="do it")
    left_out = argparse.SUPPRESS
    for each in (runs, listed, clean):
        each.add_argument("--name", metavar="GLOB", default=left_out, help="only runs whose name fits, such as 'btc*'")
    for each in (runs, listed):
        each.add_argument("--agent", metavar="GLOB", default=left_out, help="only runs with such an agent")
        each.add_argument("--since", metavar="TIME", default=left_out, help="only runs since a date, or 7d, 12h")
        each.add_argument("--sort", choices=_SORTS, default=left_out, help="the best first (default: date)")
        each.add_argument("--limit", metavar="N", type=_count, default=left_out, help="the first N only")
    for each in (runs, listed, show, beside, clean):
        each.add_argument("--dir", metavar="FOLDER", default=left_out, help="folder of run folders (default: runs)")
        each.add_argument("--json", action="store_true", default=left_out, help=_JSON)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _learners(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands about learners and their models."""
    train = commands.add_parser("train", help="fit a learner, save its model, and judge it on what it has not seen")
    train.set_defaults(module="halfspread.commands.train")
    train.add_argument("config", metavar="CONFIG", help=_CONFIG)
    train.add_argument("--agent", metavar="NAME", help="which learner, where the config holds several")
    train.add_argument("--model", metavar="FILE", help="put the model here too, such as models/clone.npz")
    _common(train)
    model = commands.add_parser(
        "model", help="what a saved model or state of an agent is, what it looks at, and what it has seen"
    )
    kinds = model.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shown = kinds.add_parser("show", help="one model")
    shown.set_defaults(module="halfspread.commands.model")
    shown.add_argument("file", metavar="FILE", help="a model or a state, such as models/clone.npz")
    shown.add_argument("--json", action="store_true", help=_JSON)


def _cells(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that run many cells."""
    sweep = commands.add_parser("sweep", help="many settings of one agent, and how much of the best of them is luck")
    sweep.set_defaults(module="halfspread.commands.sweep")
    sweep.add_argument("--grid", metavar="KEY=VALUES", action="append", default=[], help=_GRID)
    sweep.add_argument("--random", metavar="N", type=int, help="draw N settings from lists and ranges instead")
    sweep.add_argument("--seed", metavar="N", type=_count, default=0, help="seed of the drawing (default: %(default)s)")
    rank = "metric that orders the settings (default: %(default)s)"
    sweep.add_argument("--rank", metavar="METRIC", default="total_return", help=rank)
    sweep.add_argument("--yes", action="store_true", help="run more than 20,000 cells")
    sensitivity = commands.add_parser("sensitivity", help="one agent at multiples of each cost: where its edge is gone")
    sensitivity.set_defaults(module="halfspread.commands.sensitivity")
    montecarlo = commands.add_parser("montecarlo", help="how a result is distributed over seeds, paths and settings")
    montecarlo.set_defaults(module="halfspread.commands.montecarlo")
    montecarlo.add_argument("--trials", metavar="N", type=int, help="seeds of the agents, on one market (default: 250)")
    montecarlo.add_argument("--seeds", metavar="N", type=int, help="seeds on each path; with --paths")
    montecarlo.add_argument("--paths", metavar="N", type=int, help="paths of the market: blocks of its days, put anew")
    montecarlo.add_argument("--block", metavar="LENGTH", help="mean length of a block, such as 5d (default: auto)")
    montecarlo.add_argument("--vary", metavar="KEY=HOW", action="append", default=[], help=_VARY)
    for command in (sweep, sensitivity, montecarlo):
        command.add_argument("config", metavar="CONFIG", help=_CONFIG)
        command.add_argument("--agent", metavar="NAME", help="which agent, where the config holds several")
        command.add_argument("--workers", metavar="N", type=int, help=_WORKERS)
        _common(command)


def _walk_forward(walk: argparse.ArgumentParser) -> None:
    walk.set_defaults(module="halfspread.commands.walk_forward")
    walk.add_argument("config", metavar="CONFIG", help=_CONFIG)
    walk.add_argument("--agent", metavar="NAME", help="which agent, where the config holds several")
    walk.add_argument("--grid", metavar="KEY=VALUES", action="append", default=[], help=_GRID)
    walk.add_argument("--random", metavar="N", type=int, help="draw N settings from lists and ranges instead")
    walk.add_argument("--seed", metavar="N", type=_count, default=0, help="seed of the drawing (default: %(default)s)")
    walk.add_argument("--train", metavar="LENGTH", required=True, help="of a training window, such as 365d")
    walk.add_argument("--test", metavar="LENGTH", required=True, help="of a test window, such as 90d")
    walk.add_argument("--anchored", action="store_true", help="training windows begin where the first does, and grow")
    walk.add_argument("--purge", metavar="LENGTH", default="0s", help="left out at the end of each training window")
    walk.add_argument("--embargo", metavar="LENGTH", default="0s", help="left out between training and test")
    metric = "what settings are chosen by (default: %(default)s)"
    walk.add_argument("--metric", metavar="METRIC", default="information_ratio", help=metric)
    walk.add_argument("--workers", metavar="N", type=int, help=_WORKERS)
    walk.add_argument("--yes", action="store_true", help="run more than 20,000 training windows of settings")
    _common(walk)


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=_SET)
    command.add_argument("--json", action="store_true", help=_JSON)
    command.add_argument("--out", metavar="FOLDER", default="runs", help="where run folders go (default: %(default)s)")
    command.add_argument("--no-report", action="store_true", help="leave out the HTML report")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; ``arguments`` are those of the process where left out."""
    parsed = parser().parse_args(arguments)
    # Arrow's own allocator keeps what it has freed: 200 MB more for a few million bars.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    parsed.stdout = sys.stdout
    try:
        # With --json standard output is for the one object: whatever else is printed, by agents too, goes to the side.
        with redirect_stdout(sys.stderr) if getattr(parsed, "json", False) else nullcontext():
            if parsed.module.rpartition(".")[2] in _REPLAYING:
                import_module("halfspread.engine.first_compile").compile_core_beside()
            code: int = _imported(parsed.module).execute(parsed)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        kept = "what came in is kept" if parsed.module.rpartition(".")[2].startswith("data_") else "nothing was written"
        _say(f"interrupted; {kept}")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (UserError, FetchError) as error:
        _say(f"error: {error}")
        return error.exit_code
    except MemoryError:
        _say("error: out of memory; a market of bars can be read while it is replayed: market.stream = true")
        return UserError.exit_code
    except Exception as error:
        return _ours(error)


def _imported(module: str) -> Any:
    """A module, imported without looking for garbage, of which there is none then: that takes a tenth of the time."""
    looked = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if looked:
            gc.enable()


def _say(message: str) -> None:
    print(f"halfspread: {without_controls(message)}", file=sys.stderr)


def _ours(error: Exception) -> int:
    """A fault of our own: everything that helps to find it."""
    import traceback

    traceback.print_exception(error)
    _say(
        f"this is a fault of halfspread {__version__}, not of your input; nothing was written. "
        "Please report it with the lines above"
    )
    return error.exit_code if isinstance(error, HalfspreadError) else HalfspreadError.exit_code
