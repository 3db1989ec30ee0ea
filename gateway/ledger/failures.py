"""Why a ledger cannot be used, in words that name no address, no password and no path.

LedgerError
├── NotALedger     what is there is something else
├── NewerLedger    a later version wrote it
├── OlderLedger    an earlier version wrote it, and who only reads does not change it
└── Unavailable    locked, full, gone: later it may work
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class LedgerError(Exception):
    """The ledger cannot be used."""


class NotALedger(LedgerError):
    """What is at the address is no ledger, and nothing of it was touched."""


class NewerLedger(LedgerError):
    """A later version of the gateway made the ledger's tables; nothing was touched."""


class OlderLedger(LedgerError):
    """An earlier version made the ledger's tables, and nobody brought them up to date yet."""


class Unavailable(LedgerError):
    """The database cannot be used now; what was begun is undone."""


LOCKED = "the database is locked by another process"
FULL = "the disk is full"
READ_ONLY = "the database is read-only"
GONE = "the database cannot be reached"
_NO_DATABASE = "the file is no SQLite database"
_SQLITE = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: "the disk does not take or give what is asked",
    sqlite3.SQLITE_CANTOPEN: "the database's file cannot be opened",
    sqlite3.SQLITE_PERM: "the database's file may not be used",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
}
_LOST = {"OperationalError", "InterfaceError", "ConnectionTimeout"}
_POSTGRES = {
    "08": GONE,
    "28": "the database refuses the login",
    "25006": READ_ONLY,
    "3D": "there is no such database",
    "40": LOCKED,
    "42501": "the database's role may not do this",
    "53100": FULL,
    "53": "the database has no room for this now",
    "55": LOCKED,
    "57": "the database is stopping or starting",
    "57014": "the database stopped what took too long",
}
"""By SQLSTATE, or the class that it begins with."""


@contextmanager
def told() -> Iterator[None]:
    """Turn what a database says into a LedgerError, without what it says of statements."""
    try:
        yield
    except DBAPIError as error:
        raise _told(error.orig) from None
    except sqlite3.Error as error:
        raise _told(error) from None
    except SQLAlchemyError as error:
        raise LedgerError(f"the database cannot be used: {type(error).__name__}") from None


def _told(error: BaseException | None) -> LedgerError:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            return NotALedger(_NO_DATABASE)
        words = _SQLITE.get(code)
        return LedgerError(f"SQLite says: {error}") if words is None else Unavailable(words)
    state = getattr(error, "sqlstate", None)
    if state is None:
        name = type(error).__name__
        return Unavailable(GONE) if name in _LOST else LedgerError(f"Postgres refuses it: {name}")
    words = _POSTGRES.get(state) or _POSTGRES.get(state[:2])
    if words is None:
        return LedgerError(f"Postgres refuses it (SQLSTATE {state})")
    return Unavailable(words)
