"""One folding thread for all of a process that record in one journal."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from pathlib import Path

from gateway.ledger.background import Folding, stop_all
from gateway.ledger.pruning import Retention
from gateway.prices.book import Prices

ENDS_S = 2.0
"""How long the last records may take when the process ends; what is missing is in the journal."""

_Key = tuple[str, Path, Path]
_lock = threading.Lock()
_foldings: dict[_Key, Folding] = {}


def shared(
    url: str,
    directory: Path,
    journal: Path,
    prices: Callable[[], Prices],
    retention: Retention,
) -> Folding:
    """Return what folds a journal into a ledger in this process; it runs.

    The arguments are those of `Folding`. It ends with the process, or when it is stopped; the
    next one who asks begins anew.
    """
    key = (url, directory.absolute(), journal.absolute())
    with _lock:
        folding = _foldings.get(key)
        if folding is None or folding.stopped:
            folding = Folding(url, directory, journal, prices, retention=retention)
            _foldings[key] = folding
        folding.start()
        return folding


@atexit.register
def _stop_all() -> None:
    stop_all(list(_foldings.values()), ENDS_S)
