"""From what the store lacks to a store that is complete: bars, funding, open interest, rules, and the public dumps.

What a span lacks is asked for in windows, by several threads within the venue's limits, and written in order of time:
memory does not grow with the span, and an interruption leaves neither a hole nor a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from halfspread.datafeeds.bybit.client import BASE_URL, BybitClient
from halfspread.datafeeds.bybit.fetch_dumps import DUMP_KINDS, fetch_dumps
from halfspread.datafeeds.bybit.fetch_funding import fetch_funding
from halfspread.datafeeds.bybit.fetch_spaced import check_kind, fetch_spaced
from halfspread.datafeeds.bybit.job import Job
from halfspread.datafeeds.bybit.listing import Listing, listing
from halfspread.datafeeds.net.requests import Fetched, FetchRequest, Part, Progress, quiet
from halfspread.datafeeds.store.series import Provenance
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import SECOND
from halfspread.errors import FetchError

__all__ = ["fetch"]


def fetch(request: FetchRequest, store: Store, progress: Progress = quiet, **options: Any) -> Fetched:
    """Bring what ``request`` names into ``store``; ``options``: of `Http` (clock, rng, retries, timeout).

    A venue that does not answer ends it with ``error`` set: what came before is in the store. Raises DataError for a
    symbol that the venue does not know and for rows that contradict those that are stored, ConfigError for kinds and
    intervals that it does not have.
    """
    for kind in request.kinds:
        if kind not in ("instrument", "funding", *DUMP_KINDS):
            check_kind(kind)
    fetched = Fetched("bybit", request.symbol)
    client = BybitClient.for_host(
        request.base_url or BASE_URL,
        workers=request.workers,
        per_second=request.per_second,
        patient=request.patient,
        **options,
    )
    began = client.http.clock.monotonic()
    try:
        with client.http:
            _fetch(client, request, store, progress, fetched, options)
    except FetchError as error:
        fetched.error = error
    fetched.requests += client.http.requests
    fetched.seconds = client.http.clock.monotonic() - began
    return fetched


def _fetch(
    client: BybitClient,
    request: FetchRequest,
    store: Store,
    progress: Progress,
    fetched: Fetched,
    options: dict[str, Any],
) -> None:
    dumps = [kind for kind in request.kinds if kind in DUMP_KINDS]
    others = [kind for kind in request.kinds if kind not in DUMP_KINDS]
    if others:
        skew = client.skew()
        if warning := skew.warning():
            fetched.warnings.append(warning)
        contract = listing(client, request.symbol)
        clock = client.http.clock
        now = min(skew.now(clock), clock.now())  # a row is finished when both clocks say so
        job = Job(client, contract, request, store, now, progress, fetched.parts)
        for kind in sorted(others, key=lambda kind: kind != "instrument"):
            _one(kind, job)
        if "instrument" not in others:
            _save_instrument(job)
    if dumps:
        fetch_dumps(dumps, request, store, progress, fetched, client.http.clock, options)


def _one(kind: str, job: Job) -> Part:
    ways: dict[str, Callable[[Job], Part]] = {"instrument": _fetch_rules, "funding": fetch_funding}
    return ways[kind](job) if kind in ways else fetch_spaced(kind, job)


def _fetch_rules(job: Job) -> Part:
    """Dated copies of the contract's rules and margin tiers: the venue gives today's only."""
    new = _save_instrument(job)
    contract = job.contract
    tiers = [row for row in job.client.risk_limits(contract.category, contract.symbol) if _is_of(row, contract)]
    if tiers:
        new += job.store.save_document("bybit", contract.symbol, "risk_limits", tiers, _source(job, "risk-limit"))
    told = () if tiers else ("the venue gave no margin tiers",)
    part = Part("instrument", rows=new, same=1 + bool(tiers) - new, told=told)
    job.parts.append(part)
    return part


def _save_instrument(job: Job) -> int:
    content = {"category": job.contract.category, **job.contract.info}
    return int(
        job.store.save_document("bybit", job.contract.symbol, "instrument", content, _source(job, "instruments-info"))
    )


def _is_of(row: dict[str, Any], contract: Listing) -> bool:
    return row.get("symbol") == contract.symbol


def _source(job: Job, path: str) -> Provenance:
    """Documents are as of whole seconds of the venue's time."""
    query = {"category": job.contract.category, "symbol": job.contract.symbol}
    return Provenance(job.client.http.url(f"/v5/market/{path}", query), job.now // SECOND * SECOND)
