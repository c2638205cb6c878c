"""Reads YAML as plain text: no tags, no aliases, no key twice, and no guessing what `no` or `007` may mean.

A scalar stays the text that the user wrote; the settings turn it into a number or a switch where they want one. So `1e-2` is
a number, and a class called `no` keeps its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from protos.errors import InvalidInputError, NotFoundError

_MAX_BYTES = 1 << 20
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


def read_mapping(path: Path) -> dict[str, Any]:
    """The content of a YAML file: text, None, lists and dicts with text keys.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it is no YAML, or more than a nested list of names and values; with the line.
    """
    try:
        return parse_mapping(_read(path), str(path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else "somewhere"
        raise InvalidInputError(
            f"{path}, {line}: this is no YAML ({error.problem or error.context}); mind colons, quotes and indentation"
        ) from None
    except yaml.reader.ReaderError as error:
        raise InvalidInputError(
            f"{path} is no YAML text: {error.reason}; save it as UTF-8 without control characters"
        ) from None
    except RecursionError:
        raise InvalidInputError(f"{path} is nested too deep for a configuration") from None


def parse_mapping(text: str, source: str) -> dict[str, Any]:
    """The same of a text; ``source`` is named in the sentences. YAML's own errors come through."""
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidInputError(f"{source}, line {_line(event)}: *{event.anchor} is an alias; write the value out")
    node = yaml.compose(text, Loader=yaml.BaseLoader)
    value = None if node is None else _value(node, source)
    if value is None:
        raise InvalidInputError(f"{source} is empty; see docs/configuration.md for what it may hold")
    if not isinstance(value, dict):
        raise InvalidInputError(f"{source} holds no settings; write lines like 'data: FOLDER'")
    return value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(
            f"the configuration {path} does not exist; mind that paths start at the working directory"
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"the configuration {path} cannot be read: {error}") from None
    if len(data) > _MAX_BYTES:
        raise InvalidInputError(f"{path} is larger than {_MAX_BYTES} bytes; this is no configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInputError(f"{path}, line {line}: this is no UTF-8 text; save the file as UTF-8") from None


def _value(node: yaml.Node, source: str) -> Any:
    if node.tag not in _PLAIN_TAGS:
        raise InvalidInputError(
            f"{source}, line {_line(node)}: the tag {node.tag!r} is not taken; write plain values only"
        )
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, source)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, source) for child in node.value]
    plain = getattr(node, "style", None) is None  # in quotes it is text, whatever it says
    return None if plain and node.value in _NOTHING else node.value


def _mapping(node: yaml.MappingNode, source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _value(key_node, source)
        if not isinstance(key, str):
            raise InvalidInputError(f"{source}, line {_line(key_node)}: the name of a setting must be a word")
        if key in found:
            raise InvalidInputError(
                f"{source}, line {_line(key_node)}: {key!r} stands here a second time; keep one of the two"
            )
        found[key] = _value(value_node, source)
    return found


def _line(thing: yaml.Node | yaml.Event) -> int:
    return thing.start_mark.line + 1 if thing.start_mark else 1
