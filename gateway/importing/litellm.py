"""A litellm proxy's configuration, in the words of this gateway; what has none is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.model import Breaker, Retries
from gateway.importing.deployments import Deployment, Value, deployment
from gateway.importing.fallbacks import ordered
from gateway.importing.serving import NoSuchPlace, served
from gateway.importing.settings import Findings, LeftOut, Table, data
from gateway.importing.yaml_source import YamlSource
from providers import catalog

Sections = dict[str, dict[str, Any]]
_HERE = Path()
_MOST_ATTEMPTS, _MOST_FAILURES = 20, 1000
_MOST_BODY_MB, _MOST_IN_FLIGHT = 256, 1_000_000
_DAY_S = 86_400


@dataclass(slots=True)
class Upstream:
    """An upstream that is to be written."""

    name: str
    provider: str
    settings: dict[str, Value]
    models: dict[str, str] = field(default_factory=dict)
    """Canonical id -> id there, where it is not the platform's usual one."""
    of: list[str] = field(default_factory=list)
    """The deployments it stands for."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a configuration comes to."""

    upstreams: tuple[Upstream, ...]
    order: tuple[str, ...]
    sections: Sections
    to_set: Mapping[str, str]
    """Variable -> the setting that holds its value in clear."""
    left_out: tuple[LeftOut, ...]
    doubts: tuple[Mistake, ...]
    renamed: Mapping[str, str]
    """What callers asked for -> what they ask for here."""


def imported(source: YamlSource, environ: Mapping[str, str], directory: Path = _HERE) -> Imported:
    """Return what a litellm configuration comes to.

    Args:
        source: The configuration.
        environ: Where settings that are no secrets refer to.
        directory: Where relative file names count from.

    Raises:
        ConfigError: It is none, a prefix is unknown, or no deployment of Claude is in it.
    """
    findings = Findings(source, environ, directory=directory)
    if not isinstance(source.values, dict) or "model_list" not in source.values:
        words = "has no model_list: this is no configuration of a litellm proxy"
        raise ConfigError([Mistake(source.file, None, "", words)])
    top = Table(findings, (), source.values)
    _variables(top)
    credentials = _credentials(top)
    found = [each for table in top.tables("model_list") if (each := _one(table, credentials))]
    router, own = top.table("router_settings"), top.table("litellm_settings")
    upstreams, places = _upstreams(found, findings)
    if own.flag("drop_params"):
        for upstream in upstreams:
            upstream.settings["fidelity"] = "lenient"
    _ca_file(own, upstreams)
    order = ordered(found, places, (router, own))
    sections = _sections(router, own, top.table("general_settings"))
    top.rest(data().reasons.top)
    findings.check()
    if not upstreams:
        words = "names no deployment of Claude that this gateway reaches"
        told = "; ".join(map(str, findings.left_out[:5]))
        raise ConfigError(
            [Mistake(source.file, source.line(("model_list",)), "model_list", words, told)]
        )
    return Imported(
        tuple(upstreams),
        order,
        sections,
        findings.to_set,
        tuple(findings.left_out),
        source.doubts,
        _renamed(found),
    )


def _one(table: Table, credentials: Mapping[str, dict[str, Any]]) -> Deployment | None:
    group = table.text("model_name") or ""
    params, info = table.table("litellm_params"), table.table("model_info")
    named = params.text("litellm_credential_name")
    if named is not None:
        if named not in credentials:
            params.findings.wrong(params.at("litellm_credential_name"), "names no credential")
        params.under(credentials.get(named, {}))
    found = deployment(group, table, params, info)
    if found is not None:
        params.rest(data().reasons.deployment)
        info.rest(data().reasons.model_info)
        table.rest({})
    return found


def _credentials(top: Table) -> dict[str, dict[str, Any]]:
    """Return the named credentials that deployments may share."""
    found: dict[str, dict[str, Any]] = {}
    for table in top.tables("credential_list"):
        name = table.text("credential_name") or ""
        values = table.raw("credential_values")
        found[name] = values if isinstance(values, dict) else {}
        table.raw("credential_info")
        table.rest({})
    return found


def _variables(top: Table) -> None:
    """Tell of variables that litellm sets itself: their values are not taken along."""
    named = top.raw("environment_variables")
    for name in named if isinstance(named, dict) else ():
        why = f"set {name} where the gateway runs"
        top.findings.leave(("environment_variables", name), why)


def _upstreams(
    found: Sequence[Deployment], findings: Findings
) -> tuple[list[Upstream], dict[str, str]]:
    """Return an upstream for each place, and which deployment is at which."""
    made: list[Upstream] = []
    places: dict[str, str] = {}
    for each in found:
        models = _models(each, findings)
        if models is None:
            continue
        upstream = next((one for one in made if _fits(one, each, models)), None)
        if upstream is None:
            upstream = Upstream(_name(each, made), each.provider, dict(each.settings))
            made.append(upstream)
        upstream.models |= models
        line = f" (line {each.line})" if each.line is not None else ""
        upstream.of.append(f"{each.place}{line}")
        places[each.place] = upstream.name
    return made, places


def _models(each: Deployment, findings: Findings) -> dict[str, str] | None:
    """Return what is to be said of a model's id; None: there is no such place, and it is told."""
    key = ("model_list", int(each.place.partition("[")[2][:-1]))
    named = {each.canonical: each.wire_id} if each.canonical is not None else {}
    try:
        if _means(_usual(each), each):
            return {}
        served(each.provider, each.settings, named)
    except NoSuchPlace as error:
        findings.leave(key, f"there is no such upstream: {error}")
        return None
    return named


