"""What a call's conversation is known by: tenant, model, and a hash of its cached prefix.

Pure, and without parsing: about 30 us for a body of 48 KB, 35 for 100 KB. Clients move their marks
to the newest message with every turn, so where a mark stands says nothing of which conversation it
is: tools, system and the first message do. Calls that are told apart by mistake, or are not told
apart, cost a cache miss and nothing else.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import NamedTuple

from gateway.affinity import marks
from gateway.call import Call
from providers.contract import Kind

ENDS_BYTES = 256
"""So much of a part's start and end is hashed, beside its length and samples of it."""
EVERY_BYTES = 31
"""One byte in so many; a prime, so that samples do not fall in step with a list of like things."""
OPENING_BYTES = 64 << 10
"""So much of the first message is looked at."""
BILLING_BYTES = 8192
"""A billing block is looked for in so much of the system."""
_SLACK_BYTES = 2048
"""Room for marks in that, so that it reaches equally far with and without them."""

_BILLING = re.compile(
    rb'\A\[\s*+\{\s*+(?:"type"\s*+:\s*+"text"\s*+,\s*+)?"text"\s*+:\s*+'
    rb'"x-anthropic-billing-header:(?:[^"\\]++|\\.)*+"\s*+'
    rb'(?:,\s*+"type"\s*+:\s*+"text"\s*+)?\}\s*+,?\s*+'
)
"""The first block of Claude Code's system: it counts requests, so no two turns have the same."""
_FORM = re.compile(rb'\A(?:[\s\[{:,]++|"(?:role|user|content|type|text)")*+')
"""How a first message begins; a text alone and a text in a block then look the same."""
_ROLE = b'"role"'
_OWN_ROLE = re.compile(rb'\s*+\[\s*+\{\s*+"role"')


class Keys(NamedTuple):
    """What pins of a call are kept under."""

    conversation: bytes
    prefix: bytes | None
    """The same for all conversations that share tools and system; None: no mark is in them."""
    ttl_s: float
    """How long what the call caches lives."""


def keys(call: Call, seal: bytes) -> Keys | None:
    """Return what a call is known by; None: it caches nothing.

    Args:
        call: The call.
        seal: A secret: without it, nobody can try out which prompt a key was made of.
    """
    if call.kind is not Kind.MESSAGES:
        return None
    body = call.fields.body
    tools, tools_s = marks.unmarked(bytes(body.get("tools", b"")))
    system, system_s = marks.unmarked(bytes(body.get("system", b"")))
    messages = bytes(body.get("messages", b""))
    shared_s = max(tools_s, system_s)
    own_s = max(marks.longest_s(messages), marks.lives_s(bytes(body.get("cache_control", b""))))
    if not (shared_s or own_s):
        return None
    digest = blake2b(_whose(call), key=seal, digest_size=16, person=b"prefix")
    digest.update(_gist(tools))
    digest.update(_gist(_unbilled(system)))
    prefix = digest.digest() if shared_s else None
    digest.update(_gist(_opening(messages[:OPENING_BYTES])))
    return Keys(digest.digest(), prefix, max(shared_s, own_s))


def _whose(call: Call) -> bytes:
    """Return tenant and model; for a caller's own credential stands what cannot be turned back."""
    whose = [each.encode() for each in (call.caller.key or "", call.account, call.asked)]
    return b"".join(b"%d %b" % (len(each), each) for each in whose)


def _unbilled(system: bytes) -> bytes:
    """Return a system without its billing block, where that is as short as it is meant to be."""
    billing = _BILLING.match(system, 0, BILLING_BYTES)
    return system if billing is None else b"[" + system[billing.end() :]


def _gist(part: bytes) -> bytes:
    """Return what tells a part from others; hashing all of it would cost as much as the rest."""
    samples = part[ENDS_BYTES:-ENDS_BYTES:EVERY_BYTES]
    return b"%d %b%b%b" % (len(part), part[:ENDS_BYTES], samples, part[-ENDS_BYTES:])


def _opening(messages: bytes) -> bytes:
    """Return what the first message says, as far as it is written alike in every turn.

    It ends where the next message names its role. A role that stands in a message's own data
    ends it sooner, and does so in every turn.
    """
    at = 0 if (own := _OWN_ROLE.match(messages)) is None else own.end()
    ends = messages.find(_ROLE, at)
    said, _ = marks.unmarked(messages[at:ends] if ends >= 0 else messages[at:])
    return _FORM.sub(b"", said[: OPENING_BYTES - _SLACK_BYTES], 1).rstrip(b" \t\n\r[]{},")
