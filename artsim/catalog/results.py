"""JSON of what is told to programs, and remarks for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""Value that JSON can hold."""

SCHEMA: Final = 1
"""Version of the forms for programs; it changes only when a program would have to."""


class Note(str):
    """A remark for the user, with the command or option that goes on from it.

    Parameters
    ----------
    text : str
        The remark, in words that hold in Python as on the command line.
    hint : str
        Such as ``--attribution by``; the command line prints it in brackets behind.
    """

    __slots__ = ("hint",)
    hint: str

    def __new__(cls, text: str, *, hint: str = "") -> Note:
        """Return `text` with the hint."""
        note = super().__new__(cls, text)
        note.hint = hint
        return note

    @property
    def with_hint(self) -> str:
        """The remark as the command line shows it."""
        return f"{self} ({self.hint})" if self.hint else str(self)


def plain_json(value: object) -> Any:
    """Return `value` as strict JSON holds it, copied.

    Numbers and arrays of NumPy become plain ones, numbers that JSON lacks (NaN and the
    infinities) None, lone surrogates question marks, and anything unknown its ``str``.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain_json(str(name))): plain_json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(part) for part in value]
    # An array or scalar of NumPy, known by its method so that NumPy need not be imported.
    to_list = getattr(value, "tolist", None)
    return plain_json(to_list() if callable(to_list) else str(value))