def _usual(each: Deployment) -> str | None:
    """Return the id that a model has at a deployment's place unless another is written."""
    try:
        return served(each.provider, each.settings, {}).get(each.canonical or "")
    except NoSuchPlace:
        # Where nothing is usual, all models are to be written.
        return None


def _means(usual: str | None, each: Deployment) -> bool:
    """Say whether the usual id is the deployment's, or a twin of it."""
    if usual is None:
        return False
    tail = each.wire_id.rsplit("/", 1)[-1]
    if usual == each.wire_id or usual.rsplit("/", 1)[-1] == tail:
        return True
    plain = "@" not in usual and "." not in usual and ":" not in tail
    return plain and catalog.canonical(usual) == catalog.canonical(tail) == each.canonical


def _fits(upstream: Upstream, each: Deployment, models: Mapping[str, str]) -> bool:
    """Say whether an upstream can have one more model: one id there for each, and none for two."""
    same = upstream.provider == each.provider and upstream.settings == dict(each.settings)
    both = {**upstream.models, **models}
    kept = all(both[name] == own for name, own in upstream.models.items())
    return same and kept and len(set(both.values())) == len(both)


def _name(each: Deployment, made: Sequence[Upstream]) -> str:
    """Return a name that says where it is, and that no other has."""
    words = [each.provider.replace("_", "-")]
    words += [str(each.settings[key]) for key in ("profile", "region") if key in each.settings]
    name = "-".join(words).lower()[:56]
    taken = {one.name for one in made}
    numbers = (f"{name}-{number}" for number in range(2, len(made) + 3))
    return name if name not in taken else next(each for each in numbers if each not in taken)


def _ca_file(own: Table, upstreams: Sequence[Upstream]) -> None:
    verify = own.raw("ssl_verify")
    if verify is False:
        own.findings.leave(own.at("ssl_verify"), "TLS is always verified: name a ca_file instead")
    elif isinstance(verify, str):
        file = own.findings.file(own.at("ssl_verify"), verify)
        for each in upstreams if file is not None else ():
            each.settings["ca_file"] = str(file)


def _sections(router: Table, own: Table, general: Table) -> Sections:
    """Return the other tables; what stands in the router's settings goes over litellm's own."""
    found: Sections = {}
    _timeouts(router, own, found)
    _retries(router, own, found)
    _breaker(router, own, found)
    _server(general, found)
    if own.flag("json_logs"):
        found["logs"] = {"format": "json"}
    router.rest(data().reasons.router_settings)
    own.rest(data().reasons.litellm_settings)
    general.rest(data().reasons.general_settings)
    return {name: table for name, table in found.items() if table}


def _either(name: str, router: Table, own: Table, *, least: float = 0) -> float | None:
    first, second = router.number(name, least=least), own.number(name, least=least)
    return first if first is not None else second


def _timeouts(router: Table, own: Table, found: Sections) -> None:
    whole = router.number("timeout")
    other = own.number("request_timeout")
    whole = whole if whole is not None else other
    silence = _either("stream_timeout", router, own)
    table: dict[str, float] = {}
    if whole:
        table["call_unstreamed_s"] = min(whole, _DAY_S)
    if silence:
        table["first_content_s"] = min(silence, _DAY_S)
    found["timeouts"] = table


def _retries(router: Table, own: Table, found: Sections) -> None:
    table: dict[str, float] = {}
    tries = _either("num_retries", router, own)
    if tries is not None:
        table["attempts"] = min(int(tries) + 1, _MOST_ATTEMPTS)
    wait = router.number("retry_after")
    if wait:
        table["base_s"] = min(wait, _DAY_S)
        table["max_s"] = max(table["base_s"], Retries().max_s)
    found["retries"] = table


def _breaker(router: Table, own: Table, found: Sections) -> None:
    table: dict[str, Any] = {}
    if router.flag("disable_cooldowns"):
        table["enabled"] = False
    fails = _either("allowed_fails", router, own)
    if fails is not None:
        table["consecutive"] = min(int(fails) + 1, _MOST_FAILURES)
    cooldown = _either("cooldown_time", router, own)
    if cooldown is not None:
        if cooldown:
            table["ejection_s"] = min(cooldown, _DAY_S)
            table["ejection_cap_s"] = max(table["ejection_s"], Breaker().ejection_cap_s)
        else:
            table["enabled"] = False
    found["breaker"] = table


def _server(general: Table, found: Sections) -> None:
    table: dict[str, Any] = {}
    key = general.secret("master_key", "gateway")
    if key is not None:
        table["keys"] = [key]
    size = general.number("max_request_size_mb", least=1)
    if size is not None:
        table["body_limit_mb"] = min(int(size), _MOST_BODY_MB)
    everybody = general.number("global_max_parallel_requests", least=1)
    if everybody is not None:
        table["in_flight"] = min(int(everybody), _MOST_IN_FLIGHT)
    each = general.number("max_parallel_requests", least=1)
    if each is not None:
        table["in_flight_per_key"] = min(int(each), _MOST_IN_FLIGHT)
    found["server"] = table


def _renamed(found: Sequence[Deployment]) -> dict[str, str]:
    """Return the names that callers can no longer ask for -> the model to ask for instead."""
    return {
        each.group: each.canonical
        for each in found
        if each.canonical is not None and each.group and catalog.canonical(each.group) is None
    }
