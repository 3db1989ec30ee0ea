"""Where each upstream of the demo's configuration is, in the request log's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.demo.hits import Hit

OK = 200
MODEL = "claude-opus-5-5"
EU_MODEL = f"eu.anthropic.{MODEL}"
_VERTEX = f"/v1/projects/tidegate-demo/locations/europe-west1/publishers/anthropic/models/{MODEL}"


@dataclass(frozen=True, slots=True)
class Place:
    """One upstream and the requests that mean it."""

    upstream: str
    platform: str
    place: str | None
    path: str
    stream_path: str

    def only(self, log: Sequence[Hit], *, streamed: bool = False) -> bool:
        """Say whether a log is one good request to this place, and nothing else."""
        return len(log) == 1 and self.got(log[0], streamed=streamed) and log[0].status == OK

    def got(self, hit: Hit, *, streamed: bool = False) -> bool:
        """Say whether a request was made to this place."""
        path = self.stream_path if streamed else self.path
        return (hit.platform, hit.place, hit.path) == (self.platform, self.place, path)


DIRECT = Place("direct", "anthropic", None, "/v1/messages", "/v1/messages")
FRANKFURT = Place(
    "bedrock-frankfurt",
    "bedrock",
    "eu-central-1",
    f"/model/{EU_MODEL}/invoke",
    f"/model/{EU_MODEL}/invoke-with-response-stream",
)
BELGIUM = Place(
    "vertex-belgium",
    "vertex",
    "europe-west1",
    f"{_VERTEX}:rawPredict",
    f"{_VERTEX}:streamRawPredict",
)
PLACES = (DIRECT, FRANKFURT, BELGIUM)
"""One on each platform."""
