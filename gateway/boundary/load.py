"""From policy files and attestations to what is in force, or every mistake in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.boundary.where import where
from gateway.config import Config, ConfigError, Mistake
from gateway.config.text import is_there, text_of
from gateway.policy.attestations import Attestations, read_attestations
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import FactSheet
from gateway.policy.files import PolicyFile, read_policy
from gateway.policy.in_force import InForce
from gateway.policy.lint import unknown_upstreams, unreachable
from gateway.policy.reading import in_order
from gateway.policy.sheet import Contradiction, fact_sheet
from gateway.policy.verified import NOTHING_VERIFIED, Verified, read_verified

BLOCKS = "policies/blocks.toml"
"""What `gateway policy block` writes; in force whenever it is there."""
ATTESTATIONS = "attestations.toml"


@dataclass(frozen=True, slots=True)
class Texts:
    """The files that say what is in force, as they were read at one moment."""

    policies: tuple[tuple[str, str], ...]
    """(file, text), in the order of the configuration; the blocks last."""
    attestations: tuple[tuple[str, str], ...] = ()
    """What is attested, then what was verified."""
    mistakes: tuple[Mistake, ...] = field(default=(), compare=False)
    """Files that should be there and could not be read."""


def load(config: Config) -> InForce | None:
    """Return what a configuration puts in force; None where it names no policy.

    Raises:
        ConfigError: With every mistake in the policy files and attestations: what cannot be
            read, what contradicts itself, upstreams that are not configured.
    """
    return in_force(config, texts(config))


def texts(config: Config) -> Texts:
    """Read the files; what cannot be read is a mistake among them."""
    mistakes: list[Mistake] = []
    named = [Path(file) for file in config.policy.files]
    blocks = config.path(BLOCKS)
    if named and is_there(blocks) and str(blocks.absolute()) not in config.policy.files:
        named.append(blocks)
    policies = _read(named, mistakes)
    return Texts(policies, _read(fact_files(config), mistakes), tuple(mistakes))


def fact_files(config: Config) -> list[Path]:
    """Return the files of attestations that are there, or should be."""
    return _fact_files(config) if config.policy.files else []


def vouched(config: Config) -> tuple[Attestations, Verified]:
    """Return what is attested and what probes found, with a policy in force or without.

    Raises:
        ConfigError: With every mistake in these files.
    """
    if config.directory is None:
        return Attestations(), NOTHING_VERIFIED
    mistakes: list[Mistake] = []
    read = _read(_fact_files(config), mistakes)
    found = _vouched(config, read, mistakes)
    if mistakes:
        raise ConfigError(in_order(mistakes))
    return found


def facts(config: Config) -> FactSheet:
    """Return what is known of the upstreams in use, with a policy in force or without.

    Raises:
        ConfigError: With every mistake in the files that say it.
    """
    return _facts(config, *vouched(config))


def attestation_file(config: Config) -> Path | None:
    """Return the file of attestations; None where none is named and none is there."""
    stated = config.policy.attestations
    usual = config.path(ATTESTATIONS)
    if stated is not None:
        return Path(stated)
    return usual if is_there(usual) else None


def _fact_files(config: Config) -> list[Path]:
    attested, verified = attestation_file(config), config.path(config.policy.verified)
    found = [] if attested is None else [attested]
    return [*found, verified] if is_there(verified) else found


def in_force(config: Config, read: Texts) -> InForce | None:
    """Return what texts put in force; raises ConfigError with every mistake in them."""
    mistakes = list(read.mistakes)
    files = _policies(read, mistakes)
    attestations, verified = _vouched(config, read.attestations, mistakes)
    if mistakes:
        raise ConfigError(in_order(mistakes))
    if not files:
        return None
    facts = _facts(config, attestations, verified)
    compiled = compile_policies(files)
    missing = [each for file in files for each in unknown_upstreams(file, list(config.upstreams))]
    idle = [each for file in files for each in unreachable(file, files)]
    if missing or idle:
        raise ConfigError(in_order([*missing, *idle]))
    return InForce(config.environment or "", compiled, facts, tuple(files))


def _policies(read: Texts, mistakes: list[Mistake]) -> list[PolicyFile]:
    found: list[PolicyFile] = []
    for file, text in read.policies:
        try:
            found.append(read_policy(file, text))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    return found


def _vouched(
    config: Config, texts: Iterable[tuple[str, str]], mistakes: list[Mistake]
) -> tuple[Attestations, Verified]:
    attested, verified = Attestations(), NOTHING_VERIFIED
    for file, text in texts:
        try:
            if file == str(config.path(config.policy.verified)):
                verified = read_verified(file, text)
            else:
                attested = read_attestations(file, text)
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    return attested, verified


def _facts(config: Config, attestations: Attestations, verified: Verified) -> FactSheet:
    """Return what is known of the upstreams.

    A contradiction between what people wrote is theirs to put right. One with what a probe found
    is drift: it takes facts away, and nothing stops.
    """
    upstreams = [where(each) for each in config.used]
    _refuse(fact_sheet(upstreams, attestations)[1])
    return fact_sheet(upstreams, attestations, verified)[0]


def _refuse(contradictions: Sequence[Contradiction]) -> None:
    if contradictions:
        raise ConfigError(
            [
                Mistake(None, None, f"{each.upstream}.{each.fact}", each.message)
                for each in contradictions
            ]
        )


def _read(named: Sequence[Path], mistakes: list[Mistake]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for path in named:
        try:
            found.append((str(path), text_of(path)))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    return tuple(found)
