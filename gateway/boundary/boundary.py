"""What is in force now: changed files are taken whole, or not at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.boundary.load import BLOCKS, Texts, fact_files, in_force, texts
from gateway.config import Config, ConfigError, Mistake
from gateway.policy.in_force import InForce

CHECK_S = 1.0
"""How often, at most, a call looks whether a file has changed."""
QUIET_S = 1.0
"""How long files must be left alone before they are taken.

Who writes a file in pieces would else have half of it taken, and half a policy may allow more.
"""
PATIENCE_S = 2.0
"""How long a file that is not left alone is waited for."""
_LOG = logging.getLogger("gateway.policy")

Stamp = tuple[str, int, int, int, int]
"""Path, size, inode, and when content and inode changed (Unix, ns)."""
Signature = tuple[Stamp, ...]


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
        self._noticed_s: float | None = None
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
            if signature == self._signature:
                self._noticed_s = None
            elif self._left_alone(signature):
                self._take(signature)
        finally:
            self._lock.release()

    def _take(self, signature: Signature) -> None:
        """Take the files with a signature, unless they change while they are read."""
        read = texts(self._config)
        if self._signed() == signature:
            self._signature, self._noticed_s = signature, None
            self._told(self._reload(read))

    def _left_alone(self, signature: Signature) -> bool:
        """Say whether no file was written just now, or the patience for that has ended."""
        if self._noticed_s is None:
            self._noticed_s = self._looked_s
        if self._looked_s - self._noticed_s >= PATIENCE_S:
            return True
        # A time that is not near now, before or after, is that of another writing.
        now_ns = time.time_ns()
        return all(abs(now_ns - stamp[4]) >= QUIET_S * 1e9 for stamp in signature)

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

    def _signed(self) -> Signature:
        """Return what changes whenever one of the files does."""
        config = self._config
        named = [Path(file) for file in config.policy.files]
        return tuple(_stamp(path) for path in (*named, config.path(BLOCKS), *fact_files(config)))


def _stamp(path: Path) -> Stamp:
    for follow in (True, False):  # A link that leads nowhere is there itself.
        with suppress(OSError):
            found = path.stat(follow_symlinks=follow)
            times = found.st_mtime_ns, found.st_ctime_ns
            return (str(path), found.st_size, found.st_ino, *times)
    return (str(path), 0, 0, 0, 0)
