"""``halfspread data fetch``: market data of a venue into the store, what is missing there and no more."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from time import time_ns
from typing import TYPE_CHECKING, Any

from halfspread.commands.output import print_json, print_table
from halfspread.commands.progress import Progress
from halfspread.datafeeds.store.places import store_folder
from halfspread.engine.times import interval_text, parse_interval, parse_time, time_text
from halfspread.errors import ConfigError

if TYPE_CHECKING:
    from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Part
    from halfspread.datafeeds.store.store import Store

__all__ = ["DEFAULT_KINDS", "VENUES", "execute"]

#: Venues, and the modules whose ``fetch`` asks them.
VENUES = {"bybit": "halfspread.datafeeds.bybit.fetch", "bitmex": "halfspread.datafeeds.bitmex.fetch"}
#: What is fetched of each where no --kind is given.
DEFAULT_KINDS = {
    "bybit": ("bars", "mark", "index", "funding", "instrument"),
    "bitmex": ("bars", "funding", "instrument"),
}
#: Kinds that have an interval in their name.
_SPACED = ("bars", "mark", "index", "premium", "open_interest")
_NAMES = {"books": "book_updates"}

#: Findings of one series by severity.
Findings = dict[str, int]


def execute(arguments: Namespace) -> int:
    """Fetch, and say what came, what is missing and why, and where it is. Raises FetchError, after that, where the
    venue stopped answering."""
    from halfspread.datafeeds.store.store import Store

    venue = arguments.venue.lower()
    if venue not in VENUES:
        raise ConfigError(f"VENUE: expected {' or '.join(VENUES)}, got {arguments.venue!r}")
    request = _request(arguments, venue)
    store = Store(store_folder(arguments.store))
    fetch: Callable[..., Fetched] = import_module(VENUES[venue]).fetch
    with _shown(arguments) as progress:
        fetched = fetch(request, store, progress)
    found = {} if arguments.no_check else _checked(fetched, store, arguments)
    if arguments.json:
        print_json(_object(fetched, str(store.folder), found), arguments.stdout)
    else:
        _print(fetched, str(store.folder), found)
    if fetched.error is not None:
        raise fetched.error
    return 0


def _checked(fetched: Fetched, store: Store, arguments: Namespace) -> dict[str, Findings]:
    """What the checks say of each series that has new rows, by kind and severity; it is kept beside the data."""
    from halfspread.commands.data_check import check_and_save
    from halfspread.datafeeds.store.series import Series

    found: dict[str, Findings] = {}
    with Progress(not arguments.json).steps("check") as step:
        for part in fetched.parts:
            if part.kind == "instrument" or not part.rows:
                continue
            series = Series(fetched.venue, fetched.symbol, part.kind)
            step(str(series))
            severities = [finding.severity for finding in check_and_save(store, series).findings]
            found[part.kind] = {one: severities.count(one) for one in ("error", "warning", "note")}
    return found


def _request(arguments: Namespace, venue: str) -> FetchRequest:
    from halfspread.datafeeds.net.requests import FetchRequest

    kinds = _kinds(arguments, venue)
    start, end = 0, None
    if kinds != ("instrument",):
        if arguments.start is None:
            raise ConfigError("--from: expected the first time to fetch, such as --from 2024-01-01")
        start = parse_time(arguments.start, "--from")
        if start > time_ns():
            raise ConfigError(f"--from: expected a time that is over, got {time_text(start)}, which is in the future")
        end = None if arguments.end in (None, "now") else parse_time(arguments.end, "--to")
    if end is not None and end <= start:
        raise ConfigError(f"--to: expected a time after {time_text(start)}, got {time_text(end)}")
    if arguments.workers < 1 or arguments.workers > 32:
        raise ConfigError(f"--workers: expected 1 to 32, got {arguments.workers}")
    rate = arguments.requests_per_second
    if rate is not None and not 0.0 < rate < 1e6:
        raise ConfigError(f"--requests-per-second: expected a number above 0, got {rate}")
    return FetchRequest(
        symbol=arguments.symbol.upper(),
        kinds=kinds,
        start=start,
        end=end,
        base_url=arguments.base_url,
        dumps_url=arguments.dumps_url,
        workers=arguments.workers,
        per_second=rate,
        replace=arguments.replace,
        patient=getattr(arguments, "patient", False),
    )


def _kinds(arguments: Namespace, venue: str) -> tuple[str, ...]:
    """Names of kinds of the store: what was asked for, with the interval where a kind has one."""
    wanted = tuple(dict.fromkeys(arguments.kinds)) or DEFAULT_KINDS[venue]
    spaced = [kind for kind in wanted if kind in _SPACED]
    if spaced and arguments.interval is None:
        raise ConfigError(f"--interval: expected the length of {', '.join(spaced)}, such as --interval 5m")
    if arguments.interval is not None and not spaced:
        raise ConfigError(f"--interval: {', '.join(wanted)} have none; leave it out, or ask for --kind bars too")
    length = interval_text(parse_interval(arguments.interval)) if spaced else ""
    return tuple(f"{kind}_{length}" if kind in _SPACED else _NAMES.get(kind, kind) for kind in wanted)


@contextmanager
def _shown(arguments: Namespace) -> Iterator[Callable[[str, float, float], None]]:
    """What shows the progress of each kind on a terminal."""
    what = f"fetching {arguments.symbol.upper()} from {arguments.venue}"
    with Progress(not arguments.json).steps(what) as step:

        def show(kind: str, done: float, whole: float) -> None:
            step(f"{kind} {done / whole:.0%}" if whole else kind)

        yield show


def _object(fetched: Fetched, folder: str, found: dict[str, Findings]) -> dict[str, Any]:
    return {
        "venue": fetched.venue,
        "symbol": fetched.symbol,
        "store": folder,
        "requests": fetched.requests,
        "seconds": round(fetched.seconds, 3),
        "parts": [
            {
                "kind": part.kind,
                "rows": part.rows,
                "same": part.same,
                "spans": [[time_text(start), time_text(end)] for start, end in part.spans],
                "holes": [
                    {"start": time_text(hole.start), "end": time_text(hole.end), "reason": hole.reason}
                    for hole in part.holes
                ],
                "told": list(part.told),
                "findings": found.get(part.kind),
            }
            for part in fetched.parts
        ],
        "warnings": fetched.warnings,
        "error": None if fetched.error is None else str(fetched.error),
    }


def _print(fetched: Fetched, folder: str, found: dict[str, Findings]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind")
    for name in ("new rows", "there before"):
        table.add_column(name, justify="right")
    for name in ("fetched from", "to"):
        table.add_column(name)
    for part in fetched.parts:
        table.add_row(part.kind, f"{part.rows:,}", f"{part.same:,}", *_span(part))
    lines = [line for part in fetched.parts for line in _remarks(part)]
    lines += [f"warning: {warning}" for warning in fetched.warnings]
    lines += _check_lines(f"{fetched.venue}:{fetched.symbol}", found)
    if fetched.error is not None:
        lines.append("stopped before the end; what is above is kept, and the same command goes on from there")
    took = f"{fetched.venue}:{fetched.symbol}: {fetched.requests:,} requests in {fetched.seconds:,.1f} s, into {folder}"
    print_table(table, "", *lines, took)


def _check_lines(contract: str, found: dict[str, Findings]) -> Iterator[str]:
    """How the checks went, and how to see more of it."""
    if not found:
        return
    for kind, counts in found.items():
        wrong = {name: count for name, count in counts.items() if count and name != "note"}
        if wrong:
            told = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in wrong.items())
            yield f"{kind}: the checks found {told}; halfspread data check {contract}:{kind} shows them"
    if not any(counts["error"] or counts["warning"] for counts in found.values()):
        yield f"checked: nothing was found wrong in the rows of {', '.join(found)}"


def _span(part: Part) -> tuple[str, str]:
    if part.spans:
        return time_text(part.spans[0][0]), time_text(part.spans[-1][1])
    return ("", "") if part.kind == "instrument" or part.told else ("nothing was missing", "")


def _remarks(part: Part) -> Iterator[str]:
    """Holes and what was noticed, the first ten of each."""
    for hole in part.holes[:10]:
        yield f"{part.kind}: no rows from {time_text(hole.start)} to {time_text(hole.end)}: {hole.reason}"
    if len(part.holes) > 10:
        yield f"{part.kind}: and {len(part.holes) - 10} more spans without rows; data ls lists the gaps"
    yield from (f"{part.kind}: {told}" for told in part.told[:10])
