"""An answer that a fault is being made of, and what its changes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.emulator.faults import Fault, Mangle
from gateway.emulator.framing import Words
from gateway.emulator.http import Response


@dataclass(frozen=True, slots=True)
class Draft:
    """A response, with the fault that changes it and the platform's words."""

    fault: Fault
    answer: Response
    words: Words

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.answer.length is None

    @property
    def at(self) -> int:
        """The frame that is changed: the fault's, or the last one."""
        return min(self.fault.at, len(self.answer.frames) - 1)

    def size(self, usual: int) -> int:
        """Return how many bytes a change is to have."""
        return self.fault.size_bytes or usual

    def with_body(self, *frames: bytes) -> Response:
        """Return the response with other frames, and a length that fits if it had one."""
        length = None if self.streamed else sum(map(len, frames))
        return replace(self.answer, frames=frames, length=length)

    def with_frame(self, index: int, *frames: bytes) -> Response:
        """Return the response with other frames instead of one."""
        before, behind = self.answer.frames[:index], self.answer.frames[index + 1 :]
        return self.with_body(*before, *frames, *behind)

    def with_event(self, index: int, change: Callable[[bytes], bytes]) -> Response:
        """Return the response with the JSON of one event, or of the whole answer, changed."""
        frame = self.answer.frames[index]
        if self.streamed:
            return self.with_frame(index, self.words.framing.changed(frame, change))
        return self.with_frame(index, change(frame))


Step = Callable[[Draft], Response]
Steps = Mapping[Mangle, Step]
