"""The outcome rules N1 to N11: what a caller may see, and what may have happened for it.

They are written from the rules' own words. Nothing here asks the gateway how it decides; each
rule looks at what came out of a door, at what came in at the platforms, and at the journal's file.
A rule yields what breaks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import anthropic

from gateway.emulator import Record
from gateway.emulator.aws_signature import SignedRequest, check
from tests.faults.asking import Ask, Seen
from tests.faults.evidence import Evidence
from tests.faults.stage import GATEWAY_KEY, KEY, PROJECT
from tests.ledger.bills import differences

Rule = Callable[[Evidence], Iterator[str]]

ATTEMPTS = 3
PER_UPSTREAM = 2
IDS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex", "msg_": "anthropic"}
"""How a message's id begins, and which platform gives such ids."""
TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "conflict_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "overloaded_error",
        "api_error",
        "not_supported",
    }
)
LEAKS = {
    re.compile(r"\barn:"): "an ARN",
    re.compile(r"\b\d{12}\b"): "an account",
    re.compile(r"projects?/"): "a project",
    re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"): "an address",
    re.compile(r"\blocalhost\b"): "a host",
    re.compile(r"\.(amazonaws|googleapis)\.com"): "a host",
    re.compile(r"(?i)<\s*(!doctype|html|head|body|h1|p)\b"): "HTML",
    re.compile(r"Traceback|\[Errno|Exception"): "an exception's own words",
}
PATHS = {
    "anthropic": re.compile(r"/v1/messages"),
    "bedrock": re.compile(
        r"/model/eu\.anthropic\.claude-[a-z0-9.-]+/invoke(-with-response-stream)?"
    ),
    "vertex": re.compile(
        rf"/v1/projects/{PROJECT}/locations/europe-west1/publishers/anthropic/models/"
        r"claude-[a-z0-9.@-]+:(rawPredict|streamRawPredict)"
    ),
}


def n1_nothing_is_lost_in_silence(found: Evidence) -> Iterator[str]:
    """No success that is not a whole message; no end that is not told."""
    seen = found.seen
    yield from seen.odd
    if seen.whole:
        yield from _not_whole(seen, found.case.ask)
    elif seen.begun:
        if "message_stop" in seen.names:
            yield "an answer that failed has a message_stop"
        if "content_block_stop" in seen.names and seen.said != found.case.ask.said(seen.ident):
            yield "half a block was closed for the model"
    if seen.names.count("message_start") > 1:
        yield "there are two message_starts"


def n2_no_secret_goes_to_a_wrong_address(found: Evidence) -> Iterator[str]:
    """A platform's credential only there, the caller's key nowhere, nothing at a redirect's end."""
    if found.astray:
        yield "somebody followed a redirect"
    for record in found.records:
        said = "\n".join(f"{name.lower()}: {value}" for name, value in record.headers)
        foreign = _foreign(found, record.platform)
        yield from (
            f"{record.platform} got {what}" for word, what in foreign.items() if word in said
        )
        if GATEWAY_KEY.encode() in record.body:
            yield f"{record.platform} got the caller's key in the body"


def n3_no_request_where_none_may_go(found: Evidence) -> Iterator[str]:
    """Only what the call allows was asked."""
    allowed = set(found.case.only)
    for record in found.records:
        names = {name for name in allowed if name.removesuffix("-last") == record.platform}
        if not names:
            yield f"{record.platform} was asked, though the call does not allow it"
    for told in found.told:
        asked = {each["upstream"] for each in told.started}
        yield from (f"{name} was tried, though it is not allowed" for name in asked - allowed)


def n4_attempts_are_bounded(found: Evidence) -> Iterator[str]:
    """Three in all, two an upstream; who has retried tells the client not to."""
    came = Counter(record.platform for record in found.records)
    tried = Counter(each["upstream"] for told in found.told for each in told.started)
    for counted in (came, tried):
        if counted.total() > ATTEMPTS:
            yield f"there were {counted.total()} attempts: {dict(counted)}"
    for told in found.told:
        count = Counter(each["upstream"] for each in told.started)
        yield from (f"{n} attempts at {name}" for name, n in count.items() if n > PER_UPSTREAM)
    seen = found.seen
    retried = bool(found.told) and len(found.told[-1].started) > 1
    failed = seen.error is not None and not seen.begun
    if retried and failed and seen.headers.get("x-should-retry") != "false":
        yield "after its own retries the gateway does not say x-should-retry: false"


def n5_no_words_of_an_upstream(found: Evidence) -> Iterator[str]:
    """No ARN, account, project, host, port, HTML or key in what a caller gets."""
    for part, received in _received(found.seen):
        text = _without_ids(received, found.seen)
        yield from (f"{what} is in {part}" for word, what in found.secrets.items() if word in text)
        yield from (f"{what} is in {part}" for each, what in LEAKS.items() if each.search(text))


