"""Which operation of Bedrock a path is."""

from __future__ import annotations

from urllib.parse import unquote

from gateway.formats.bedrock.invoking import CountTokens, Invoke, Unserved
from gateway.formats.bedrock.profiles import Profiles
from gateway.formats.contract import Listing, Way

_MODEL = "/model/"
_PROFILES = "/inference-profiles"


def find(path: str) -> Way | None:
    """Return the operation on a model that a path is; None: it is none.

    The model's id may be an ARN, whose `/` some clients encode and others do not.
    """
    if not path.startswith(_MODEL):
        return None
    model, slash, action = path.removeprefix(_MODEL).rpartition("/")
    if not slash:
        return Unserved(path)
    match action:
        case "invoke":
            return Invoke(unquote(model), stream=False)
        case "invoke-with-response-stream":
            return Invoke(unquote(model), stream=True)
        case "count-tokens":
            return CountTokens(unquote(model))
    return Unserved(path)


def listing(path: str) -> Listing | None:
    """Return what a path asks of the inference profiles; None: nothing."""
    if path == _PROFILES:
        return Profiles()
    start = f"{_PROFILES}/"
    return Profiles(path.removeprefix(start)) if path.startswith(start) else None
