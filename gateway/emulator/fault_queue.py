"""The faults still to come: which strikes a request, and how often it still will."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.emulator.faults import Action, Asked, Fault, Moment
from gateway.emulator.named_faults import scripted


@dataclass(slots=True)
class Faults:
    """The faults still to come, in order; the first that matches a request is taken."""

    _queue: list[Fault] = field(default_factory=list)
    _struck: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, action: Fault | Action | str | Mapping[str, Any], **options: Any) -> None:
        """Add a fault: a `Fault`, a mapping, or an action or a name with its options.

        Raises FaultError for an unknown action, name or option.
        """
        if isinstance(action, Fault):
            one = action
        elif isinstance(action, Mapping):
            one = scripted(action)
        else:
            one = scripted({_key(action): str(action), **options})
        with self._lock:
            self._queue.append(one)

    def load(self, script: Iterable[Mapping[str, Any]]) -> None:
        """Add every fault of a script; none if one of them is wrong."""
        parsed = [scripted(row) for row in script]
        with self._lock:
            self._queue.extend(parsed)

    def take(
        self, asked: Asked, moment: Moment = Moment.ANSWER, *, named: bool = False
    ) -> Fault | None:
        """Return the fault that strikes this request now, and count it as used.

        With `named`, only a fault that names a platform or a path strikes.
        """
        if not self._queue:
            return None
        with self._lock:
            for index, one in enumerate(self._queue):
                if named and one.platform is None and one.path is None:
                    continue
                if one.strikes_at is moment and one.matches(asked):
                    self._use(index, one)
                    return one
        return None

    def _use(self, index: int, one: Fault) -> None:
        self._struck[one.name or one.action] += 1
        if one.times == 1:
            del self._queue[index]
        elif one.times > 0:
            self._queue[index] = replace(one, times=one.times - 1)

    def __len__(self) -> int:
        return len(self._queue)

    def pending(self) -> list[Fault]:
        """Return the faults still to come."""
        with self._lock:
            return list(self._queue)

    @property
    def struck(self) -> dict[str, int]:
        """How often each fault struck, by its name or action; connections count too."""
        with self._lock:
            return dict(self._struck)

    def drop(self, contains: str) -> None:
        """Forget the faults that look for this very text."""
        with self._lock:
            self._queue = [one for one in self._queue if one.contains != contains]

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._queue.clear()
            self._struck.clear()


def _key(action: str) -> str:
    return "action" if action in set(Action) else "name"
