"""Which way in a path is."""

from __future__ import annotations

from gateway.formats.contract import Way


def find(path: str) -> Way | None:  # noqa: ARG001 - there is none yet
    """Return the way in of a path in another format than the Messages API; None: no such.

    Args:
        path: The path as it stands on the request line, without its query. Where it is a format's
            and names something that is wrong, the way refuses it when it reads the request.
    """
    return None
