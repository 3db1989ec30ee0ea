"""The tables of a configuration that is imported, and what becomes of each setting in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from itertools import count
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.mistakes import ConfigError, Key, Mistake, dotted
from gateway.importing.yaml_source import YamlSource
from providers.data_files import Table as Facts
from providers.shapes import ready

_FROM_ENVIRONMENT = "os.environ/"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORD = re.compile(r"[^A-Z0-9]+")


class RouteTable(Facts, kw_only=True):
    """Prefix of a model -> provider, or address."""

    rows: dict[str, str]


class NameTable(Facts, kw_only=True):
    """Prefixes that lead nowhere here."""

    names: frozenset[str]


class ReasonTable(Facts, kw_only=True):
    """Setting -> why it has no counterpart, by the table it stands in."""

    deployment: dict[str, str]
    model_info: dict[str, str]
    router_settings: dict[str, str]
    litellm_settings: dict[str, str]
    general_settings: dict[str, str]
    top: dict[str, str]


@ready
class LitellmFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`litellm.toml`: how a litellm proxy's settings are read."""

    routes: RouteTable
    addresses: RouteTable
    elsewhere: NameTable
    reasons: ReasonTable


@cache
def data() -> LitellmFile:
    """Return how settings are read."""
    text = (resources.files("gateway") / "data" / "litellm.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), LitellmFile)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A setting without a counterpart. Its value is nowhere: it may be a secret."""

    path: str
    line: int | None
    why: str

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line is not None else ""
        return f"{self.path}{where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting that is a reference to the environment."""

    name: str


@dataclass(slots=True)
class Findings:
    """What is gathered while a configuration is read."""

    source: YamlSource
    environ: Mapping[str, str] = field(repr=False)
    left_out: list[LeftOut] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    to_set: dict[str, str] = field(default_factory=dict)
    """Variable -> the setting whose value it is to have."""
    directory: Path = field(default_factory=Path)
    """Relative file names count from here."""
    named: set[str] = field(default_factory=set)
    """The variables that are referred to."""
    _clear: dict[str, str] = field(default_factory=dict, repr=False)
    """What stands in clear -> its variable."""

    def __post_init__(self) -> None:
        self.named.update(_referred(self.source.values))

    def variable_for(self, secret: str, wanted: str, key: Key) -> str:
        """Return the variable that a secret in clear is to be in; one secret has one."""
        if secret in self._clear:
            return self._clear[secret]
        name = wanted if not wanted[:1].isdigit() else f"_{wanted}"
        numbered = (f"{name}_{number}" for number in count(2))
        found = name if name not in self.named else next(n for n in numbered if n not in self.named)
        self.named.add(found)
        self._clear[secret] = found
        self.to_set[found] = dotted(key)
        return found

    def file(self, key: Key, name: str) -> str | None:
        """Return where a file is; None, and it is told, where there is none."""
        path = (self.directory / name).absolute()
        if path.is_file():
            return str(path)
        self.leave(key, "there is no such file here")
        return None

    def leave(self, key: Key, why: str) -> None:
        """Note a setting without a counterpart."""
        self.left_out.append(LeftOut(dotted(key), self.source.line(key), why))

    def wrong(self, key: Key, what: str, hint: str = "") -> None:
        """Note a mistake."""
        line = self.source.line(key)
        self.mistakes.append(Mistake(self.source.file, line, dotted(key), what, hint))

    def check(self) -> None:
        """Raise ConfigError when there were mistakes."""
        if self.mistakes:
            raise ConfigError(self.mistakes)


class Table:
    """One table; what nobody takes of it is told at last."""

    def __init__(self, findings: Findings, key: Key, values: Any) -> None:
        self.findings = findings
        self.key = key
        self._values: dict[str, Any] = {}
        if isinstance(values, dict):
            self._values = dict(values)
        elif values is not None:
            findings.wrong(key, "should be a mapping")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def at(self, name: str) -> Key:
        """Return the path of a setting."""
        return (*self.key, name)

    def raw(self, name: str) -> Any:
        """Take a setting as it is."""
        return self._values.pop(name, None)

    def table(self, name: str) -> Table:
        """Take a table in it; an empty one where there is none."""
        return Table(self.findings, self.at(name), self.raw(name))

    def tables(self, name: str) -> Iterator[Table]:
        """Take a list of tables in it."""
        found = self.raw(name)
        if found is not None and not isinstance(found, list):
            self.findings.wrong(self.at(name), "should be a list")
            return
        for number, each in enumerate(found or ()):
            key: Key = (*self.at(name), number)
            if not isinstance(each, dict):
                self.findings.wrong(key, "should be a mapping")
                continue
            yield Table(self.findings, key, each)

    def under(self, values: Mapping[str, Any]) -> None:
        """Put values under those that stand here."""
        self._values = {**values, **self._values}

    def text(self, name: str) -> str | None:
        """Take a word that is no secret; a variable stands for what it holds now.

        Where it holds nothing the setting is left out, and None is returned.
        """
        found = self._word(name)
        if found is None:
            return None
        variable = self._variable(found, name)
        if variable is None:
            return found
        value = self.findings.environ.get(variable.name, "").strip()
        if not value:
            self.findings.leave(self.at(name), f"{variable.name} is not set: write what it holds")
            return None
        return value

    def secret(self, name: str, owner: str) -> str | None:
        """Take a secret; return a reference to it, never its value.

        What stands in clear becomes a variable that is called after its owner.
        """
        found = self._word(name)
        if found is None:
            return None
        variable = self._variable(found, name)
        if variable is None:
            wanted = _WORD.sub("_", f"{owner}_{name}".upper()).strip("_")
            return f"${{{self.findings.variable_for(found, wanted, self.at(name))}}}"
        return f"${{{variable.name}}}"

    def number(self, name: str, *, least: float = 0) -> float | None:
        """Take a number."""
        found = self.raw(name)
        if found is None:
            return None
        if isinstance(found, str) and found.startswith(_FROM_ENVIRONMENT):
            self.findings.leave(self.at(name), "write the number")
            return None
        if (
            isinstance(found, bool)
            or not isinstance(found, int | float)
            or not least <= found < inf
        ):
            self.findings.wrong(self.at(name), f"should be a number, at least {least:g}")
            return None
        return found

    def flag(self, name: str) -> bool | None:
        """Take a truth value."""
        found = self.raw(name)
        if found is None:
            return None
        if not isinstance(found, bool):
            self.findings.wrong(self.at(name), "should be true or false")
            return None
        return found

    def rest(self, reasons: Mapping[str, str]) -> None:
        """Tell of every setting that nobody took."""
        for name in self._values:
            why = next((why for glob, why in reasons.items() if fnmatchcase(name, glob)), "")
            self.findings.leave(self.at(name), why or "has no counterpart")
        self._values.clear()

    def _word(self, name: str) -> str | None:
        found = self.raw(name)
        if found is None or isinstance(found, str):
            return found
        self.findings.wrong(self.at(name), "should be a text", "write it in quotes")
        return None

    def _variable(self, text: str, name: str) -> Variable | None:
        if not text.startswith(_FROM_ENVIRONMENT):
            return None
        found = text.removeprefix(_FROM_ENVIRONMENT)
        if not _VARIABLE.match(found):
            self.findings.wrong(self.at(name), "names no environment variable", "os.environ/NAME")
        return Variable(found)


def _referred(value: Any) -> Iterator[str]:
    """Return the variables that any setting refers to."""
    if isinstance(value, str) and value.startswith(_FROM_ENVIRONMENT):
        yield value.removeprefix(_FROM_ENVIRONMENT)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _referred(each)
