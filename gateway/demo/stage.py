"""What the steps act on: the emulated platforms and both doors of a gateway in front of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from anthropic import Anthropic

from gateway.demo import configuration
from gateway.demo.calls import Answer
from gateway.demo.doors import Door, client_door, server_door
from gateway.demo.hits import Hit, hits
from gateway.emulator import Emulator

ENDS_S = 2.0
"""How long a platform may take to see that its caller has gone."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One call through one door: what the caller got, and what the platforms got."""

    door: str
    answer: Answer
    log: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """The emulated platforms, and the doors."""

    emulator: Emulator
    doors: tuple[Door, ...]
    journal: Path
    """The directory in which both doors record what they decide and do."""

    def shoot(self, door: Door, call: Callable[[Anthropic], Answer]) -> Shot:
        """Make one call through one door, alone in the request log."""
        self.emulator.records.clear()
        answer = call(door.client)
        self._ended()
        return Shot(door.name, answer, hits(self.emulator.records))

    def _ended(self) -> None:
        """Wait until the platforms are done with what they got, for a moment at most."""
        until_s = time.monotonic() + ENDS_S
        while any(each.running for each in self.emulator.records) and time.monotonic() < until_s:
            time.sleep(0.001)

    def each(self, call: Callable[[Anthropic], Answer], **fault: object) -> tuple[Shot, ...]:
        """Make the same call through every door; with a fault, each meets it anew.

        `fault` is a fault of `gateway.emulator.Fault`, by its fields; none is left behind.
        """
        shots: list[Shot] = []
        for door in self.doors:
            if fault:
                self.emulator.faults.add(fault)
            shots.append(self.shoot(door, call))
            self.emulator.faults.clear()
        return tuple(shots)


@contextmanager
def staged() -> Iterator[Stage]:
    """Start everything on free ports of loopback; whatever happens, all of it ends."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-demo-")))
        emulator = stack.enter_context(Emulator())
        configuration.write(directory, emulator)
        config = configuration.read(directory, emulator)
        doors = tuple(stack.enter_context(door(config)) for door in (client_door, server_door))
        yield Stage(emulator, doors, config.path(config.journal.dir or ""))
