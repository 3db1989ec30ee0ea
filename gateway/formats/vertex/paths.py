"""Which operation of Vertex AI a path is."""

from __future__ import annotations

import re
from urllib.parse import unquote

from gateway.formats.contract import Way
from gateway.formats.vertex.predicting import CountTokens, Predict, Unserved

_ROOT = re.compile(r"(?:/v1)?/projects/")
_PATH = re.compile(
    r"(?:/v1)?/projects/[^/]+/locations/(?P<location>[^/]+)/publishers/anthropic/models/"
    r"(?P<model>[^/:]+):(?P<verb>rawPredict|streamRawPredict)"
)
_COUNTER = "count-tokens"


def find(path: str) -> Way | None:
    """Return the operation that a path is; None: it is none of Vertex AI's."""
    if not _ROOT.match(path):
        return None
    found = _PATH.fullmatch(path)
    if found is None:
        return Unserved(path)
    location, model = unquote(found["location"]), unquote(found["model"])
    stream = found["verb"] == "streamRawPredict"
    if model != _COUNTER:
        return Predict(location, model, stream)
    return Unserved(path) if stream else CountTokens(location)
