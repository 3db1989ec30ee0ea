"""Which lines of a statement are ours: an account's bill has more than this gateway's. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from gateway.reconcile.statement import BadStatement, Charge

FIELDS = ("account", "workspace", "api_key", "principal")
_TAG = "tag."


class Selection:
    """The lines whose fields are like all that was asked for: `workspace=wrkspc_1`, `tag.team=a*`.

    Raises ValueError for a field that lines do not have.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self.wanted = tuple(sorted(set(wanted)))
        self._tests = tuple(_test(text) for text in self.wanted)
        self._told: set[str] = set()

    def __call__(self, charge: Charge) -> bool:
        """Say whether a line is one of them."""
        kept = True
        for test in self._tests:
            value = _value(charge, test.field)
            if value:
                self._told.add(test.field)
            kept = kept and fnmatchcase(value, test.pattern)
        return kept

    def check(self, what: str) -> None:
        """Raise BadStatement where no line tells a field that was asked for."""
        for test in self._tests:
            if test.pattern and test.field not in self._told:
                raise BadStatement(
                    f"{what}: no line tells its {test.field}, so none can be chosen by it; "
                    "fetch or export it with that column"
                )


class _Test(Struct, frozen=True):
    field: str
    pattern: str


def _test(text: str) -> _Test:
    field, equals, pattern = text.partition("=")
    if not equals or not (field in FIELDS or field.startswith(_TAG)):
        raise ValueError(
            f"{text!r} chooses no lines; write FIELD=VALUE with one of "
            f"{', '.join(FIELDS)}, {_TAG}NAME"
        )
    return _Test(field, pattern)


def _value(charge: Charge, field: str) -> str:
    if field.startswith(_TAG):
        return charge.tags.get(field.removeprefix(_TAG), "")
    value: str = getattr(charge, field)
    return value
