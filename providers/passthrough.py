"""Models that nobody here knows, asked for by the caller's word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from providers import catalog
from providers.contract import PlatformModel

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}")


class Passthrough(Mapping[str, PlatformModel]):
    """The models of an endpoint, and beside them any id that the catalog does not know.

    What is counted and listed are the known ones.
    """

    __slots__ = ("_known", "_version")

    def __init__(self, known: Mapping[str, PlatformModel], version: str) -> None:
        self._known = known
        self._version = version

    def __getitem__(self, name: str) -> PlatformModel:
        found = self._known.get(name)
        if found is not None:
            return found
        if not _ID.fullmatch(name) or _is_known(name):
            raise KeyError(name)
        return PlatformModel(name, self._version, sampling=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _is_known(name: str) -> bool:
    """Say whether an id, however it is spelled, means a model of the catalog."""
    try:
        catalog.resolve(name)
    except catalog.UnknownModel:
        return False
    return True
