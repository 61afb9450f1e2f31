"""What pydantic has found wrong with a config, in our words: where, which key, what was expected, what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from halfspread.configs.places import Key, Places, key_text

__all__ = ["close_match", "explain"]

#: Keys by which one of several models is chosen.
_TAGS = ("source", "world", "kind")
#: How a config says that something costs nothing.
_NO_COST = {
    "costs.half_spread": '{ kind = "none" }',
    "costs.fees": "{ taker = 0.0, maker = 0.0 }",
    "costs.funding": '{ kind = "none" }',
}
_WORDS = (
    ("Value error, ", ""),
    ("Input should be a valid integer", "expected a whole number"),
    ("Input should be a valid number", "expected a number"),
    ("Input should be a valid string", "expected a text in quotes"),
    ("Input should be a valid boolean", "expected true or false"),
    ("Input should be a valid tuple", "expected a list"),
    ("Input should be a valid dictionary or object to extract fields from", "expected a table"),
    ("Input should be a valid dictionary or instance of", "expected a table for"),
    ("Input should be", "expected"),
)


def close_match(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, or nothing."""
    lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(str(name).lower(), lower, n=1)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


def explain(error: ValidationError, data: Mapping[str, Any], model: type[BaseModel], places: Places) -> str:
    """One line for each key of ``data``, which was to become a ``model``, that is wrong."""
    found: dict[Key, list[str]] = {}
    for fault in error.errors(include_url=False):
        key = _real_key(fault["loc"], data)
        if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
            key = (*key, fault["ctx"]["discriminator"].strip("'"))
        message = _message(fault, key, model, data)
        plain = _plain_faults(key, message, model, data) if fault["type"] == "value_error" else {}
        for place, text in (plain or {key: message}).items():
            found.setdefault(place, []).append(text)
    return "\n".join(f"{places.of(key)}: {key_text(key)}{': ' if key else ''}{_joined(found[key])}" for key in found)


def _plain_faults(key: Key, message: str, model: type[BaseModel], data: Any) -> dict[Key, str]:
    """What is wrong inside a table that its model refused as a whole: unknown and missing keys, or the named one."""
    table = data
    for part in key:
        inside = table.get(part) if isinstance(table, dict) else None
        table = table[part] if isinstance(table, list) and isinstance(part, int) else inside
    if not isinstance(table, dict):
        return {}
    known = _keys_at(model, key, data)
    unknown = {(*key, name): _unknown(name, known) for name in table if name not in known}
    required = [
        name
        for each in _models_at(model, key, data)
        for name, field in each.model_fields.items()
        if field.is_required()
    ]
    missing = {(*key, name): _missing((*key, name)) for name in required if name not in table}
    name, colon, text = message.partition(": ")
    return unknown | missing or ({(*key, name): text} if colon and name in known else {})


def _unknown(name: object, known: Sequence[str]) -> str:
    return f"unknown key; there are {', '.join(known)}{close_match(name, known)}"


def _missing(key: Key) -> str:
    none = _NO_COST.get(key_text(key))
    return "is missing" + (f"; a cost is never left out silently: write {key[-1]} = {none} for none" if none else "")


def _joined(messages: list[str]) -> str:
    """Several ways of being wrong about one key: what was found is said once, at the end."""
    *others, last = dict.fromkeys(messages)
    return " or ".join(
        [*(each.rpartition(", got ")[0] or each for each in others), last.removeprefix("expected ") if others else last]
    )


def _real_key(location: Sequence[str | int], data: Any) -> Key:
    """A location without the names that pydantic puts in for the choices it made among several models."""
    key: list[str | int] = []
    choices = _choices(data)
    for i, part in enumerate(location):
        if choices and part == choices[0]:
            choices = choices[1:]
            continue
        if isinstance(data, dict) and (part in data or i + 1 == len(location)):
            key.append(part)
            data = data.get(part)
            choices = _choices(data)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            key.append(part)
            data = data[part]
            choices = _choices(data)
    return tuple(key)


def _choices(data: Any) -> list[Any]:
    """What the tags of a table say, in the order in which models are chosen by them."""
    return [data[tag] for tag in _TAGS if tag in data] if isinstance(data, dict) else []


def _message(fault: Any, key: Key, model: type[BaseModel], data: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(key[-1], _keys_at(model, key[:-1], data))
    if kind == "missing":
        return _missing(key)
    if kind == "union_tag_not_found":
        return f"is missing; expected one of {', '.join(map(repr, _tags_at(model, key, data)))}"
    if kind == "union_tag_invalid":
        known = re.findall(r"'([^']*)'", context["expected_tags"])
        hint = close_match(context["tag"], known)
        return f"expected one of {context['expected_tags']}, got {context['tag']!r}{hint}"
    if kind == "string_pattern_mismatch":
        return (
            f"expected letters, digits, '.', '_', '-', the first a letter or digit, at most 80, got {fault['input']!r}"
        )
    text: str = fault["msg"]
    for theirs, ours in _WORDS:
        text = text.replace(theirs, ours)
    if kind == "value_error":
        return text.removeprefix(f"{key[-1]}: ") if key else text
    hint = close_match(fault["input"], re.findall(r"'([^']*)'", text)) if kind == "literal_error" else ""
    return f"{text}, got {fault['input']!r}{hint}"


def _models_at(model: type[BaseModel], key: Key, data: Any) -> list[type[BaseModel]]:
    """The models that the table at ``key`` may become, given the tags written in it."""
    models = [model]
    for part in key:
        data = data[part]
        if isinstance(part, str):
            fields = [each.model_fields[part] for each in models if part in each.model_fields]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return [each for each in models if not isinstance(data, dict) or _fits(each, data)]


def _keys_at(model: type[BaseModel], key: Key, data: Any) -> list[str]:
    return list(dict.fromkeys(name for each in _models_at(model, key, data) for name in each.model_fields))


def _tags_at(model: type[BaseModel], key: Key, data: Any) -> list[str]:
    """What the tag at ``key`` may be."""
    models = _models_at(model, key[:-1], data)
    fields = [each.model_fields[str(key[-1])] for each in models if key[-1] in each.model_fields]
    return list(dict.fromkeys(value for field in fields for value in get_args(field.annotation)))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _fits(model: type[BaseModel], data: Mapping[str, Any]) -> bool:
    fields = {tag: model.model_fields[tag] for tag in _TAGS if tag in model.model_fields}
    return all(data[tag] in get_args(field.annotation) for tag, field in fields.items() if tag in data)
