"""The text of one file of a configuration."""

from __future__ import annotations

from pathlib import Path

from gateway.config.mistakes import ConfigError, Mistake

_FILE_LIMIT_BYTES = 4 * 1024 * 1024


def text_of(path: Path) -> str:
    """Return a text; raises ConfigError where the file cannot be read, is too large or no UTF-8."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(_FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > _FILE_LIMIT_BYTES:
        raise _unreadable(path, "is larger than 4 MiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _unreadable(path, "is not UTF-8", line) from None


def is_there(path: Path) -> bool:
    """Say whether a name is taken, be it by a link that leads nowhere.

    Where that cannot be told it is: reading it then says why, and nothing is left out silently.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _unreadable(path: Path, what: str, line: int | None = None) -> ConfigError:
    return ConfigError([Mistake(str(path), line, "", what)])
