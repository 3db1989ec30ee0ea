"""Rules between the sections: where the server listens and whom it answers, what needs what."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.config.addresses import is_loopback_url
from gateway.config.mistakes import Key
from gateway.config.model import Config, Server

Fault = tuple[Key, str, str]
"""The key, what is wrong with it, and what would be right."""


def section_faults(config: Config, *, serving: bool) -> list[Fault]:
    """Return what is wrong between the sections of a configuration."""
    faults = [*_retries(config), *_policy(config), *_keys(config)]
    return faults + (_addresses(config) if serving else [])


def _retries(config: Config) -> Iterator[Fault]:
    if config.retries.base_s > config.retries.max_s:
        yield ("retries", "base_s"), "is more than max_s", ""
    if config.breaker.ejection_s > config.breaker.ejection_cap_s:
        yield ("breaker", "ejection_s"), "is more than ejection_cap_s", ""


def _policy(config: Config) -> Iterator[Fault]:
    policy, journal = config.policy, config.journal
    if policy.required and not policy.files:
        yield ("policy", "files"), "is empty, yet a policy is required", "name a policy file"
    if journal.required and journal.dir is None:
        yield ("journal", "dir"), "is missing, yet the journal is required", "name a directory"
    if config.ledger.url is not None and journal.dir is None:
        hint = "name the directory in [journal]"
        yield ("ledger", "url"), "needs a journal, which the ledger is folded from", hint
    for place, file in enumerate(policy.files):
        if file in policy.files[:place]:
            yield ("policy", "files", place), "names this file a second time", ""
        elif file.endswith("_test.toml"):
            yield ("policy", "files", place), "is a file of tests", "name the policy itself"


def _keys(config: Config) -> Iterator[Fault]:
    if config.server.public and not config.server.keys and not config.callers:
        hint = 'write keys = ["${TIDEGATE_KEY}"], or listen on 127.0.0.1'
        yield ("server", "keys"), "is empty, yet other machines may connect", hint
    seen = {key.reveal(): "server.keys" for key in config.server.keys if key.present}
    for place, key in enumerate(config.server.admin_keys):
        if key.present and key.reveal() in seen:
            hint = "give operators a key of their own"
            yield ("server", "admin_keys", place), "is a key of callers too", hint
    seen |= {key.reveal(): "server.admin_keys" for key in config.server.admin_keys if key.present}
    for name, caller in config.callers.items():
        value = caller.key.reveal() if caller.key.present else None
        if value in seen:
            hint = "give each caller a key of its own"
            yield ("callers", name, "key"), f"is the key of {seen[value]} too", hint
        if value is not None:
            seen[value] = name


def _addresses(config: Config) -> list[Fault]:
    return [
        (("upstreams", name, "base_url"), "is this gateway's own address", "name the platform's")
        for name, upstream in config.upstreams.items()
        if _is_itself(config.server, upstream.base_url)
    ]


def _is_itself(server: Server, url: str | None) -> bool:
    """Say whether a request to `url` would come back in through the server."""
    if url is None or not is_loopback_url(url):
        return False
    parts = urlsplit(url)
    return (parts.port or {"http": 80}.get(parts.scheme, 443)) == server.port
