"""The arguments of ``halfspread data ...``."""

from __future__ import annotations

import argparse

__all__ = ["add_data_commands"]

_JSON = "print one JSON object on standard output and nothing else"
_STORE = "folder of the store (default: $HALFSPREAD_STORE, else ./market_data)"
_SERIES = "VENUE, VENUE:SYMBOL or VENUE:SYMBOL:KIND, such as bybit:BTCUSDT:bars_5m (default: all)"
_FROM = "first time, such as 2024-01-01 or 2024-01-01T08:00 (UTC)"
_TO = "up to this time, which is left out (default: %(default)s)"
_VENUE = "bybit or bitmex"
_REPLACE = "put the new rows in place of different ones that are there; without it they are refused"
_NO_CHECK = "do not look at the quality of what came in"

#: Kinds that `data fetch` knows, without intervals.
KINDS = ("bars", "mark", "index", "premium", "funding", "open_interest", "instrument", "trades", "quotes", "books")


def add_data_commands(data: argparse.ArgumentParser) -> None:
    """The commands below ``halfspread data``; ``arguments.module`` is the module whose ``execute`` runs each."""
    ways = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _fetch(ways.add_parser("fetch", help="market data of a venue into the store: what is missing there, and no more"))
    _import(ways.add_parser("import", help="files of other tools and archives into the store"))
    listed = ways.add_parser("ls", help="what the store holds: ranges, rows, gaps, sources")
    listed.set_defaults(module="halfspread.commands.data_ls")
    listed.add_argument("series", metavar="SERIES", nargs="?", help=_SERIES)
    _check(ways.add_parser("check", help="is it right? gaps, jumps, ticks, arithmetic, bars against trades, ..."))
    _books(ways.add_parser("books", help="order-book snapshots out of the updates in the store"))
    _gap(ways.add_parser("gap", help="declare a span in which there is no data to be had, with the reason"))
    _serve(ways.add_parser("serve", help="a fake exchange on this machine, to try programs against"))
    for name, command in ways.choices.items():
        if name != "serve":
            command.add_argument("--store", metavar="FOLDER", help=_STORE)
        command.add_argument("--json", action="store_true", help=_JSON)


def _fetch(fetch: argparse.ArgumentParser) -> None:
    fetch.set_defaults(module="halfspread.commands.data_fetch")
    fetch.add_argument("venue", metavar="VENUE", help=_VENUE)
    fetch.add_argument("symbol", metavar="SYMBOL", help="contract, such as BTCUSDT or XBTUSD")
    fetch.add_argument("--interval", metavar="LENGTH", help="of the bars, such as 5m")
    fetch.add_argument("--from", dest="start", metavar="TIME", help=_FROM)
    fetch.add_argument("--to", dest="end", metavar="TIME", default="now", help=_TO)
    kinds = f"what to fetch, repeatable: {', '.join(KINDS)} (default: bars, mark, index, funding and instrument)"
    fetch.add_argument("--kind", dest="kinds", metavar="KIND", action="append", choices=KINDS, default=[], help=kinds)
    fetch.add_argument("--base-url", metavar="URL", help="another address of the venue's REST interface: a mirror")
    fetch.add_argument("--dumps-url", metavar="URL", help="another address of its public files")
    fetch.add_argument("--workers", metavar="N", type=int, default=4, help="requests at a time (default: %(default)s)")
    rate = "at most so many requests a second (default: the venue's own limit, with a margin)"
    fetch.add_argument("--requests-per-second", metavar="N", type=float, help=rate)
    patient = "sit out a ban of the venue (Bybit: ten minutes) instead of giving up"
    fetch.add_argument("--patient", action="store_true", help=patient)
    fetch.add_argument("--replace", action="store_true", help=_REPLACE)
    fetch.add_argument("--no-check", action="store_true", help=_NO_CHECK)


