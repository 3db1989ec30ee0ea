"""Which way in a path is."""

from __future__ import annotations

from gateway.formats import bedrock, openai, vertex
from gateway.formats.contract import Listing, Way
from providers.contract import Headers


def find(path: str, headers: Headers, arrived_s: float) -> Way | None:
    """Return the way in of a path in another format than the Messages API; None: no such.

    Args:
        path: The path as it stands on the request line, without its query. Where it is a format's
            and names something that is wrong, the way refuses it when it reads the request.
        headers: Of the request, where two formats have a path.
        arrived_s: When it came, in seconds since 1970, for formats that tell it.
    """
    return openai.way(path, headers, arrived_s) or bedrock.find(path) or vertex.find(path)


def listing(path: str) -> Listing | None:
    """Return what a path asks to be told in another format than the Models API; None: no such."""
    return bedrock.listing(path)
