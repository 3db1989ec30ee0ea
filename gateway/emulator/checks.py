"""What the Messages API refuses, in its own words.

The words follow recorded answers of the API (pydantic's for field errors); platforms that wrap
them keep the sentence. Only what callers meet in practice is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache
from typing import Any, Final

import msgspec

from gateway.emulator.models import Model, table
from gateway.emulator.problems import Problem
from gateway.emulator.turns import check_turns

MAX_MESSAGES: Final = 100_000
MAX_CACHE_MARKS: Final = 4
MIN_THINKING_BUDGET: Final = 1024
MAX_BODY_BYTES: Final = 32 * 1024 * 1024


def parse(raw: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Return a body as a dict; raises Problem (400, 413)."""
    if len(raw) > max_bytes:
        raise Problem(413, "Request exceeds the maximum size")
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Problem(400, f"The request body is not valid JSON: {wrong}") from None
    if not isinstance(body, dict):
        raise Problem(400, "Input should be a valid dictionary")
    return body


def check_version(version: str | None) -> str:
    """Return the API version a request names; raises Problem (400) for none or an unknown one."""
    if not version:
        raise Problem(400, "anthropic-version: header is required")
    if version not in _fields()["versions"]:
        raise Problem(400, f'anthropic-version: "{version}" is not a valid version')
    return version


def check_message(body: Mapping[str, Any], model: Model, version: str) -> None:
    """Check a request for a message; raises Problem (400)."""
    check_types(body, required=("max_tokens", "messages"))
    _max_tokens(body["max_tokens"], model)
    check_sampling(body, model, version)
    _output(body)
    _thinking(body, model)
    check_prompt(body, model, version)


def check_prompt(body: Mapping[str, Any], model: Model, version: str) -> None:
    """Check what a count of tokens needs too: system, tools, messages; raises Problem (400)."""
    if len(body["messages"]) > MAX_MESSAGES:
        raise Problem(400, f"messages: List should have at most {MAX_MESSAGES} items")
    _system(body.get("system"))
    _tools(body)
    check_turns(body["messages"], prefill=model.prefill, strict=version != "2023-06-01")
    _cache_marks(body)


def check_fields(body: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse the first top-level field that is not `allowed`, by name; raises Problem (400)."""
    for name in body:
        if name not in allowed:
            raise Problem(400, f"{name}: Extra inputs are not permitted")


@lru_cache(maxsize=256)
def allowed_fields(kind: str, version: str, betas: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level fields the direct API takes.

    Args:
        kind: `message` or `count`.
        version: The API version.
        betas: The beta names the request carries; some unlock fields.
    """
    data = _fields()
    allowed = set(data[kind])
    if version == data["sampling_version"] and kind == "message":
        allowed.update(data["sampling"])
    for field, starts in data["betas"].items():
        if any(beta.startswith(tuple(starts)) for beta in betas):
            allowed.add(field)
    return frozenset(allowed)


def check_geo(body: Mapping[str, Any], model: Model) -> None:
    """Refuse a geography that there is none of, or a model that takes none; raises Problem."""
    geo = body.get("inference_geo")
    if geo is None:
        return
    known = _fields()["geos"]
    if geo not in known:
        tags = " or ".join(f"'{each}'" for each in known)
        raise Problem(400, f"inference_geo: Input should be {tags}")
    if not model.inference_geo:
        raise Problem(400, f"inference_geo: not supported for {model.id}")


def check_sampling(body: Mapping[str, Any], model: Model, version: str) -> None:
    """Refuse sampling parameters where the version or the model has none; raises Problem."""
    data = _fields()
    for name in data["sampling"]:
        if name not in body:
            continue
        if version != data["sampling_version"]:
            raise Problem(400, f"{name}: Extra inputs are not permitted")
        if not model.sampling:
            raise Problem(400, f"`{name}` is deprecated for this model.")
        value = body[name]
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Problem(400, f"{name}: Input should be a valid number")
        if name != "top_k" and not 0 <= value <= 1:
            raise Problem(400, f"{name}: range: 0..1")


_KINDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "model": (lambda v: isinstance(v, str), "string"),
    "messages": (lambda v: isinstance(v, list), "list"),
    "max_tokens": (lambda v: type(v) is int, "integer"),
    "system": (lambda v: isinstance(v, str | list), "string or list"),
    "tools": (lambda v: isinstance(v, list), "list"),
    "tool_choice": (lambda v: isinstance(v, dict), "dictionary"),
    "thinking": (lambda v: isinstance(v, dict), "dictionary"),
    "metadata": (lambda v: isinstance(v, dict), "dictionary"),
    "output_config": (lambda v: isinstance(v, dict), "dictionary"),
    "stop_sequences": (
        lambda v: isinstance(v, list) and all(isinstance(s, str) and s for s in v),
        "list of strings",
    ),
    "inference_geo": (lambda v: isinstance(v, str), "string"),
    "speed": (lambda v: v in ("standard", "fast"), "enumeration member: 'standard', 'fast'"),
    "stream": (lambda v: isinstance(v, bool), "boolean"),
}
_NULLABLE: Final = frozenset(
    {"inference_geo", "output_config", "speed", "stop_sequences", "system", "tools"}
)