def _import(imported: argparse.ArgumentParser) -> None:
    imported.set_defaults(module="halfspread.commands.data_import")
    imported.add_argument("files", metavar="FILE", nargs="+", help="files; their formats are detected and told")
    imported.add_argument("--venue", metavar="VENUE", help="where the file does not say it")
    imported.add_argument("--symbol", metavar="SYMBOL", help="where the file does not say it, or holds several")
    imported.add_argument(
        "--kind", metavar="KIND", help="such as bars_5m, trades, funding, where the file does not say"
    )
    imported.add_argument("--format", metavar="NAME", help="instead of detecting it")
    imported.add_argument("--interval", metavar="LENGTH", help="of bars, where their times do not show it")
    mapping = "a column of ours and its name in the file, such as --map ts=Timestamp --map volume=Vol (repeatable)"
    imported.add_argument("--map", dest="mapping", metavar="OURS=NAME", action="append", default=[], help=mapping)
    imported.add_argument("--time-unit", choices=("s", "ms", "us", "ns"), help="instead of telling it by magnitude")
    imported.add_argument("--stamp", choices=("open", "close"), help="which end of a bar its time is")
    zone = "of times that do not say it, such as Europe/Berlin (default: UTC)"
    imported.add_argument("--time-zone", metavar="ZONE", help=zone)
    volume = "the volume of CCXT bars of an inverse Bybit contract counts contracts, not base coin"
    imported.add_argument("--volume", choices=("contracts",), help=volume)
    book = "which of several books a recording holds, such as orderbook.50"
    imported.add_argument("--book", metavar="NAME", help=book)
    imported.add_argument("--sort", action="store_true", help="rows that are not in order of time: read all, then sort")
    unpacked = "the most that a file may unpack to, such as 100GB"
    imported.add_argument("--max-unpacked", metavar="SIZE", help=unpacked)
    imported.add_argument("--replace", action="store_true", help=_REPLACE)
    imported.add_argument("--no-check", action="store_true", help=_NO_CHECK)


def _check(check: argparse.ArgumentParser) -> None:
    check.set_defaults(module="halfspread.commands.data_check")
    check.add_argument("series", metavar="SERIES", nargs="?", help=_SERIES)
    check.add_argument("--from", dest="start", metavar="TIME", help=_FROM)
    check.add_argument("--to", dest="end", metavar="TIME", help="up to this time, which is left out")
    check.add_argument("--html", metavar="FILE", help="write a page with pictures")


def _books(books: argparse.ArgumentParser) -> None:
    books.set_defaults(module="halfspread.commands.data_books")
    books.add_argument("venue", metavar="VENUE", help="of the updates in the store")
    books.add_argument("symbol", metavar="SYMBOL", help="contract, such as BTCUSDT")
    books.add_argument("--levels", metavar="N", type=int, default=25, help="levels of each side (default: %(default)s)")
    books.add_argument(
        "--every", metavar="LENGTH", help="one snapshot in so long, such as 100ms (default: each change)"
    )
    books.add_argument("--from", dest="start", metavar="TIME", help=_FROM)
    books.add_argument("--to", dest="end", metavar="TIME", help="up to this time, which is left out")
    books.add_argument("--replace", action="store_true", help=_REPLACE)


def _gap(gap: argparse.ArgumentParser) -> None:
    gap.set_defaults(module="halfspread.commands.data_gap")
    gap.add_argument("series", metavar="SERIES", help="VENUE:SYMBOL:KIND, such as bybit:BTCUSDT:bars_5m")
    gap.add_argument("start", metavar="FROM", help="first time without data (UTC)")
    gap.add_argument("end", metavar="TO", help="first time with data again")
    gap.add_argument("--reason", metavar="TEXT", help="why there is none")
    gap.add_argument("--withdraw", action="store_true", help="take back what is declared of this time")


def _serve(serve: argparse.ArgumentParser) -> None:
    serve.set_defaults(module="halfspread.commands.data_serve")
    serve.add_argument("--port", metavar="N", type=int, default=0, help="port (default: a free one)")
    serve.add_argument(
        "--days", metavar="N", type=int, default=30, help="of market data up to now (default: %(default)s)"
    )
    serve.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the market (default: %(default)s)")
    rate = "answer no more than so many requests a second (default: no limit)"
    serve.add_argument("--requests-per-second", metavar="N", type=float, help=rate)
    faults = "the share of requests that go wrong, such as 0.2 (default: %(default)s)"
    serve.add_argument("--faults", metavar="SHARE", type=float, default=0.0, help=faults)
