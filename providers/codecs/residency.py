"""What an endpoint of the Claude API holds every request to: its geography, its workspace."""

from __future__ import annotations

from collections.abc import Iterator

from providers.capabilities import Geos
from providers.codecs import answers
from providers.contract import Endpoint, Fields, Headers, Kind, Loss, Operation, header

GEO = "inference_geo"
WORKSPACE = "anthropic-workspace-id"
"""anthropic 2.12 `resources/messages/messages.py`: `workspace_id`."""
ACCOUNT = frozenset({"anthropic-organization-id", WORKSPACE, "anthropic-user-profile-id"})
"""Headers that choose an account of the Claude API."""


def losses(
    operation: Operation, fields: Fields, endpoint: Endpoint, geos: Geos | None
) -> Iterator[Loss]:
    """Name what of a request the endpoint's geography and workspace leave no room for.

    A count of tokens cannot be told where to run, so an endpoint that is held to a place does
    not count.
    """
    geo = endpoint.geo
    if geo is not None and operation.kind is Kind.MESSAGES and _asks_elsewhere(fields, geo):
        yield Loss(GEO, f'every request here asks for "{geo}" and for nothing else', False)
    held = geo is not None and (geos is None or geo not in geos.anywhere)
    if held and operation.kind is Kind.COUNT_TOKENS:
        reason = f'the Claude API takes no `{GEO}` there, so a count cannot be held to "{geo}"'
        yield Loss("count_tokens", reason, droppable=False)
    asked = header(fields.headers, WORKSPACE)
    if endpoint.workspace is not None and asked not in (None, endpoint.workspace):
        yield Loss(WORKSPACE, "every request here is in the upstream's own workspace", False)


def accounts(fields: Fields) -> Iterator[Loss]:
    """Name the headers that choose an account where no account of the Claude API is asked."""
    for name, _ in fields.headers:
        if name in ACCOUNT:
            reason = "it names an account of the Claude API, which a relay has none of"
            yield Loss(name, reason, droppable=False)


def missing_geo(operation: Operation, fields: Fields, endpoint: Endpoint) -> str | None:
    """Return the geography that a body has yet to name; None: nothing is to be added.

    Raises ValueError for a body that names another: it must not be sent there.
    """
    if endpoint.geo is None or operation.kind is not Kind.MESSAGES:
        return None
    if _asks_elsewhere(fields, endpoint.geo):
        raise ValueError(f"{GEO} may not be anything but {endpoint.geo!r} at this endpoint")
    return None if _asked(fields) == endpoint.geo else endpoint.geo


def headers(sent: Headers, endpoint: Endpoint) -> Headers:
    """Return headers with the endpoint's workspace in place of any other."""
    if endpoint.workspace is None:
        return sent
    return (*(pair for pair in sent if pair[0] != WORKSPACE), (WORKSPACE, endpoint.workspace))


def _asks_elsewhere(fields: Fields, geo: str) -> bool:
    """Say whether a body names another geography; null is the same as leaving the field out."""
    raw = fields.body.get(GEO)
    return raw is not None and bytes(raw) != b"null" and _asked(fields) != geo


def _asked(fields: Fields) -> str | None:
    return answers.text(fields.body.get(GEO))
