"""Secrets: where a configuration says they are, and their values, which nothing prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gateway.config.mistakes import ConfigError, Mistake

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}\Z")
_FILE = re.compile(r"\$\{file:(/[^}\0]+)\}\Z")
_TEXT = re.compile(r"[\x21-\x7e]+\Z")
_FILE_LIMIT_BYTES = 65_536
_HOW = "write ${VARIABLE} or ${file:/path}"


class Secret:
    """A value that repr, logs and pickles never show; `source` says where it came from.

    A copy made by pickle has no value: the process that unpickles it loads its own.
    """

    __slots__ = ("_value", "source")

    def __init__(self, source: str, value: str | None = None) -> None:
        self.source = source
        self._value = value

    @property
    def present(self) -> bool:
        """Whether there is a value."""
        return self._value is not None

    def reveal(self) -> str:
        """Return the value; raises ConfigError when there is none."""
        if self._value is None:
            raise ConfigError([Mistake(None, None, self.source, "has no value in this process")])
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __str__(self) -> str:
        return f"{'set' if self.present else 'to be set'} from {self.source}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self.source, self._value) == (other.source, other._value)

    def __hash__(self) -> int:
        return hash((self.source, self._value))

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self.source,)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Say how pydantic builds one: from a reference, with `References` as the context."""
        return core_schema.with_info_plain_validator_function(
            _from_setting, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


@dataclass(frozen=True, slots=True)
class References:
    """What the references of a configuration may point to."""

    environ: Mapping[str, str] = field(repr=False)
    directory: Path | None = None
    """Relative file names count from here."""
    required: bool = True
    """False: what is not there is left out, for upstreams that are not used."""

    def resolve(self, text: str) -> Secret:
        """Return what `${VARIABLE}` or `${file:/path}` stands for.

        Raises:
            PydanticCustomError: It is neither, or it leads nowhere; the text is not repeated.
        """
        if variable := _VARIABLE.match(text):
            return self._checked(variable[1], self.environ.get(variable[1], ""))
        if file := _FILE.match(text):
            return self._checked(f"file:{file[1]}", self._read(file[1]))
        known = "${" in text
        return refuse("is no such reference" if known else "is a secret written out", _HOW)

    def _checked(self, source: str, value: str) -> Secret:
        value = value.strip()
        if not value and self.required:
            if source.startswith("file:"):
                refuse(f"{source.removeprefix('file:')} is empty", "put the secret in it")
            refuse(f"environment variable {source} is not set", f"set {source}")
        if value and not _TEXT.match(value):
            refuse(f"{source} holds spaces or characters that no header can carry")
        return Secret(source, value or None)

    def _read(self, path: str) -> str:
        try:
            with Path(path).open("rb") as file:
                return file.read(_FILE_LIMIT_BYTES).decode("ascii", "replace")
        except OSError as error:
            if not self.required:
                return ""
            reason = error.strerror or "unknown reason"
        return refuse(f"{path} cannot be read: {reason}")


def refuse(what: str, suggestion: str = "") -> NoReturn:
    """Raise the error that becomes a mistake with these words."""
    context = {"what": what, "suggestion": suggestion}
    raise PydanticCustomError("configuration", "{what}", context)


def references(info: ValidationInfo) -> References:
    """Return what this validation may refer to."""
    return cast("References", info.context)


def _from_setting(value: object, info: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        refuse("should be a string", _HOW)
    return references(info).resolve(value)
