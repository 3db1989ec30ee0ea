"""What a caller requires of upstreams beside the policies: the words of `x-gateway-require`.

They are those of a rule's `require.*`: `processing_in=eu`, `processor=aws|google`, `baa`. Each
must hold, so they only take away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from gateway.config.mistakes import nearest
from gateway.errors import Malformed, quoted
from gateway.policy import places
from gateway.policy.compiling import CompiledRule, compiled_rule
from gateway.policy.model import Require, Rule

LABEL = "x-gateway-require"
"""The label, and the rule's id in reasons."""
MAX_WORDS = 32
MAX_DAYS = 36_500
"""The most days that a rule may say."""

Zones = Mapping[str, frozenset[str]]
Reader = Callable[[str, str, Zones], Any]


def checked(required: Iterable[str], zones: Zones) -> frozenset[str]:
    """Return the requirements of a label, as a decision has them.

    Args:
        required: The words, as the label lists them.
        zones: The zones that they may name.

    Raises:
        Malformed: A word is unknown, or its value; the message has the nearest right one.
    """
    words = frozenset("".join(word.split()) for word in required)
    if len(words) > MAX_WORDS:
        raise Malformed(f"{LABEL}: it has more than {MAX_WORDS} requirements.")
    for word in sorted(words):
        _value(word, zones)
    if words and all(_name(word) == "assurance" for word in words):
        raise _malformed("assurance", "says how surely the other requirements must hold", "baa")
    return words


def rules(required: frozenset[str], zones: Zones) -> tuple[CompiledRule, ...]:
    """Return a rule for each requirement. In a zone that is not known nothing lies.

    Raises Malformed where one is none of the label's words.
    """
    named = {_text(word) for word in required if _name(word) in {"processing_in", "storage_in"}}
    known = dict.fromkeys(named, frozenset[str]()) | dict(zones)
    read = [(_name(word), _value(word, known)) for word in sorted(required)]
    surely = {"assurance": "verified"} if ("assurance", "verified") in read else {}
    return tuple(
        compiled_rule(Rule(id=LABEL, require=Require.model_validate({name: value} | surely)), known)
        for name, value in read
        if name != "assurance"
    )


def _name(word: str) -> str:
    return word.partition("=")[0]


def _text(word: str) -> str:
    return word.partition("=")[2]


def _value(word: str, zones: Zones) -> Any:
    name = _name(word)
    read = _readers().get(name)
    if read is None:
        raise _malformed(name, "there is no such requirement", nearest(name, _readers()))
    return read(name, word[len(name) :], zones)


@cache
def _readers() -> Mapping[str, Reader]:
    return {
        "processing_in": _zone,
        "storage_in": _zone,
        "processor": _names(places.processors()),
        "platforms": _names(places.platforms()),
        "partition": _names(places.partitions()),
        "certifications": _certification,
        "retention_days": _days,
        "flagged_retention_days": _days,
        "baa": _flag,
        "private_network": _flag,
        "cmek": _flag,
        "assurance": _assurance,
    }


def _zone(name: str, written: str, zones: Zones) -> str:
    zone = written.removeprefix("=")
    if zone not in zones:
        raise _malformed(name, f"{zone or 'nothing'} is no zone", nearest(zone, zones))
    return zone


def _names(known: frozenset[str]) -> Reader:
    def read(name: str, written: str, _zones: Zones) -> tuple[str, ...]:
        words = written.removeprefix("=").split("|")
        for word in words:
            if word not in known:
                raise _malformed(name, f"{word or 'nothing'} is not known", nearest(word, known))
        return tuple(words)

    return read


def _certification(name: str, written: str, _zones: Zones) -> tuple[str, ...]:
    held = written.removeprefix("=")
    if not held or "|" in held:
        raise _malformed(name, "it is one name", "to ask for two write the requirement twice")
    return (held,)


def _days(name: str, written: str, _zones: Zones) -> int:
    digits = written.removeprefix("=")
    number = digits.lstrip("0")[:9] or "0"
    if not (digits.isascii() and digits.isdigit()) or int(number) > MAX_DAYS:
        raise _malformed(name, "it is a whole number of days", f"{name}=0")
    return int(number)


def _flag(name: str, written: str, _zones: Zones) -> bool:
    if written not in {"", "=true"}:
        raise _malformed(name, "it has no value", name)
    return True


def _assurance(name: str, written: str, _zones: Zones) -> str:
    level = written.removeprefix("=")
    if level not in {"org", "verified"}:
        raise _malformed(name, f"{level or 'nothing'} is no level", "org or verified")
    return level


def _malformed(name: str, what: str, right: str) -> Malformed:
    return Malformed(f"{LABEL}: {quoted(name)}: {quoted(what)} ({right}).")
