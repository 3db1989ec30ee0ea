"""What is in force now: changed files are taken whole, or not at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.boundary.load import BLOCKS, Texts, fact_files, in_force, texts
from gateway.config import Config, ConfigError, Mistake
from gateway.policy.in_force import InForce

CHECK_S = 1.0
"""How often, at most, a call looks whether a file has changed."""
AT_REST_S = 0.5
"""How long a file was not written to when it is taken: half of one may be a policy, too."""
_LOG = logging.getLogger("gateway.policy")

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Reload:
    """That changed files were taken, or why they were not."""

    taken: InForce | None
    mistakes: tuple[Mistake, ...] = ()


class Boundary:
    """The policies and facts in force for one process.

    Raises ConfigError when it is made and a file has a mistake. Later a mistake keeps what was in
    force, and is told once.
    """

    def __init__(
        self,
        config: Config,
        *,
        unix_s: Callable[[], float] = time.time,
        told: Callable[[Reload], None] = lambda _reload: None,
    ) -> None:
        self._config = config
        self._unix_s = unix_s
        self._told = told
        self._latest_s = 0.0
        self._tripped: frozenset[str] = frozenset()
        self._signature = self._signed()
        self._in_force = in_force(config, texts(config))
        self._looked_s = time.monotonic()
        self._lock = threading.Lock()
        self.mistakes: tuple[Mistake, ...] = ()
        """Why the files as they are now were not taken."""

    @property
    def tripped(self) -> frozenset[str]:
        """The upstreams that were taken out because an answer broke its plan."""
        return self._tripped

    def now_s(self) -> float:
        """Return the Unix time. It never goes back: what has ended must not hold again."""
        self._latest_s = max(self._latest_s, self._unix_s())
        return self._latest_s

    def current(self) -> InForce | None:
        """Return what is in force; None when the configuration names no policy."""
        if self._in_force is not None and time.monotonic() - self._looked_s >= CHECK_S:
            self._look()
        return self._in_force

    def trip(self, upstream: str) -> None:
        """Take an upstream out until the process ends."""
        with self._lock:
            self._tripped |= {upstream}

    def _look(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # Another thread is looking.
        try:
            self._looked_s = time.monotonic()
            signature = self._signed()
            if signature != self._signature and not self._being_written(signature):
                self._take(signature)
        finally:
            self._lock.release()

    def _take(self, signature: Signature) -> None:
        """Take the files with a signature, unless they change while they are read."""
        read = texts(self._config)
        if self._signed() == signature:
            self._signature = signature
            self._told(self._reload(read))

    def _reload(self, read: Texts) -> Reload:
        try:
            found = in_force(self._config, read)
        except ConfigError as error:
            self.mistakes = error.mistakes
            _LOG.error("policy not reloaded, the old one stays in force: %s", error)
            return Reload(None, error.mistakes)
        self.mistakes = ()
        self._in_force = found
        if found is not None:
            digests = found.compiled.digest[:16], found.facts.digest[:16]
            _LOG.warning("policy reloaded: policy %s, facts %s", *digests)
        return Reload(found)

    def _being_written(self, signature: Signature) -> bool:
        """Say whether a file that changed was just written to.

        A time in the future is another clock's, and says nothing.
        """
        now_s = self._unix_s()
        changed = set(signature) - set(self._signature)
        return any(0 <= now_s - mtime_ns / 1e9 < AT_REST_S for _, mtime_ns, *_ in changed)

    def _signed(self) -> Signature:
        """Return what changes whenever one of the files does."""
        config = self._config
        named = [Path(file) for file in config.policy.files] if config.policy.files else []
        return tuple(_stamp(path) for path in (*named, config.path(BLOCKS), *fact_files(config)))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
