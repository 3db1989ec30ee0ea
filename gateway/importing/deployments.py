"""One deployment of litellm's `model_list`, as an upstream of this gateway and a model there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from gateway.config.upstreams import UPSTREAMS
from gateway.importing.settings import Table, data
from providers import catalog, data_files

Value = str | bool
_DIALECTS = ("converse/", "invoke/", "converse_like/")
"""What may stand between litellm's prefix and Bedrock's id; there is one way here."""
_ON_AWS = "claude_platform/"
_PREFIX = re.compile(r"[A-Za-z_]{1,40}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PROFILES = "|".join(data_files.read("models", data_files.ModelFile).profiles.rows)
_PROFILE = re.compile(rf"({_PROFILES})\.(?=anthropic\.)")
_EVERY = ("*", "")
_DIRECT = "https://api.anthropic.com"
_CREDENTIALS_OF_AWS = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A place where Claude runs, and one model there."""

    group: str
    """The name that callers of litellm ask for."""
    provider: str
    settings: Mapping[str, Value]
    canonical: str | None
    """None: whatever the platform has."""
    wire_id: str
    rank: float
    """Its `order`: the lowest first."""
    place: str
    """Where it stands: `model_list[0]`."""
    line: int | None


def deployment(group: str, entry: Table, params: Table, info: Table) -> Deployment | None:
    """Return one deployment; None: it is left out, or has a mistake, and the findings say so."""
    model = params.text("model")
    rank = params.number("order") or 0
    if not model:
        params.findings.wrong(params.at("model"), "is missing", 'write model: "anthropic/..."')
        return None
    prefix, slash, rest = model.partition("/")
    if not slash:
        prefix, rest = _guessed(model), model
    provider = _provider(prefix, model, params)
    if provider is None:
        return None
    if provider == "bedrock" and rest.startswith(_ON_AWS):
        provider, rest = "aws", rest.removeprefix(_ON_AWS)
    known = None if rest in _EVERY else _canonical(rest, info, group)
    if known is None and rest not in _EVERY:
        near = catalog.near(rest)
        hint = f"; near names: {', '.join(near)}" if near else ""
        params.findings.leave(params.at("model"), f"is no model of Claude that is known{hint}")
        return None
    if provider not in UPSTREAMS:
        params.findings.leave(params.at("model"), f"this gateway has no provider for {prefix}/")
        return None
    settings = _SETTINGS[provider](_Reached(prefix, rest, group), params)
    if settings is None:
        return None
    if params.flag("drop_params"):
        settings["fidelity"] = "lenient"
    wire_id = _wire_id(provider, rest)
    line = entry.findings.source.line(entry.key)
    place = f"{entry.key[0]}[{entry.key[1]}]"
    return Deployment(group, provider, settings, known, wire_id, rank, place, line)


def _guessed(model: str) -> str:
    """Return the prefix that litellm takes a bare name to have."""
    bare = _PROFILE.sub("", model)
    return "bedrock" if bare.startswith("anthropic.") else "anthropic"


def _provider(prefix: str, model: str, params: Table) -> str | None:
    """Return the provider a prefix leads to; None, with the reason told, where there is none."""
    known, findings, at = data(), params.findings, params.at("model")
    provider = known.routes.rows.get(prefix)
    if provider is None:
        if prefix in known.elsewhere.names:
            findings.leave(at, f"no Claude is reached by {prefix}/ here")
            return None
        names = [*known.routes.rows, *known.elsewhere.names]
        near = get_close_matches(prefix, names, n=1)
        hint = f"did you mean {near[0]}/?" if near else f"known: {', '.join(known.routes.rows)}"
        # What does not look like a prefix may be a key in the wrong line.
        shown = f"{prefix}/" if _PREFIX.fullmatch(prefix) else "it"
        findings.wrong(at, f"{shown} is no prefix of a provider that is known", hint)
        return None
    if "/" not in model and not _canonical(model, None, ""):
        findings.leave(at, "is no model of Claude that is known")
        return None
    return provider


def _canonical(named: str, info: Table | None, group: str) -> str | None:
    """Return the canonical id of a deployment: by its own name, its base model, or its group."""
    base = info.text("base_model") if info is not None and "base_model" in info else None
    tail = named.rsplit("/", 1)[-1]
    for name in (tail, tail.replace(".", "-"), base, group):
        found = catalog.canonical(name) if name else None
        if found is not None:
            return found
    return None


def _wire_id(provider: str, rest: str) -> str:
    for dialect in _DIALECTS if provider == "bedrock" else ():
        rest = rest.removeprefix(dialect)
    if provider == "bedrock":
        region, slash, tail = rest.partition("/")
        return tail if slash and _REGION.fullmatch(region) else rest
    return rest


@dataclass(frozen=True, slots=True)
class _Reached:
    """How a deployment is reached, as its model says it."""

    prefix: str
    rest: str
    owner: str
    """What variables for its secrets are called after."""


Settings = dict[str, Value]


def _anthropic(how: _Reached, params: Table) -> Settings | None:
    base = params.text("api_base") or params.text("base_url")
    key = params.secret("api_key", how.owner) or "${ANTHROPIC_API_KEY}"
    if base is None or base.rstrip("/") in {_DIRECT, f"{_DIRECT}/v1", f"{_DIRECT}/v1/messages"}:
        return {"api_key": key}
    base = base.rstrip("/").removesuffix("/v1/messages").removesuffix("/v1")
    return {"base_url": base, "api_key": key}


