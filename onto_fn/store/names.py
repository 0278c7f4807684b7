"""Which reads of a store a getter uses, as far as its code shows.

The code is read, not run: a getter may do anything, and at import there is nothing to give it. It
is read as the compiled instructions that this Python has for it, whose names differ a little from
version to version. So only the values that they push and store are used. Code that is not
understood is accepted; its errors show when the store is loaded.
"""

from __future__ import annotations

import dis
import inspect
from types import CodeType
from typing import Any, cast

from onto_fn.store.paths import PathGetter
from onto_fn.store.reads import Getter

_SKIPPED = {"CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN"}


def names_used(getter: Getter[Any]) -> set[str]:
    """The attributes that a getter reads from the store, which is its first argument."""
    if isinstance(getter, PathGetter):
        return {getter.names[0]}
    if inspect.ismethod(getter):
        code, position = getter.__func__.__code__, 1
    elif inspect.isfunction(getter):
        code, position = getter.__code__, 0
    else:
        return set()
    names = code.co_varnames[position : code.co_argcount]
    if not names or _is_set(code, names[0]):  # then it stands for something else from there on
        return set()
    return _attributes(code, names[0])


def _is_set(code: CodeType, argument: str) -> bool:
    return any(argument in _stored(i) for i in dis.get_instructions(code)) or any(
        _is_set(inner, argument) for inner in _closures(code, argument)
    )


def _attributes(code: CodeType, argument: str) -> set[str]:
    names: set[str] = set()
    pushed: str | None = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in _SKIPPED:
            continue
        if instruction.opname in {"LOAD_ATTR", "LOAD_METHOD"} and pushed == argument:
            names.add(str(instruction.argval))
        pushed = _pushed(instruction)
    return names.union(*(_attributes(inner, argument) for inner in _closures(code, argument)))


def _closures(code: CodeType, argument: str) -> list[CodeType]:
    """The functions inside a function that see a variable of it."""
    constants = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [inner for inner in constants if argument in inner.co_freevars]


def _pushed(instruction: dis.Instruction) -> str | None:
    """The variable that an instruction leaves on top of the stack, if it is one.

    Besides `LOAD_FAST` and `LOAD_DEREF` in their variants there are, from Python 3.13, instructions
    for two variables, such as `LOAD_FAST_LOAD_FAST` and `STORE_FAST_LOAD_FAST`: the last counts.
    """
    name = instruction.opname
    if name.startswith(("LOAD_FAST", "LOAD_DEREF")) or name.endswith("LOAD_FAST"):
        return _variables(instruction)[-1]
    return None


def _stored(instruction: dis.Instruction) -> tuple[str, ...]:
    """The variables that an instruction sets."""
    name = instruction.opname
    if name == "STORE_FAST_STORE_FAST":
        return _variables(instruction)
    if name.startswith(("STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF")):
        return _variables(instruction)[:1]
    return ()


def _variables(instruction: dis.Instruction) -> tuple[str, ...]:
    value: object = instruction.argval
    return cast("tuple[str, ...]", value) if isinstance(value, tuple) else (str(value),)
