"""The reference of all settings, as Markdown, from the settings themselves.

`scripts/reference.py` writes it to `docs/configuration.md`: it stands outside of the rooms, and so may ask each service for
its environment variables, which this module may not.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orchestrator import original_config
from orchestrator.settings import RunSettings

Variable = tuple[str, str, Any]  # name, meaning, default

_INTRODUCTION = """\
# Configuration

<!-- Written by `make docs` from the code; change the descriptions there. -->

`active-labeler run --data FOLDER --reference IMAGE` needs no more than that. Everything else has a default, and can be
given in a YAML file (`--config FILE`) or on the command line, which wins: `--set head.epochs=20`.

```yaml
data: photos/
seed_set:
  reference: one-of-them.jpg
sampling:
  size: 30
  strategy: positive
auto:
  enabled: yes
  rounds: 5
```

Paths start at the working directory, unless a setting says otherwise. The run keeps what it was told in
`runtime/run.yaml`.

The original's `pipeline_config.yaml` is taken as it is, with the `model_config.yaml` that it names, nested or flat: the
last column says which of its keys a setting comes from. Keys that it did not know are named in a warning.
"""
_WORDS = {
    bool: "yes or no",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    dict[str, float]: "numbers by name",
}
_SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
_LARGEST = 2**31  # limits beyond are there for machines, not for people


def reference(services: Mapping[str, Sequence[Variable]]) -> str:
    """The whole page.

    Args:
        services: name of a service -> its environment variables; those that all have are told once, for all.
    """
    return "\n".join([_INTRODUCTION, *_run_settings(), *_original_without_effect(), *_services(services)])


def _run_settings() -> Iterator[str]:
    yield "## Settings of a run\n"
    alone = {name: field for name, field in RunSettings.model_fields.items() if _section(field) is None}
    yield _settings_table("", alone)
    for name, field in RunSettings.model_fields.items():
        if (section := _section(field)) is not None:
            yield f"### {name}\n\n{(section.__doc__ or '').strip()}\n"
            yield _settings_table(f"{name}.", section.model_fields)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _settings_table(prefix: str, fields: Mapping[str, FieldInfo]) -> str:
    originals = _originals()
    rows = []
    for name, field in fields.items():
        was = ", ".join(originals.get(prefix + name, []))
        rows.append((f"`{prefix}{name}`", _kind(field), _default(field.default), field.description or "", was))
    return _table(("setting", "takes", "default", "meaning", "the original's key"), rows)


def _originals() -> dict[str, list[str]]:
    """Our dotted name -> the original's keys; those that stand in both of its files say which one is meant."""
    found: dict[str, list[str]] = {name: [f"`{key}`"] for key, name in original_config.PIPELINE.items()}
    for key, name in original_config.MODEL.items():
        where = " (model_config.yaml)" if key in original_config.PIPELINE else ""
        found.setdefault(name, []).append(f"`{key}`{where}")
    for key, first in original_config.SECOND.items():
        if key != first:
            found[original_config.PIPELINE[first]].append(f"`{key}`")
    return found


def _kind(field: FieldInfo) -> str:
    limits = {sign: getattr(entry, key) for entry in field.metadata for key, sign in _SIGNS if hasattr(entry, key)}
    shown = [f"{sign} {value:g}" for sign, value in limits.items() if abs(value) < _LARGEST]
    return ", ".join([_word(field.annotation), *shown])


def _word(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return _word(next(part for part in get_args(kind) if part is not type(None)))
    if get_origin(kind) is Annotated:
        return _word(get_args(kind)[0])
    if get_origin(kind) is tuple:
        return f"list of {_word(get_args(kind)[0])}s"
    return _WORDS[kind]


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "" or value == ():
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _original_without_effect() -> Iterator[str]:
    yield "### Keys of the original without effect\n"
    yield _table(("key", "why"), [(f"`{key}`", why) for key, why in original_config.WITHOUT_EFFECT.items()])


def _services(services: Mapping[str, Sequence[Variable]]) -> Iterator[str]:
    names = [{name for name, _, _ in variables} for variables in services.values()]
    shared = set.intersection(*names) if names else set()
    yield "## Environment of the services\n"
    yield "An embedded run sets these by itself; in a deployment they are set where a service is started.\n"
    yield "### All services\n"
    first = next(iter(services.values()), [])
    yield _variables_table([variable for variable in first if variable[0] in shared])
    for service, variables in services.items():
        own = [variable for variable in variables if variable[0] not in shared]
        if own:
            yield f"### {service}\n"
            yield _variables_table(own)


def _variables_table(variables: Sequence[Variable]) -> str:
    rows = [(f"`{name}`", _default(_given(default)), meaning) for name, meaning, default in variables]
    return _table(("variable", "default", "meaning"), rows)


def _given(default: Any) -> Any:
    """A default that is worked out on the machine is not one to print."""
    return None if default is PydanticUndefined else default


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines) + "\n"
