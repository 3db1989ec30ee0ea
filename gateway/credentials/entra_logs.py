"""What azure-identity and MSAL log while a token is fetched: nothing, for they quote the answer.

A server that repeats the question in its error would have the secret in it written to the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIBRARIES = ("azure.identity", "msal")
_fetching: ContextVar[bool] = ContextVar("fetching an Entra token", default=False)


@contextmanager
def hushed() -> Iterator[None]:
    """Let the libraries log nothing in this thread; what others do with them is logged as ever."""
    # A filter sees what its own logger is told, not what that logger's children are.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(_LIBRARIES):
            logging.getLogger(name).addFilter(_is_not_ours)
    token = _fetching.set(True)
    try:
        yield
    finally:
        _fetching.reset(token)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return not _fetching.get()
