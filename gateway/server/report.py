"""What the server's log says of a mistake of ours: its kind and place, nothing it carried."""

from __future__ import annotations

import logging
from pathlib import PurePath

LOG = logging.getLogger("gateway.server")


def report(error: BaseException, request_id: str | None = None) -> None:
    """Log an unexpected error without its text, which may hold a prompt or a key."""
    of = "" if request_id is None else f", request {request_id}"
    LOG.error("unexpected %s at %s%s", type(error).__name__, place(error), of)


def place(error: BaseException) -> str:
    """Return where an error was raised, as `file.py:line in function`."""
    at = error.__traceback__
    if at is None:
        return "an unknown place"
    while at.tb_next is not None:
        at = at.tb_next
    code = at.tb_frame.f_code
    return f"{PurePath(code.co_filename).name}:{at.tb_lineno} in {code.co_name}"
