"""What was imported, as the text of a `gateway.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.config.mistakes import dotted
from gateway.importing.deployments import settled
from gateway.importing.litellm import Imported, Upstream


def text_of(found: Imported, origin: str) -> str:
    """Return the text; it holds no secret.

    Args:
        found: What was imported.
        origin: The name of the file it is from.
    """
    return "\n".join(_lines(found, origin)) + "\n"


def _lines(found: Imported, origin: str) -> Iterator[str]:
    yield _comment(f"Written by `gateway import litellm` from {origin}.")
    yield _comment("`gateway check` says what it amounts to; `gateway init` writes every setting.")
    if found.to_set:
        yield "#"
        yield _comment(
            "These stood there in clear. Set each variable, and take the value out there:"
        )
        for name, path in found.to_set.items():
            yield _comment(f"  {name}: {path}")
    yield "schema = 1"
    yield ""
    yield "[routing]"
    yield _comment(
        "Tried in this order for every model. An upstream serves all models that its platform"
    )
    yield _comment("has, not only those that were listed: a policy says which may go where.")
    yield f"order = {_value(list(found.order))}"
    for upstream in found.upstreams:
        yield ""
        yield from _upstream(upstream)
    for name, table in found.sections.items():
        yield ""
        yield f"[{name}]"
        yield from (f"{key} = {_value(value)}" for key, value in table.items())
    yield ""
    yield _comment(
        "Without a policy any upstream in use may get any request: `gateway policy lint`."
    )
    yield "[policy]"
    yield "files = []"
    if found.renamed:
        yield ""
        yield _comment("Callers ask for a model by its own name:")
        yield from (_comment(f"  {name} is {model}") for name, model in found.renamed.items())
    if found.left_out:
        yield ""
        yield _comment("Without a counterpart:")
        yield from (_comment(f"  {each}") for each in found.left_out)


def _upstream(upstream: Upstream) -> Iterator[str]:
    yield _comment(", ".join(upstream.of))
    yield f"[{dotted(('upstreams', upstream.name))}]"
    yield f"provider = {settled(upstream.provider)}"
    yield from (f"{key} = {settled(value)}" for key, value in upstream.settings.items())
    if upstream.models:
        yield f"[{dotted(('upstreams', upstream.name, 'models'))}]"
        yield from (
            f"{dotted((key,))} = {settled(value)}" for key, value in upstream.models.items()
        )


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(settled(each) for each in value)}]"
    return settled(value) if isinstance(value, str | bool) else repr(value)


def _comment(words: str) -> str:
    """Return a comment; what cannot stand in one is escaped."""
    return "# " + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in words)
