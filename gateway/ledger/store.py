"""A ledger: where its rows are kept, whichever of the databases that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from gateway.ledger import database
from gateway.ledger.fold import Changes
from gateway.ledger.opening import look, open_tables
from gateway.ledger.reading import Cursor
from gateway.ledger.sockets import Sockets
from gateway.ledger.writing import Writing


class Ledger:
    """An open ledger. Threads may share it; every transaction has a connection of its own."""

    def __init__(self, engine: Engine, sockets: Sockets) -> None:
        self._engine = engine
        self._sockets = sockets

    @classmethod
    def open(cls, url: str, directory: Path, sockets: Sockets | None = None) -> Ledger:
        """Return the ledger at an address, its tables made or brought up to date.

        Args:
            url: `sqlite:///FILE` or `postgresql://HOST/DATABASE`.
            directory: Where a relative FILE counts from.
            sockets: Told of its connections, so that another thread can end a wait.

        Raises:
            LedgerError: It cannot be used; the words name neither the address nor a password.
        """
        return cls(*_opened(url, directory, sockets, open_tables))

    @classmethod
    def existing(cls, url: str, directory: Path, sockets: Sockets | None = None) -> Ledger:
        """Return the ledger at an address as it is: nothing is made, nor brought up to date.

        The arguments are those of `open`.

        Raises:
            Unavailable: There is none, or it cannot be used now.
            OlderLedger: Its tables are to be brought up to date first.
            LedgerError: It cannot be used.
        """
        return cls(*_opened(url, directory, sockets, look))

    @property
    def address(self) -> str:
        """Where it is, for people: without the password."""
        return database.address(self._engine)

    def reading(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that sees one state of the ledger; raises LedgerError."""
        return database.reading(self._engine)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Begin a transaction as the only one who writes; raises LedgerError.

        What is raised inside undoes it.
        """
        with database.writing(self._engine) as connection:
            yield Writing(connection)

    def apply(self, changes: Changes, reached: Sequence[Cursor]) -> None:
        """Write what a fold changed and how far it came, or nothing; raises LedgerError."""
        with self.writing() as writing:
            writing.apply(changes, reached)

    def close(self) -> None:
        """Let go of what is open."""
        self._engine.dispose()
        self._sockets.close()


def _opened(
    url: str, directory: Path, sockets: Sockets | None, prepare: Callable[[Engine], None]
) -> tuple[Engine, Sockets]:
    """Connect to an address, and let go of it again where it cannot be prepared."""
    engine, watching = database.engine(url, directory), sockets or Sockets()
    watching.watch(engine)
    try:
        prepare(engine)
    except BaseException:
        engine.dispose()
        watching.close()
        raise
    return engine, watching
