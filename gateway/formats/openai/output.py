"""How the answer is to be: its form, effort, end, tier, and for whom it is."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from gateway.errors import quoted
from gateway.formats.openai.asked import Format, Request, is_given
from gateway.formats.openai.reading import refused
from gateway.formats.openai.table import TABLE

_DEFAULT = 1
"""`temperature` and `top_p` of this value are what both sides do anyway."""


def fields(request: Request, model: str, carried: Container[str]) -> dict[str, Any]:
    """Return the fields of the Messages API that say how the answer is to be."""
    told = {**_config(request, carried), **_sampling(request)}
    if request.stop is not None:
        told["stop_sequences"] = [request.stop] if isinstance(request.stop, str) else request.stop
    if request.stream:
        told["stream"] = True
    if (tier := _tier(request.service_tier)) is not None:
        told["service_tier"] = tier
    if (user := _user(request)) is not None:
        told["metadata"] = {"user_id": user}
    if thinking := _thinking(request.reasoning_effort, model):
        told["thinking"] = thinking
    return told


def samples(request: Request) -> bool:
    """Say whether a request sets sampling parameters, which one version of the API takes."""
    return bool(_sampling(request))


def _sampling(request: Request) -> dict[str, float]:
    if request.temperature is not None and not 0 <= request.temperature <= 1:
        raise refused("temperature", "Claude takes 0 to 1")
    given = {"temperature": request.temperature, "top_p": request.top_p}
    return {name: n for name, n in given.items() if n is not None and n != _DEFAULT}


def _config(request: Request, carried: Container[str]) -> dict[str, Any]:
    """Return `output_config`, where the request has what belongs in it."""
    config: dict[str, Any] = {}
    effort = request.reasoning_effort
    if effort is not None and effort not in TABLE.effort.off:
        if effort not in TABLE.effort.words:
            known = ", ".join((*TABLE.effort.off, *TABLE.effort.words))
            raise refused("reasoning_effort", f"{quoted(effort)} is none of {known}")
        config["effort"] = TABLE.effort.words[effort]
    if request.response_format is not None and (form := _form(request.response_format)):
        config["format"] = form
    if config and "output_config" in carried:
        what = "response_format" if "format" in config else "reasoning_effort"
        raise refused("output_config", f"send either it or `{what}`")
    return {"output_config": config} if config else {}


def _form(asked: Format) -> dict[str, Any] | None:
    if asked.type == "text":
        return None
    if asked.type != "json_schema":
        why = TABLE.formats.refused.get(asked.type, f"{quoted(asked.type)} is not known here")
        raise refused("response_format.type", why)
    if asked.json_schema is None or not is_given(asked.json_schema.schema):
        raise refused("response_format.json_schema.schema", "this field is required")
    return {"type": "json_schema", "schema": asked.json_schema.schema}


def _thinking(effort: str | None, model: str) -> dict[str, str] | None:
    if effort is None:
        return None
    if effort in TABLE.effort.off:
        return {"type": "disabled"}
    return {"type": "adaptive"} if model in TABLE.adaptive.when_asked else None


def _tier(asked: str | None) -> str | None:
    if asked is None:
        return None
    if asked not in TABLE.tiers.words:
        raise refused("service_tier", f"{quoted(asked)}: Claude has no such tier")
    return TABLE.tiers.words[asked] or None


def _user(request: Request) -> str | None:
    named, older = request.safety_identifier, request.user
    if named is not None and older is not None and named != older:
        raise refused("user", "safety_identifier says another; Claude takes one")
    return older if named is None else named
