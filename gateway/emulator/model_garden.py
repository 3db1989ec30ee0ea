"""Emulates what Vertex AI says of a location and of the models that are served there.

Paths follow google-cloud-aiplatform 2.7: GetPublisherModel of the Model Garden service, and
GetLocation, which its REST client asks for under `/ui/`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from gateway.emulator.problems import Problem

_MODEL: Final = re.compile(r"/v1/publishers/anthropic/models/(?P<model>[^/:]+)")
_LOCATION: Final = re.compile(r"/(?:v1|ui)/projects/(?P<project>[^/]+)/locations/(?P<at>[^/]+)")


@dataclass(slots=True)
class ModelGarden:
    """What the endpoint says it is and has, to be changed before or between requests."""

    location: str | None = None
    """The location that it says it is, whatever it is asked for; None: the one asked for."""
    withheld: set[str] = field(default_factory=set)
    """Models that are not there."""

    def reset(self) -> None:
        """Return to what is there at first."""
        self.location = None
        self.withheld.clear()

    def knows(self, path: str) -> bool:
        """Say whether a path is one that is answered here."""
        return bool(_MODEL.fullmatch(path) or _LOCATION.fullmatch(path))

    def answer(self, path: str, project: str | None, models: Collection[str]) -> dict[str, Any]:
        """Return what a request reads; raises Problem."""
        found = _LOCATION.fullmatch(path)
        if found is not None:
            return self._located(unquote(found["project"]), unquote(found["at"]), project)
        named = _MODEL.fullmatch(path)
        model = unquote(named["model"]) if named is not None else ""
        if model not in models or model in self.withheld:
            raise Problem(404, f"Publisher Model `publishers/anthropic/models/{model}` not found.")
        return {
            "name": f"publishers/anthropic/models/{model.partition('@')[0]}",
            "versionId": model.partition("@")[2] or "default",
            "openSourceCategory": "PROPRIETARY",
            "launchStage": "GA",
        }

    def _located(self, asked_project: str, asked: str, project: str | None) -> dict[str, Any]:
        name = f"projects/{asked_project}/locations/{asked}"
        if project not in {None, asked_project}:
            words = f"Permission 'aiplatform.locations.get' denied on resource '{name}'"
            raise Problem(403, f"{words} (or it may not exist).")
        at = self.location or asked
        return {"name": f"projects/{asked_project}/locations/{at}", "locationId": at}
