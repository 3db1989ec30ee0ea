"""A change between policies in words, and as plain data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from gateway.policy.diff import DIMENSIONS, PLAIN, Axes, Change


def line(change: Change, tried: Axes) -> str:
    """Return a change in words, without what is so for everything that was tried."""
    some = [f"{_counted('class', 'classes', change.classes)}, {_listed(change.environments)}"]
    if len(tried.layers) > 1:
        some.append(_layers(change.layers))
    if len(change.models) < len(tried.models):
        some.append(_models(change.models, tried.models))
    if PLAIN not in change.asks:
        some.append(_asked(change.asks))
    where, rules = _listed(change.upstreams), ", ".join(change.rules)
    if not change.allowed:
        return f"{'; '.join(some)}: {where} refused (was allowed): {rules}"
    unlike = {ask.name for ask in tried.asks} - change.asks if PLAIN in change.asks else set()
    but = f", but not with {_asked(unlike)}" if unlike else ""
    return f"{'; '.join(some)}: {where} allowed{but} (was refused by {rules})"


def as_json(change: Change) -> dict[str, object]:
    """Return a change as plain data; the ask `plain` is a request that asks for nothing."""
    sets = {name: sorted(getattr(change, name)) for name in reversed(DIMENSIONS)}
    return {"allowed": change.allowed, "rules": list(change.rules), **sets}


def _models(names: frozenset[str], tried: Sequence[str]) -> str:
    """Return models by family where all of one are meant, or those that are not meant."""
    others = frozenset(tried) - names
    if len(others) < len(names):
        return f"every model but {_listed(_families(others, tried))}"
    return _counted("model", "models", _families(names, tried))


def _families(names: frozenset[str], tried: Sequence[str]) -> set[str]:
    members: dict[str, set[str]] = defaultdict(set)
    for model in tried:
        members["-".join(model.split("-")[:2])].add(model)
    found: set[str] = set()
    for family, models in members.items():
        whole = len(models) > 1 and models <= names
        found |= {f"{family}-*"} if whole else models & names
    return found


def _asked(names: Collection[str]) -> str:
    """Return `feature batch, files; beta x`: the word for each kind stands once."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        kind, _, what = name.rpartition(" ")
        kinds[kind].append(what)
    return "; ".join(f"{kind} {', '.join(what)}" for kind, what in kinds.items())


def _layers(names: frozenset[str]) -> str:
    return _listed({f"key layer {name}" if name else "no key layer" for name in names})


def _counted(one: str, many: str, names: Collection[str]) -> str:
    return f"{one if len(names) == 1 else many} {_listed(names)}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
