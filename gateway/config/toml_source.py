"""A TOML text as a source whose keys have lines, or the mistake in it."""

from __future__ import annotations

import re
import tomllib

from gateway.config.document import Source
from gateway.config.mistakes import ConfigError, Mistake

TOO_DEEP = "is nested too deeply"
_WHERE = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)\Z", re.DOTALL)
_AGAIN = ("Cannot declare", "Cannot overwrite", "Duplicate", "Cannot redefine", "Cannot mutate")


def parsed(file: str, text: str) -> Source:
    """Parse one file.

    Raises:
        ConfigError: It is no TOML, or a key stands in it twice.
    """
    try:
        return Source.of(file, text, tomllib.loads(text))
    except RecursionError:
        raise ConfigError([Mistake(file, None, "", TOO_DEEP)]) from None
    except ValueError as error:
        raise ConfigError([_syntax(file, str(error), text)]) from None


def _syntax(file: str, message: str, text: str) -> Mistake:
    """Turn tomllib's words into a mistake; equal names are told as such."""
    where = _WHERE.match(message)
    words = where[1] if where else message
    line = int(where[2]) if where and where[2] else text.count("\n") + 1
    if words.startswith(_AGAIN):
        return Mistake(file, line, "", "this name is here a second time", "each name stands once")
    return Mistake(file, line, "", f"is no TOML: {words[:1].lower()}{words[1:]}")
