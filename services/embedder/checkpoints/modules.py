"""Names for the tensors in a checkpoint, as the state dict of its module would give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.embedder.checkpoints.pickles import Global, Node
from services.embedder.checkpoints.tensors import StoredTensor, tensor_of

_MAX_DEPTH = 40
_MAX_TENSORS = 100_000


def named_tensors(root: Any) -> dict[str, StoredTensor]:
    """Every tensor that can be reached through dicts with text keys and through modules, by its dotted name.

    The ``state_dict`` of a Lightning checkpoint stands for the whole; hyper-parameters are looked into where it has none.

    Args:
        root: as `read_archive` gives it.
    """
    if isinstance(root, dict) and isinstance(root.get("state_dict"), dict):
        found = dict(_limited(root["state_dict"]))
        if found:
            return found
    return dict(_limited(root))


def describe_root(root: Any) -> str:
    """What kind of file this is, in a few words."""
    if isinstance(root, Node):
        name = ascii(str(root.made_by))[1:-1][:80] if isinstance(root.made_by, Global) else "of an unknown class"
        return f"Pickled module {name}"
    return "Lightning checkpoint" if isinstance(root, dict) and "state_dict" in root else "Checkpoint"


def image_size_in(root: Any) -> int:
    """The image size that a final model of ours says, or 0."""
    about = root.get("encoder") if isinstance(root, dict) else None
    size = about.get("image_size") if isinstance(about, dict) else None
    return size if isinstance(size, int) and size > 0 else 0


def _limited(root: Any) -> Iterator[tuple[str, StoredTensor]]:
    for count, pair in enumerate(_walk(root, "", ())):
        if count >= _MAX_TENSORS:
            return
        yield pair


def _walk(value: Any, name: str, above: tuple[int, ...]) -> Iterator[tuple[str, StoredTensor]]:
    if id(value) in above or len(above) > _MAX_DEPTH:
        return
    tensor = tensor_of(value)
    if tensor is not None:
        yield name.removesuffix("."), tensor
        return
    for key, child in _children(value):
        yield from _walk(child, f"{name}{key}.", (*above, id(value)))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((key, child) for key, child in value.items() if isinstance(key, str))
    elif isinstance(value, Node):
        state = value.state[0] if isinstance(value.state, tuple) and value.state else value.state
        if not isinstance(state, dict):
            yield from _children(value.entries)
            return
        for part in ("_parameters", "_buffers", "_modules"):
            yield from _children(state[part]) if isinstance(state.get(part), dict) else ()
