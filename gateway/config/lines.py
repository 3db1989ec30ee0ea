"""The line of every key in a TOML text, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from gateway.config.mistakes import Key

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""+|' + r"'''.*?'''+|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[Key, int]:
    """Return the line, from 1, where each table, key and array element first stands.

    Args:
        text: A text that `tomllib.loads` takes; of any other only a part may be found.
    """
    return _Scanner(text).run()


class _Scanner:
    """Walks over a TOML text and notes where keys are; values are only stepped over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [place for place, char in enumerate(text) if char == "\n"]
        self._found: dict[Key, int] = {}
        self._tables: dict[Key, int] = {}
        """Arrays of tables -> how many tables were seen."""

    def run(self) -> dict[Key, int]:
        base: Key = ()
        self._skip_space()
        while self._at < len(self._text):
            before = self._at
            if self._text[self._at] == "[":
                base = self._header()
            else:
                self._pair(base)
            self._skip_space()
            if self._at == before:
                break
        return self._found

    def _header(self) -> Key:
        many = self._take("[[")
        if not many:
            self._take("[")
        line = self._line()
        names = self._names()
        self._take("]]" if many else "]")
        path: Key = ()
        for place, name in enumerate(names, start=1):
            path = (*path, name)
            self._found.setdefault(path, line)
            if many and place == len(names):
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
                self._found.setdefault(path, line)
        return path

    def _pair(self, base: Key) -> None:
        line = self._line()
        path = base
        for name in self._names():
            path = (*path, name)
            self._found.setdefault(path, line)
        self._take("=")
        self._value(path)

    def _names(self) -> list[str]:
        names = [self._name()]
        while self._take("."):
            names.append(self._name())
        return names

    def _name(self) -> str:
        self._skip_space()
        string = _STRING.match(self._text, self._at)
        word = string or _BARE.match(self._text, self._at)
        if word is None:
            return ""
        self._at = word.end()
        if string is None:
            return word[0]
        try:
            return str(tomllib.loads(f"name = {word[0]}")["name"])
        except tomllib.TOMLDecodeError:
            return word[0]

    def _value(self, path: Key) -> None:
        self._skip_space()
        string = _STRING.match(self._text, self._at)
        if string is not None:
            self._at = string.end()
        elif self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif (scalar := _SCALAR.match(self._text, self._at)) is not None:
            self._at = scalar.end()

    def _array(self, path: Key) -> None:
        place = 0
        while not self._take("]") and self._at < len(self._text):
            before = self._at
            self._found[*path, place] = self._line()
            self._value((*path, place))
            self._take(",")
            place += 1
            if self._at == before:
                return

    def _inline_table(self, path: Key) -> None:
        while not self._take("}") and self._at < len(self._text):
            before = self._at
            self._pair(path)
            self._take(",")
            if self._at == before:
                return

    def _take(self, mark: str) -> bool:
        self._skip_space()
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1
