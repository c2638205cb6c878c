"""What is wrong with settings, in sentences: the setting as the user wrote it, its value, and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.settings import RunSettings
from protos.errors import InvalidInputError

_DOTTED = re.compile(r"\b[a-z]\w*(?:\.[a-z]\w*)+\b")
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "yes or no (true/false, 1/0)",
    "string": "text (in quotes, where it looks like something else)",
    "path": "a path",
    "tuple": "a list, such as [60, 80]",
    "model": "a group of settings, each on a line of its own below it",
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def build(values: Mapping[str, Any], written: Mapping[str, str] | None = None) -> RunSettings:
    """Settings from nested values.

    Args:
        values: as `RunSettings` names them; text where a number is wanted is taken as one where it is one.
        written: dotted name of a setting -> how the user knows it, where that is another, for the sentences.

    Raises:
        InvalidInputError: one sentence a line, one for each problem.
    """
    try:
        return RunSettings.model_validate(values)
    except ValidationError as error:
        raise InvalidInputError("\n".join(sentences(error, written))) from None


def sentences(error: ValidationError, written: Mapping[str, str] | None = None) -> list[str]:
    """One sentence for each problem that pydantic found, without its jargon."""
    names = written or {}
    return [_sentence(details, names) for details in error.errors(include_url=False)]


def _sentence(details: ErrorDetails, names: Mapping[str, str]) -> str:
    name = _name(details["loc"], names)
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return f"{name} is not set; give the {_description(details['loc'])}"
    if kind == "extra_forbidden":
        return f"{name} is no setting{_did_you_mean(details['loc'])}"
    if kind == "value_error":
        return _own(str(context["error"]), name, value, names)
    if kind == "literal_error":
        return f"{name} is {value!r}; it takes {context['expected'].replace(chr(39), '')}{_nearest(value, context['expected'])}"
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"{name} is {value!r}; it must be {words} {context[key]:g}"
    return f"{name} is {_short(value)}; it must be {_wanted(kind, context, details['msg'])}"


def _own(text: str, name: str, value: Any, names: Mapping[str, str]) -> str:
    """A sentence of our own validators: those of a group name their settings, those of one value do not."""
    if isinstance(value, BaseModel | Mapping):
        return _DOTTED.sub(lambda found: names.get(found[0], found[0]), text)
    return f"{name} is {_short(value)}; {text}"


def _wanted(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters long"
    if kind == "string_too_short":
        return "at least one character long"
    if kind == "string_unicode":
        return "valid UTF-8 text"
    return _WANTED.get(kind.split("_")[0], message)


def _short(value: Any) -> str:
    text = repr(str(value) if hasattr(value, "__fspath__") else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _name(location: Sequence[str | int], names: Mapping[str, str]) -> str:
    dotted = ".".join(part for part in location if isinstance(part, str))
    return names.get(dotted, dotted)


def _description(location: Sequence[str | int]) -> str:
    model: type[BaseModel] = RunSettings
    field = None
    for part in location:
        field = model.model_fields[str(part)]
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
    return (field.description if field else None) or "value"


def setting_names() -> dict[str, list[str]]:
    """The names in each group of settings; the group "" holds those that stand alone, and the names of the groups."""
    groups: dict[str, list[str]] = {"": list(RunSettings.model_fields)}
    for name, field in RunSettings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            groups[name] = list(field.annotation.model_fields)
    return groups


def _did_you_mean(location: Sequence[str | int]) -> str:
    groups = setting_names()
    key, group = str(location[-1]), str(location[0]) if len(location) > 1 else ""
    here = difflib.get_close_matches(key, groups.get(group, []), 1, 0.6)
    if here:
        return f"; did you mean {'.'.join(filter(None, (group, here[0])))}?"
    everywhere = {name: f"{other}.{name}".lstrip(".") for other, names in groups.items() for name in names}
    there = difflib.get_close_matches(key, everywhere, 1, 0.8)
    if there:
        return f"; did you mean {everywhere[there[0]]}?"
    return f"; there are {', '.join(groups.get(group) or groups[''])}"


def _nearest(value: Any, expected: str) -> str:
    near = difflib.get_close_matches(str(value), re.findall(r"'([^']*)'", expected), 1, 0.6)
    return f" (did you mean {near[0]}?)" if near else ""
