"""Pins in a SQLite file beside the journal: for all processes of a host, and over restarts.

A pin is on the disk before its answer goes on. Pins of what was deleted, or what platforms drop
after a time, are dropped when a process opens the file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.stateful.pins import Pin, PinsLost, from_json, to_json

FILE_NAME = "pins.sqlite3"
BUSY_S = 5.0
DAY_S = 86_400
DELETED_DAYS = 60
"""How long the id of what was deleted stays pinned: nobody else is asked for it."""
_AT_A_TIME = 400
_SCHEMA = """
create table if not exists pins (
  state text not null, id text not null, upstream text not null, at_s real not null,
  deleted_s real, pin blob not null, primary key (state, id, upstream)
) without rowid
"""


class SqlitePins:
    """The pins of a host.

    Args:
        path: The file; its directory is made where there is none.
        keep_days: State -> how long its pins are kept; those of others until they are forgotten.
        now_s: The Unix time.
    """

    durable = True

    def __init__(
        self,
        path: Path,
        keep_days: Mapping[str, int] | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._keep_days = dict(keep_days or {})
        self._now_s = now_s
        self._ready: int | None = None
        """The process that has made sure of the table."""

    def put(self, pin: Pin) -> None:
        """Keep a pin; one that is there already stays as it is. Raises PinsLost."""
        row = (pin.state, pin.id, pin.upstream, pin.at_s, to_json(pin))
        with self._open() as found:
            found.execute("insert or ignore into pins values (?, ?, ?, ?, null, ?)", row)

    def find(self, wanted: Iterable[tuple[str, str]]) -> tuple[Pin, ...]:
        """Return the pins of states, each named by kind and id; raises PinsLost."""
        keys = list(dict.fromkeys(wanted))
        if not keys or not self._path.exists():
            return ()
        with self._open() as found:
            return tuple(pin for part in _parts(keys) for pin in _found(found, part))

    def replace(self, pin: Pin) -> None:
        """Keep what is known now of what is pinned already; raises PinsLost."""
        with self._open() as found:
            found.execute(
                "update pins set pin = ? where state = ? and id = ? and upstream = ?",
                (to_json(pin), pin.state, pin.id, pin.upstream),
            )

    def deleted(self, state: str, name: str, upstream: str) -> None:
        """Take note that a state was deleted: its id stays pinned; raises PinsLost."""
        if self._path.exists():
            with self._open() as found:
                found.execute(
                    "update pins set deleted_s = ? where state = ? and id = ? and upstream = ?",
                    (self._now_s(), state, name, upstream),
                )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Return a connection of its own: a process may fork, and threads come and go."""
        try:
            with closing(self._connected()) as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise PinsLost(f"{self._path}: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        new = self._ready != os.getpid()
        if new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("pragma synchronous = full")
            if new:
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("pragma journal_mode = wal")
        connection.execute(_SCHEMA)
        connection.execute(
            "delete from pins where deleted_s < ?", (self._now_s() - DELETED_DAYS * DAY_S,)
        )
        for state, days in self._keep_days.items():
            connection.execute(
                "delete from pins where state = ? and at_s < ?",
                (state, self._now_s() - days * DAY_S),
            )
        self._ready = os.getpid()


def _parts(keys: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for at in range(0, len(keys), _AT_A_TIME):
        yield keys[at : at + _AT_A_TIME]


def _found(connection: sqlite3.Connection, keys: list[tuple[str, str]]) -> Iterator[Pin]:
    marks = ", ".join(["(?, ?)"] * len(keys))
    query = f"select pin from pins where (state, id) in (values {marks})"  # noqa: S608 - marks only
    for (pin,) in connection.execute(query, [part for key in keys for part in key]).fetchall():
        yield from_json(pin)
