"""A pickle as inert data: a stack machine of our own over the opcodes, which calls and imports nothing.

What a pickle wants to import becomes a `Global` (two strings), what it wants to call or to build becomes a `Node` (a record
of what would have been called with what). So any file can be read, whatever packages made it.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from protos.errors import InvalidInputError

_MARK = object()
_MAX_OPCODES = 5_000_000
_PLAIN_KEYS = (str, int, float, bool, bytes, type(None))


class PickleError(InvalidInputError):
    """Bytes that are no pickle."""


@dataclass(frozen=True)
class Global:
    """A class or function that a pickle names."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Node:
    """An object that a pickle would have built: by calling ``made_by`` with ``args``; then its state and content."""

    made_by: Any
    args: Any = ()
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


Persistent = Callable[[Any], Any]


def read_pickle(file: IO[bytes], persistent: Persistent = lambda key: Node("persistent", key)) -> Any:
    """The value of one pickle, read from where ``file`` stands; ``file`` stands after it then.

    Args:
        file: open for reading.
        persistent: turns a persistent id (how torch refers to the numbers of a tensor) into a value.

    Raises:
        PickleError: when there is no whole pickle.
    """
    machine = _Machine(persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > _MAX_OPCODES:
                raise PickleError(f"a pickle of more than {_MAX_OPCODES} steps")
            machine.step(opcode.name, argument)
        return machine.stack.pop()
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise PickleError(f"damaged pickle: {' '.join(str(error).split())[:120]}") from error


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, persistent: Persistent) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.persistent = persistent

    def step(self, name: str, argument: Any) -> None:
        """Does what one opcode says."""
        if name in _PUSHES_ARGUMENT:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        else:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise PickleError(f"the pickle opcode {name} is not known")
            method(argument)

    def _after_mark(self) -> list[Any]:
        depth = next((n for n, value in enumerate(reversed(self.stack)) if value is _MARK), None)
        if depth is None:
            raise PickleError("damaged pickle: the beginning of a group is missing")
        at = len(self.stack) - 1 - depth
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def _proto(self, _: Any) -> None: ...
    def _frame(self, _: Any) -> None: ...
    def _stop(self, _: Any) -> None: ...
    def _readonly_buffer(self, _: Any) -> None: ...

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._after_mark()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    _binget = _long_binget = _get

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._after_mark()))

    def _list(self, _: Any) -> None:
        self.stack.append(self._after_mark())

    def _dict(self, _: Any) -> None:
        values = self._after_mark()
        self.stack.append({})
        self._store(self.stack[-1], values)

    def _frozenset(self, _: Any) -> None:
        self.stack.append(Node(Global("builtins", "frozenset"), elements=self._after_mark()))

    def _tuple1(self, _: Any) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def _tuple2(self, _: Any) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _tuple3(self, _: Any) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._after_mark())

    _additems = _appends

    def _extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        (target if isinstance(target, list) else target.elements).extend(values)

    def _setitem(self, _: Any) -> None:
        values = [self.stack.pop(-2), self.stack.pop()]
        self._store(self.stack[-1], values)

    def _setitems(self, _: Any) -> None:
        values = self._after_mark()
        self._store(self.stack[-1], values)

    @staticmethod
    def _store(target: Any, values: list[Any]) -> None:
        entries = target if isinstance(target, dict) else target.entries
        for key, value in zip(values[::2], values[1::2], strict=True):
            if isinstance(key, _PLAIN_KEYS):  # the hash of a nested key could take forever; no encoder needs one
                entries[key] = value

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(Global(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("a class whose name is no text")
        self.stack.append(Global(module, name))

    def _ext1(self, code: int) -> None:
        self.stack.append(Global("copyreg extension", str(code)))

    _ext2 = _ext4 = _ext1

    def _reduce(self, _: Any) -> None:
        args, made_by = self.stack.pop(), self.stack.pop()
        self.stack.append(_made(made_by, args))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        _, args, made_by = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.stack.append(_made(made_by, args))

    def _inst(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(_made(Global(module, name), tuple(self._after_mark())))

    def _obj(self, _: Any) -> None:
        made_by, *args = self._after_mark()
        self.stack.append(_made(made_by, tuple(args)))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Node):
            self.stack[-1].state = state

    def _persid(self, key: str) -> None:
        self.stack.append(self.persistent(key))

    def _binpersid(self, _: Any) -> None:
        self.stack.append(self.persistent(self.stack.pop()))


def _made(made_by: Any, args: Any) -> Any:
    """The only calls that are answered are those that make empty dicts and sizes: no code of the file takes part."""
    if made_by == Global("collections", "OrderedDict") and args == ():
        return {}
    if made_by == Global("torch", "Size") and isinstance(args, tuple) and len(args) == 1:
        return args[0]
    return Node(made_by, args)


_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_PUSHES_ARGUMENT = _NUMBERS | _TEXTS | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": lambda: (),
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: Node(Global("builtins", "set")),
    "MARK": lambda: _MARK,
    "NEXT_BUFFER": lambda: Node("buffer"),
}
