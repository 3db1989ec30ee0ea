"""A document checked from top to bottom: the whole configuration, or every mistake in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config.document import Document
from gateway.config.extras import missing
from gateway.config.mistakes import ConfigError, Key, Mistake, nearest
from gateway.config.model import (
    Affinity,
    Breaker,
    Caller,
    Config,
    Journal,
    Ledger,
    Logs,
    Policy,
    Prices,
    Retries,
    Routing,
    Server,
    Timeouts,
)
from gateway.config.rules import upstream_faults
from gateway.config.secret import References
from gateway.config.section_rules import section_faults
from gateway.config.upstreams import UPSTREAMS, Upstream
from providers.contract import Place, PlaceError

SCHEMA = 1
"""The format's version: the value of `schema` at the top of `gateway.toml`."""

CheckPlace = Callable[[str, Place], object]
"""Given a provider's name and a place, raises PlaceError where there is no such place."""

_TABLES = (
    "routing",
    "upstreams",
    "timeouts",
    "retries",
    "breaker",
    "affinity",
    "logs",
    "policy",
    "journal",
    "prices",
    "ledger",
    "callers",
    "server",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")

NO_POLICY = (
    "no policy is in force ([policy] files names none): any upstream of routing.order may get any "
    "request, and one that carries a class is refused"
)
NOTHING: Mapping[str, Any] = MappingProxyType({})

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Build:
    """How a document is to be read."""

    references: References
    environment: str | None = None
    directory: Path | None = None
    no_file: bool = False
    serving: bool = False
    check_place: CheckPlace | None = None
    notes: tuple[str, ...] = ()


def build(document: Document, how: Build) -> Config:
    """Return the configuration that a document describes.

    Raises:
        ConfigError: With every mistake that can be found at once.
    """
    return _Reading(document, how).config()


@dataclass(slots=True)
class _Reading:
    """One document being read; mistakes gather until its end."""

    document: Document
    how: Build
    mistakes: list[Mistake] = field(default_factory=list)

    def config(self) -> Config:
        self._top()
        routing = self._section("routing", Routing, {"order": ()})
        upstreams = self._upstreams(set(routing.order))
        self._order(routing)
        serving = self.how.serving
        config = Config(
            routing=routing,
            upstreams=upstreams,
            timeouts=self._section("timeouts", Timeouts),
            retries=self._section("retries", Retries),
            breaker=self._section("breaker", Breaker),
            server=self._section("server", Server, required=serving),
            affinity=self._section("affinity", Affinity),
            logs=self._section("logs", Logs),
            policy=self._section("policy", Policy),
            journal=self._section("journal", Journal),
            prices=self._section("prices", Prices),
            ledger=self._section("ledger", Ledger),
            callers=self._callers(),
            environment=self.how.environment,
            directory=self.how.directory,
            no_file=self.how.no_file,
            notes=(*self.how.notes, *self._without_policy()),
        )
        for key, message, suggestion in section_faults(config, serving=serving):
            self._wrong(key, message, suggestion)
        if self.mistakes:
            raise ConfigError(sorted(self.mistakes, key=_order_of))
        return config

    def _without_policy(self) -> tuple[str, ...]:
        table = self.document.data.get("policy")
        named = isinstance(table, Mapping) and table.get("files")
        return () if named or self.how.no_file else (NO_POLICY,)

    def _wrong(self, key: Key, message: str, suggestion: str = "") -> None:
        self.mistakes.append(self.document.mistake(key, message, suggestion))

    def _top(self) -> None:
        data = self.document.data
        for name in data:
            if name not in ("schema", *_TABLES):
                self._wrong((name,), "unknown key", nearest(name, ("schema", *_TABLES)))
        schema = data.get("schema")
        if type(schema) is not int or schema != SCHEMA:
            what = "is not a version this understands" if "schema" in data else "is missing"
            self._wrong(("schema",), what, f"write schema = {SCHEMA}")

    def _section(
        self,
        name: str,
        model: type[M],
        otherwise: Mapping[str, Any] = NOTHING,
        *,
        required: bool = True,
    ) -> M:
        """Return a section, or after a mistake its defaults: they are never used."""
        context = replace(self.how.references, required=required)
        found = self._checked((name,), model, self.document.data.get(name, {}), context)
        return model.model_construct(**otherwise) if found is None else found

    def _callers(self) -> dict[str, Caller]:
        context = replace(self.how.references, required=self.how.serving)
        found = {}
        for name, table in self._tables("callers").items():
            key: Key = ("callers", name)
            if not _NAME.match(name):
                self._wrong(key, "is no name for a caller", "use a-z, 0-9, '-', '_' and '.'")
            caller = self._checked(key, Caller, table, context)
            if caller is not None:
                found[name] = caller
        return found

    def _checked(self, key: Key, model: type[M], table: Any, context: References) -> M | None:
        try:
            return model.model_validate(table, context=context)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        for detail in details:
            where = tuple(part for part in detail["loc"] if part != "[key]")
            self._wrong((*key, *where), *_words(detail, model, key))
        return None

    def _tables(self, name: str) -> Mapping[str, Any]:
        tables = self.document.data.get(name, {})
        if isinstance(tables, Mapping):
            return tables
        self._wrong((name,), "should be a table", f"write [{name}.NAME]")
        return NOTHING

    def _upstreams(self, used: set[str]) -> dict[str, Upstream]:
        tables = self._tables("upstreams").items()
        found = {name: self._upstream(name, table, name in used) for name, table in tables}
        return {name: upstream for name, upstream in found.items() if upstream is not None}

    def _upstream(self, name: str, table: Any, used: bool) -> Upstream | None:
        key: Key = ("upstreams", name)
        if not isinstance(table, Mapping):
            self._wrong(key, "should be a table", f"write [upstreams.{name}]")
            return None
        if not _NAME.match(name):
            self._wrong(key, "is no name for an upstream", "use a-z, 0-9, '-', '_' and '.'")
        if "name" in table:
            self._wrong((*key, "name"), "unknown key", "its name is that of its table")
        provider = table.get("provider")
        if not isinstance(provider, str) or provider not in UPSTREAMS:
            self._provider(key, provider)
            return None
        faults = upstream_faults(provider, table)
        for fault in faults:
            self._wrong((*key, fault.key), fault.message, fault.suggestion)
        context = replace(self.how.references, required=used)
        upstream = self._checked(key, UPSTREAMS[provider], {**table, "name": name}, context)
        if upstream is not None and used and (lacking := missing(upstream)) is not None:
            self._wrong((*key, lacking.key), lacking.message, lacking.suggestion)
        if upstream is not None and not faults:
            self._place(key, upstream)
        return upstream

    def _provider(self, key: Key, provider: object) -> None:
        if provider is None:
            self._wrong((*key, "provider"), "is missing", nearest("", UPSTREAMS))
        else:
            self._wrong((*key, "provider"), "is no provider", nearest(str(provider), UPSTREAMS))

    def _place(self, key: Key, upstream: Upstream) -> None:
        if self.how.check_place is None:
            return
        try:
            self.how.check_place(upstream.provider, upstream.place())
        except PlaceError as error:
            self._wrong((*key, error.key), str(error))

    def _order(self, routing: Routing) -> None:
        tables = self.document.data.get("upstreams")
        names = tables if isinstance(tables, Mapping) else NOTHING
        for place, name in enumerate(routing.order):
            if name not in names:
                self._wrong(("routing", "order", place), "is no upstream", nearest(name, names))
            elif name in routing.order[:place]:
                self._wrong(("routing", "order", place), f"names {name} a second time")


def _words(detail: Mapping[str, Any], model: type[BaseModel], key: Key) -> tuple[str, str]:
    """Return what a failed check means and what would be right; never the value."""
    kind, name = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return "unknown key", _known(name, model)
    if kind == "missing":
        return "is missing", f"add {name} to [{key[0]}]" if len(key) == 1 else f"add {name}"
    if kind in {"model_type", "model_attributes_type"}:
        return "should be a table", ""
    if kind == "configuration":
        return detail["ctx"]["what"], detail["ctx"]["suggestion"]
    if kind == "string_pattern_mismatch":
        return "holds characters that it cannot have", ""
    return detail["msg"].replace("Input should", "should"), ""


def _known(name: str, model: type[BaseModel]) -> str:
    others = [which for which, other in UPSTREAMS.items() if name in other.model_fields]
    if others and issubclass(model, tuple(UPSTREAMS.values())):
        return f"a setting of {' and '.join(others)}"
    return nearest(name, set(model.model_fields) - {"name"})


def _order_of(mistake: Mistake) -> tuple[str, int]:
    return mistake.file or "", mistake.line or 0