def n6_all_ends_in_time(found: Evidence) -> Iterator[str]:
    """The watchdog did not have to end it."""
    if any("still waiting" in each for each in (*found.seen.odd, *found.after.odd)):
        yield "it did not end"


def n7_requests_are_well_made(found: Evidence) -> Iterator[str]:
    """Every request went to a right path, and was well authenticated."""
    for record in found.records:
        path = PATHS.get(record.platform)
        if path is None or record.method != "POST" or not path.fullmatch(record.path):
            yield f"{record.method} {record.path} was asked of {record.platform}"
        wrong = _unauthenticated(found, record)
        if wrong:
            yield f"{record.platform} got a request that is not authenticated: {wrong}"


def n8_an_answer_is_of_one_piece(found: Evidence) -> Iterator[str]:
    """The text is the beginning of what one upstream said to this call, and no other text."""
    seen, case = found.seen, found.case
    if seen.ident is None:
        return
    if not case.ask.said(seen.ident).startswith(seen.said):
        yield f"the text is not what the upstream said: {seen.said[:80]!r}"
    platform = next(name for start, name in IDS.items() if seen.ident.startswith(start))
    named = seen.headers.get("x-gateway-upstream", "")
    if named.removesuffix("-last") != platform:
        yield f"the answer is {platform}'s, and is said to be {named}'s"
    if seen.message is not None and seen.message.get("id") != seen.ident:
        yield "the message has another id than its start"


def n9_nothing_is_left_running(found: Evidence) -> Iterator[str]:
    """No upstream goes on with an answer that nobody reads."""
    for record in found.records:
        if record.number in found.running:
            yield f"a request to {record.platform} is still running ({record.outcome})"
    if not found.stopped:
        yield "the gateway did not stop"
    if found.left_open:
        yield f"{found.left_open} connections to the platforms were left open"


def n10_errors_are_well_formed(found: Evidence) -> Iterator[str]:
    """An Anthropic envelope with a request-id; an APIError where the SDK raises."""
    seen = found.seen
    if seen.raised is not None and not isinstance(seen.raised, anthropic.APIError):
        yield f"the SDK raised {type(seen.raised).__name__}: {seen.raised}"
    if not seen.headers.get("request-id"):
        yield "the answer has no request-id"
    if seen.whole or seen.odd:
        return
    error = (seen.error or {}).get("error")
    if seen.error is None or seen.error.get("type") != "error" or not isinstance(error, dict):
        yield f"the error is no Anthropic envelope: {seen.error!r}"
        return
    if error.get("type") not in TYPES or not error.get("message"):
        yield f"the error says {error!r}"
    if seen.error.get("request_id") != seen.headers.get("request-id"):
        yield "the envelope's request_id is not the header's"
    if not seen.begun and seen.headers.get("content-type") != "application/json":
        yield f"the error's content type is {seen.headers.get('content-type')}"


def n11_every_attempt_is_on_record(found: Evidence) -> Iterator[str]:
    """One start and one end for each attempt, one end for each call, and what was used."""
    if not found.told:
        yield "the journal knows nothing of it"
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for told in found.told:
        numbers = [each["attempt"] for each in told.started]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"the attempts are numbered {numbers}"
        for each in told.started:
            ends = told.ends_of(each["attempt"])
            if len(ends) != 1:
                yield f"attempt {each['attempt']} has {len(ends)} ends on record"
            else:
                least[each["platform"]] += _arrived(*ends[0]) is True
                most[each["platform"]] += _arrived(*ends[0]) is not False
        if len(told.finished) != 1:
            yield f"the call has {len(told.finished)} ends on record"
    came = Counter(record.platform for record in found.records)
    if not least <= came <= most:
        yield f"from {dict(least)} to {dict(most)} are on record, and {dict(came)} came"
    yield from _miscounted(found)


def the_ledger_agrees_with_the_bill(found: Evidence) -> Iterator[str]:
    """Each request has one row, which costs what is billed, or lies around it."""
    yield from differences(found.rows, found.bills)
    yield from found.unclear


def the_fault_struck(found: Evidence) -> Iterator[str]:
    """A case in which nothing went wrong shows nothing."""
    case = found.case
    if case.marked:
        if not any(record.fault == case.fault for record in found.records):
            yield "no request met the fault"
    elif not found.told or not found.told[0].ends or found.told[0].ends[0][0] != "failed":
        yield "the first attempt did not fail"


def the_next_answer_is_its_own(found: Evidence) -> Iterator[str]:
    """Whoever asks next on a connection that was kept gets the answer to what it asked."""
    after = found.after
    yield from after.odd
    if not after.whole:
        yield f"the next call failed: {after.outcome} ({after.raised!r}, {after.error!r})"
        return
    yield from _not_whole(after, found.case.after)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "N1": n1_nothing_is_lost_in_silence,
        "N2": n2_no_secret_goes_to_a_wrong_address,
        "N3": n3_no_request_where_none_may_go,
        "N4": n4_attempts_are_bounded,
        "N5": n5_no_words_of_an_upstream,
        "N6": n6_all_ends_in_time,
        "N7": n7_requests_are_well_made,
        "N8": n8_an_answer_is_of_one_piece,
        "N9": n9_nothing_is_left_running,
        "N10": n10_errors_are_well_formed,
        "N11": n11_every_attempt_is_on_record,
        "bill": the_ledger_agrees_with_the_bill,
        "struck": the_fault_struck,
        "next": the_next_answer_is_its_own,
    }
)


