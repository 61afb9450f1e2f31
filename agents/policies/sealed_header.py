"""The JSON header of a file of this package: sealed with its own hash, and read without trusting what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from halfspread.agents.features import DrivenReservoir, FeatureSet
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError

__all__ = ["MOST_BYTES", "features_in", "read_sealed", "sealed", "taken", "trained_in"]

#: Larger than any header that this package makes.
MOST_BYTES = 1 << 26
#: Deeper than any facts.
MOST_LEVELS = 100


def sealed(header: Mapping[str, Any]) -> str:
    """The text of a header with its seal, the hash of the rest. Raises TypeError or ValueError for what are no JSON
    values, that is too large, or nested too deeply."""
    if not _is_shallow(header):
        raise ValueError(f"nested more than {MOST_LEVELS} levels deep")
    plain = json.dumps(header, sort_keys=True, allow_nan=False)
    if len(plain) > MOST_BYTES:
        raise ValueError(f"{len(plain):,} characters, expected at most {MOST_BYTES:,}")
    seal = hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()
    return json.dumps({**header, "seal": seal}, sort_keys=True)


def read_sealed(data: bytes, form: int | str, what: str, again: str) -> dict[str, Any]:
    """A header as `sealed` wrote it, without its seal. ``form``: the number of the format of ``what``; ``again``: how
    to get a good one. Raises DataError for anything else."""
    if len(data) > MOST_BYTES + 100:
        raise DataError(f"a header of {len(data):,} bytes, expected at most {MOST_BYTES:,}; {again}")
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"its header cannot be read: {error}; {again}") from None
    if not _is_shallow(header):
        raise DataError(f"its header is nested more than {MOST_LEVELS} levels deep; {again}")
    if not isinstance(header, dict) or header.get("format") != form:
        got = header.get("format") if isinstance(header, dict) else header
        raise DataError(f"expected {what} of format {form}, got {got!r:.80}; {again}")
    seal = header.pop("seal", None)
    try:
        same = sealed(header) == data.decode()
    except (TypeError, ValueError):
        same = False
    if not same:
        raise DataError(f"its header was altered (seal {seal!s:.40}); {again}")
    return header


def taken(header: Mapping[str, Any], name: str, *kinds: type) -> Any:
    """What a header holds under a name. Raises DataError where it is missing or of another type."""
    value = header.get(name)
    if name not in header or not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(each.__name__ for each in kinds)
        raise DataError(f"its header has no {name!r} ({wanted}): got {value!r:.80}")
    return value


def features_in(header: Mapping[str, Any]) -> FeatureSet:
    """Its features. Raises DataError."""
    names = taken(header, "features", list)
    if not all(isinstance(each, str) for each in names):
        raise DataError(f"features: expected names, got {names!r:.80}")
    settings = taken(header, "reservoir", dict) if "reservoir" in header else None
    try:
        driven = None if settings is None else DrivenReservoir(**settings)
        return FeatureSet(tuple(names), taken(header, "stack", int), driven)
    except (ConfigError, TypeError) as error:
        raise DataError(str(error)) from None


def trained_in(header: Mapping[str, Any]) -> tuple[TrainingRange, ...]:
    """The ranges that were seen. Raises DataError."""
    try:
        return tuple(TrainingRange(**each) for each in taken(header, "trained", list))
    except TypeError as error:
        raise DataError(f"trained: {error}") from None


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for each in level
            if isinstance(each, (Mapping, list, tuple))
            for inner in (each.values() if isinstance(each, Mapping) else each)
        ]
        if not level:
            return True
    return False