def check_types(body: Mapping[str, Any], *, required: Collection[str]) -> None:
    """Check that required fields are there and known ones of the right type; raises Problem."""
    for name in required:
        if name not in body:
            raise Problem(400, f"{name}: Field required")
    for name, value in body.items():
        fits, kind = _KINDS.get(name, (None, ""))
        if fits is not None and not fits(value) and (value is not None or name not in _NULLABLE):
            raise Problem(400, f"{name}: Input should be a valid {kind}")


def _max_tokens(wanted: int, model: Model) -> None:
    if wanted < 1:
        raise Problem(400, "max_tokens: Input should be greater than or equal to 1")
    if wanted > model.max_tokens:
        limit = "which is the maximum allowed number of output tokens for"
        raise Problem(400, f"max_tokens: {wanted} > {model.max_tokens}, {limit} {model.id}")


def _thinking(body: Mapping[str, Any], model: Model) -> None:
    config = body.get("thinking")
    if config is None:
        return
    kind = config.get("type")
    known = ("adaptive", "between_tools", "disabled", "enabled")
    if kind not in known:
        tags = ", ".join(f"'{tag}'" for tag in known)
        raise Problem(400, f"thinking: Input tag '{kind}' does not match any of: {tags}")
    if kind == "enabled":
        _budget(config.get("budget_tokens"), body["max_tokens"])
    if kind != "between_tools" and kind not in model.thinking:
        raise Problem(400, f'"thinking.type.{kind}" is not supported for this model.')


def _output(body: Mapping[str, Any]) -> None:
    wanted = (body.get("output_config") or {}).get("format")
    for field, value in (
        ("output_config.format", wanted),
        ("output_format", body.get("output_format")),
    ):
        if value is None:
            continue
        if not isinstance(value, dict) or value.get("type") != "json_schema":
            raise Problem(400, f"{field}.type: Input should be 'json_schema'")
        if not isinstance(value.get("schema"), dict):
            raise Problem(400, f"{field}.schema: Field required")


def _budget(budget: Any, max_tokens: int) -> None:
    if type(budget) is not int:
        raise Problem(400, "thinking.enabled.budget_tokens: Field required")
    if budget < MIN_THINKING_BUDGET:
        field = "thinking.enabled.budget_tokens"
        words = f"Input should be greater than or equal to {MIN_THINKING_BUDGET}"
        raise Problem(400, f"{field}: {words}")
    if budget >= max_tokens:
        raise Problem(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _system(system: Any) -> None:
    for i, block in enumerate(system if isinstance(system, list) else ()):
        if not isinstance(block, dict) or block.get("type") != "text":
            raise Problem(400, f"system.{i}: Input tag does not match any of: 'text'")
        if not isinstance(block.get("text"), str) or not block["text"]:
            raise Problem(400, "system: text content blocks must be non-empty")


def _tools(body: Mapping[str, Any]) -> None:
    names = set()
    for i, tool in enumerate(body.get("tools") or ()):
        if not isinstance(tool, dict):
            raise Problem(400, f"tools.{i}: Input should be a valid dictionary")
        custom = tool.get("type", "custom") == "custom"
        for name in ("name", "input_schema") if custom else ():
            if name not in tool:
                raise Problem(400, f"tools.{i}.custom.{name}: Field required")
        if custom and not isinstance(tool["input_schema"], dict):
            raise Problem(400, f"tools.{i}.custom.input_schema: Input should be a valid dictionary")
        if not isinstance(tool.get("name", ""), str):
            raise Problem(400, f"tools.{i}.name: Input should be a valid string")
        if tool.get("name") in names and "name" in tool:
            raise Problem(400, "tools: Tool names must be unique.")
        names.add(tool.get("name"))
    choice = body.get("tool_choice") or {}
    if choice.get("type", "auto") not in ("auto", "any", "tool", "none"):
        tags = "'any', 'auto', 'none', 'tool'"
        raise Problem(400, f"tool_choice: Input tag does not match any of: {tags}")
    if choice.get("type") == "tool" and choice.get("name") not in list(names):
        raise Problem(400, f"Tool '{choice.get('name')}' not found in provided tools")


def _cache_marks(body: Mapping[str, Any]) -> None:
    marks = list(_marks(body))
    if len(marks) > MAX_CACHE_MARKS:
        words = f"A maximum of {MAX_CACHE_MARKS} blocks with cache_control may be provided"
        raise Problem(400, f"{words}. Found {len(marks)}.")
    short = False
    for mark in marks:
        if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
            raise Problem(400, "cache_control.type: Input should be 'ephemeral'")
        ttl = mark.get("ttl") or "5m"
        if ttl not in ("5m", "1h"):
            raise Problem(400, "cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
        if ttl == "1h" and short:
            words = "a ttl='1h' cache_control block must not come after a ttl='5m' one"
            raise Problem(400, f"cache_control.ephemeral.ttl: {words}")
        short = short or ttl == "5m"


def _marks(body: Mapping[str, Any]) -> list[Any]:
    lists = [body.get("tools") or (), body.get("system") or ()]
    lists += [m["content"] for m in body["messages"]]
    rows = [b for blocks in lists if not isinstance(blocks, str) for b in blocks]
    found = [b["cache_control"] for b in rows if isinstance(b, dict) and b.get("cache_control")]
    return [*found, body["cache_control"]] if body.get("cache_control") else found


@cache
def _fields() -> dict[str, Any]:
    return table("fields.toml")
