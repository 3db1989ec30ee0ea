"""The table of proofs, and every case that follows from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.emulator import NAMED, NamedFault

_FILE = Path(__file__).with_name("proofs.toml")
_MODES = ("whole", "stream")
_TOKENS = "google-tokens"


@dataclass(frozen=True, slots=True)
class Proof:
    """What clients feel of one named fault."""

    name: str
    feels: dict[str, str]
    """`bedrock-stream`, `stream` or `any` -> the outcome; the first of these counts."""
    cause: str | None = None
    """The class of the exception that a connection error comes from."""
    then: dict[str, str] = field(default_factory=dict)
    """The same as `feels` for the next question on the same connection; empty: none is asked."""
    elsewhere: bool = False
    """Whether the prompt, or the assertion, arrives at the other host."""
    timeout_s: float = 30.0
    options: dict[str, Any] = field(default_factory=dict)
    """How the fault is bounded."""

    @property
    def fault(self) -> NamedFault:
        return NAMED[self.name]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, on one platform, with a stream or without."""

    proof: Proof
    platform: str
    mode: str

    def __str__(self) -> str:
        return f"{self.proof.name}.{self.platform}.{self.mode}"

    @property
    def prompt(self) -> str:
        """A prompt with a mark that no other case has, for a tool where the fault needs one."""
        tool = "[[tool]]" if "tool" in self.proof.name else ""
        return f"[[words:60]]{tool} |{self}|"

    @property
    def alone(self) -> bool:
        """Whether it needs an emulator of its own: its fault strikes before a body is there."""
        return self.proof.fault.fault.strikes_at != "answer" or self.platform == _TOKENS

    def nearest(self, outcomes: dict[str, str]) -> str:
        """Return the outcome that is told for this platform and mode."""
        return next(outcomes[key] for key in self.keys if key in outcomes)

    @property
    def keys(self) -> tuple[str, ...]:
        return f"{self.platform}-{self.mode}", self.mode, "any"


def proofs() -> dict[str, Proof]:
    """Return the table, by the fault's name."""
    rows = tomllib.loads(_FILE.read_text("utf-8"))
    return {name: _proof(name, row) for name, row in rows.items()}


def _proof(name: str, row: dict[str, Any]) -> Proof:
    own = ("then", "elsewhere", "timeout_s", "options")
    told = {key: row.pop(key) for key in own if key in row}
    return Proof(name, cause=row.pop("from", None), **told, feels=row)


def cases() -> Iterator[Case]:
    """Yield every case of every fault that has a proof."""
    for proof in proofs().values():
        for platform in proof.fault.platforms:
            for mode in _MODES:
                if proof.fault.streamed in {None, mode == "stream"}:
                    yield Case(proof, platform, mode)
