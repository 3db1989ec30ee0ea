"""Which paths are the OpenAI format's."""

from __future__ import annotations

from gateway.errors import NotServed
from gateway.formats.contract import Asked, Reply, Way
from gateway.formats.openai.chat import Chat, error
from gateway.formats.openai.table import TABLE
from providers.contract import Headers, header

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"
_SEGMENTS = 3
"""How much of a path says what it is: nothing, a version, a resource."""
_SDK = "OpenAI/"
"""What its SDKs' user agents have in them (`AsyncOpenAI/Python 3.54.0`, `OpenAI/JS 6.1.0`)."""


def way(path: str, headers: Headers, arrived_s: float) -> Way | None:
    """Return the way in of a path; None: it is not this format's."""
    if path == CHAT:
        return Chat(arrived_s)
    start = "/".join(path.split("/", _SEGMENTS)[:_SEGMENTS])
    if start in TABLE.paths.unserved:
        return Aside(TABLE.paths.unserved[start])
    return Aside() if start == MODELS and is_client(headers) else None


def is_client(headers: Headers) -> bool:
    """Say whether an SDK of this format asks, on a path that both formats have."""
    agent = header(headers, "user-agent")
    return agent is not None and _SDK in agent and header(headers, "anthropic-version") is None


class Aside:
    """A path that is no call here; only its errors are told in this format.

    Args:
        hint: What would be right instead, where nobody serves it.
    """

    kind = None

    def __init__(self, hint: str | None = None) -> None:
        self._hint = hint

    def read(self, headers: Headers, body: bytes) -> Asked:  # noqa: ARG002 - the seam's
        """Raise NotServed: there is no call to read."""
        raise NotServed("This path takes no call.")

    def refused(self, reply: Reply) -> Reply:
        """Return an error in this format, with the hint; any other answer as it is."""
        return error(reply, own=True, hint=self._hint)
