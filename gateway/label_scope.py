"""What a caller says of its requests, for a stretch of code instead of for one request.

```python
with gateway.labels(data_class="phi", team="billing"):
    client.messages.create(...)
```

The labels hold for the current thread or asyncio task. Each is what the header of the same
meaning would say (`x-gateway-class`, `x-gateway-tag-team`), so the server takes the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

CLASS, REQUIRE, ONLY = "x-gateway-class", "x-gateway-require", "x-gateway-only"
TAG = "x-gateway-tag-"
NOTHING: Mapping[str, str] = {}

_current: ContextVar[Mapping[str, str]] = ContextVar("gateway_labels", default=NOTHING)


@contextmanager
def labels(
    *,
    data_class: str | None = None,
    require: Sequence[str] = (),
    only: Sequence[str] = (),
    **tags: str,
) -> Iterator[None]:
    """Label every call made inside the `with` block.

    Blocks nest: an inner class or tag replaces the outer one, requirements add up, and `only`
    never widens what an outer block narrowed.

    Args:
        data_class: The class of the data in the calls (`phi`).
        require: What an upstream must offer.
        only: The names of the upstreams that may be used, out of those that are allowed.
        **tags: Words for the bill (`team="billing"`); `_` in a name stands for `-`.

    Raises:
        TypeError: A label is no string, or a list of names is one.
        ValueError: A label is empty or cannot stand in a header, or `only` leaves no upstream.
    """
    said = {
        CLASS: data_class,
        REQUIRE: _listed("require", require),
        ONLY: _listed("only", only),
        **{TAG + name.replace("_", "-"): value for name, value in tags.items()},
    }
    given = {name: _checked(name, value) for name, value in said.items() if value is not None}
    token = _current.set(joined(_current.get(), given))
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Mapping[str, str]:
    """Return the labels that hold here, as headers."""
    return _current.get()


def joined(outer: Mapping[str, str], inner: Mapping[str, str]) -> Mapping[str, str]:
    """Return two sets of labels as one: `inner` is the nearer one, but frees nothing.

    Raises ValueError when their `only` have no upstream in common.
    """
    both = {**outer, **inner}
    for name, join in ((REQUIRE, _all_of), (ONLY, _common)):
        if name in outer and name in inner:
            both[name] = ",".join(join(_names(outer[name]), _names(inner[name])))
    return both


def _all_of(outer: list[str], inner: list[str]) -> list[str]:
    return list(dict.fromkeys([*outer, *inner]))


def _common(outer: list[str], inner: list[str]) -> list[str]:
    both = [name for name in inner if name in outer]
    if not both:
        raise ValueError(
            f"only: {', '.join(inner)} and the enclosing {', '.join(outer)} leave no upstream"
        )
    return both


def _names(value: str) -> list[str]:
    return [name for name in map(str.strip, value.split(",")) if name]


def _listed(what: str, names: Sequence[str]) -> str | None:
    if isinstance(names, str):
        raise TypeError(f"{what}: give a list of names, such as [{names!r}]")
    return ",".join(_checked(what, name) for name in names) if names else None


def _checked(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: a label is a string")
    if not value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name}: a label is printable ASCII text and not empty")
    return value