def broken(found: Evidence) -> list[str]:
    """Return every rule that a case breaks, and how."""
    return [f"{name}: {what}" for name, rule in RULES.items() for what in rule(found)]


def _not_whole(seen: Seen, ask: Ask) -> Iterator[str]:
    """Yield why what looks like a success is none."""
    message = seen.message
    if ask.stream:
        if not seen.names or seen.names[0] != "message_start" or seen.names[-1] != "message_stop":
            yield f"the stream is {seen.names[:1]} to {seen.names[-1:]}"
        stops = [each["delta"] for each in seen.events if each["type"] == "message_delta"]
        if not any(each.get("stop_reason") for each in stops):
            yield "the stream has no stop_reason"
    if message is not None:
        if message.get("type") != "message" or not message.get("content"):
            yield "a success is not a message with content"
        if not message.get("stop_reason") or not message.get("usage"):
            yield "a success has no stop_reason or no usage"
    elif not ask.stream:
        yield "a success has no message"
    if seen.said != ask.said(seen.ident):
        yield f"the text is not all of its own: {seen.said[:80]!r}"


def _foreign(found: Evidence, platform: str) -> dict[str, str]:
    """Return what must not be in a request's headers at a platform, and what it is."""
    secret = found.emulator.bedrock.door.identity.secret_key
    foreign = {GATEWAY_KEY: "the caller's key", secret: "an AWS secret"}
    if platform == "anthropic":
        foreign["authorization: "] = "another credential"
    else:
        foreign |= {KEY: "the key of the Claude API", "x-api-key: ": "an x-api-key"}
    if platform != "bedrock":
        foreign |= {"AWS4-HMAC": "an AWS signature", "x-amz-": "an AWS header"}
    if platform != "vertex":
        foreign |= {"ya29.": "a Google token", "x-goog-": "a Google header"}
    return foreign


def _unauthenticated(found: Evidence, record: Record) -> str:
    """Return why a platform would turn a request away; empty when it would not."""
    if record.platform == "anthropic":
        return "" if record.header("x-api-key") == KEY else "another x-api-key"
    if record.platform == "bedrock":
        target = record.path + (f"?{record.query}" if record.query else "")
        signed = SignedRequest(record.method, target, list(record.headers), record.body)
        identities = found.emulator.bedrock.door.identities
        refusal = check(
            signed, identities, service="bedrock", region="eu-central-1", now_s=record.at_s
        )
        return "" if refusal is None else refusal.name
    scheme, _, token = (record.header("authorization") or "").partition(" ")
    good = found.emulator.vertex.account.accepts(token, record.at_s)
    return "" if scheme == "Bearer" and good else "no good token"


def _received(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield every text that a caller gets of a call, and what it is."""
    yield "the headers", "\n".join(f"{k}: {v}" for k, v in seen.headers.items())
    yield "the bytes", seen.raw.decode(errors="replace")
    yield "the error", repr(seen.error or "")
    if seen.raised is not None:
        yield "the exception", str(seen.raised)
    if isinstance(seen.raised, anthropic.APIStatusError):
        yield "the response", seen.raised.response.text if not seen.begun else ""


def _without_ids(text: str, seen: Seen) -> str:
    """Return a text without the ids that are the caller's to have, and look like anything."""
    for name in ("request-id", "x-gateway-decision"):
        if seen.headers.get(name):
            text = text.replace(seen.headers[name], "(an id)")
    return text


def _arrived(kind: str, data: Mapping[str, object]) -> bool | None:
    """Say whether an attempt that ended so reached its platform; None: nobody can know."""
    if kind == "withdrawn" or data.get("kind") == "not_sent":
        return False
    if data.get("kind") == "credential":
        return data.get("status") is not None
    return None if data.get("kind") == "ambiguous" else True


def _miscounted(found: Evidence) -> Iterator[str]:
    """Yield where the usage on record is not that of the answer."""
    if not found.told or not found.told[-1].finished:
        return
    seen, end = found.seen, found.told[-1].finished[-1]
    state = "complete" if seen.whole else "failed"
    if end["state"] != state:
        yield f"on record the call is {end['state']}, and it was {state}"
    elif seen.whole:
        for name in ("input_tokens", "output_tokens"):
            told = seen.usage.get(name)
            if end["usage"].get(name) != told:
                yield f"{name} is {end['usage'].get(name)} on record, and {told} was told"
    elif seen.begun and not end["usage"].get("input_tokens"):
        yield "the answer began, and its input tokens are not on record"