def _bedrock(how: _Reached, params: Table) -> Settings | None:
    wire_id = _wire_id("bedrock", how.rest)
    region, slash, _ = how.rest.partition("/")
    inside = region if slash and _REGION.fullmatch(region) else None
    settings = _aws(how, params, inside)
    profile = _PROFILE.match(wire_id)
    if settings is not None and profile is not None:
        settings["profile"] = profile[1]
    return settings


def _mantle(how: _Reached, params: Table) -> Settings | None:
    region, slash, _ = how.rest.partition("/")
    return _aws(how, params, region if slash and _REGION.fullmatch(region) else None)


def _on_aws(how: _Reached, params: Table) -> Settings | None:
    settings = _aws(how, params, None)
    workspace = params.text("aws_workspace_id") or params.text("workspace_id")
    if settings is None:
        return None
    if workspace is None:
        params.findings.leave(
            params.at("model"), "every request to Claude Platform on AWS needs a workspace"
        )
        return None
    return {**settings, "workspace": workspace}


def _aws(how: _Reached, params: Table, inside: str | None) -> Settings | None:
    region = params.text("aws_region_name") or params.text("region_name") or inside
    if region is None:
        region = params.findings.environ.get("AWS_REGION", "").strip() or None
    found: Settings = {}
    base = params.text("aws_bedrock_runtime_endpoint") or params.text("api_base")
    key = params.secret("api_key", how.owner)
    profile = params.text("aws_profile_name")
    keys = {name: params.secret(name, how.owner) for name in _CREDENTIALS_OF_AWS}
    if region is None:
        params.findings.leave(
            params.at("model"), "its region is not told: write aws_region_name, or set AWS_REGION"
        )
        return None
    found["region"] = region
    if base is not None:
        found["base_url"] = base.rstrip("/")
    if key is not None:
        found["api_key"] = key
    elif keys["aws_access_key_id"] is not None and keys["aws_secret_access_key"] is not None:
        found |= {name: value for name, value in keys.items() if value is not None}
    elif profile is not None:
        found["aws_profile"] = profile
    return found


def _vertex(_how: _Reached, params: Table) -> Settings | None:
    project = params.text("vertex_project") or params.text("vertex_ai_project")
    location = params.text("vertex_location") or params.text("vertex_ai_location")
    environ = params.findings.environ
    project = project or environ.get("VERTEXAI_PROJECT", "").strip() or None
    location = location or environ.get("VERTEXAI_LOCATION", "").strip() or None
    base = params.text("api_base")
    file = _credentials_file(params)
    if project is None or location is None:
        missing = "vertex_project" if project is None else "vertex_location"
        params.findings.leave(params.at("model"), f"{missing} is not told")
        return None
    found: Settings = {"project": project, "region": location}
    if base is not None:
        found["base_url"] = base.rstrip("/")
    if file is not None:
        found["credentials_file"] = file
    return found


def _credentials_file(params: Table) -> str | None:
    """Return the file with Google's credential; one that is written out is left out, and told."""
    name = next(
        (each for each in ("vertex_credentials", "vertex_ai_credentials") if each in params), ""
    )
    told = params.raw(name) if name else None
    if told is None:
        return None
    if not isinstance(told, str) or told.lstrip().startswith("{") or told.startswith("os.environ/"):
        why = "write the credential to a file, and name it in credentials_file"
        params.findings.leave(params.at(name), why)
        return None
    return params.findings.file(params.at(name), told)


def _foundry(how: _Reached, params: Table) -> Settings | None:
    base = params.text("api_base") or params.findings.environ.get("AZURE_AI_API_BASE", "").strip()
    key = params.secret("api_key", how.owner)
    entra = {name: params.raw(name) is not None for name in ("azure_ad_token", "tenant_id")}
    if not base:
        params.findings.leave(params.at("model"), "its address is not told: write api_base")
        return None
    if any(entra.values()):
        params.findings.leave(params.at("tenant_id"), "write the credential of Entra yourself")
    base = base.rstrip("/").removesuffix("/v1/messages").removesuffix("/v1")
    base = base if base.endswith("/anthropic") else f"{base}/anthropic"
    return {"base_url": base, "api_key": key or "${AZURE_AI_API_KEY}"}


def _relay(how: _Reached, params: Table) -> Settings | None:
    base = params.text("api_base") or params.text("base_url")
    base = base or data().addresses.rows.get(how.prefix)
    key = params.secret("api_key", how.owner)
    if base is None:
        why = f"no Claude is reached by {how.prefix}/ without an api_base"
        params.findings.leave(params.at("model"), why)
        return None
    fallback = f"${{{how.prefix.upper()}_API_KEY}}"
    return {"base_url": base.rstrip("/"), "api_key": key or fallback}


_SETTINGS: Mapping[str, Callable[[_Reached, Table], Settings | None]] = {
    "anthropic": _anthropic,
    "aws": _on_aws,
    "bedrock": _bedrock,
    "bedrock_mantle": _mantle,
    "foundry": _foundry,
    "openai_relay": _relay,
    "vertex": _vertex,
}


def settled(value: Value) -> str:
    """Return a setting as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
