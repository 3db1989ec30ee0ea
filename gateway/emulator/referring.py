"""What a message may refer to, and what its answer leaves behind: threads, containers, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.emulator.kept import Shelf, moment
from gateway.emulator.problems import Problem

_CONTAINER_S: Final = 3600
_CODE: Final = "code_execution"


class Referring:
    """The threads and containers of one platform, and its files and skills as messages see them.

    Args:
        now_s: The clock.
        new_id: Makes ids.
        files: The files.
        skills: The skills.
    """

    def __init__(
        self, now_s: Callable[[], float], new_id: Callable[[str], str], files: Shelf, skills: Shelf
    ) -> None:
        self._now_s = now_s
        self._new_id = new_id
        self._files = files
        self._skills = skills
        self._threads = Shelf("thread.previous_message_id")
        self._containers = Shelf("container")

    def clear(self) -> None:
        """Forget threads and containers."""
        self._threads.clear()
        self._containers.clear()

    def check(self, body: Mapping[str, Any], account: str) -> None:
        """Refuse what refers to something that this account does not have; raises Problem."""
        before = _member(body.get("thread"), "previous_message_id")
        if before is not None and not self._threads.has(account, before):
            raise Problem(404, "The thread was not found", code="thread_not_found")
        name = _container(body)
        if name is not None and not self._containers.has(account, name):
            raise Problem(404, f"container: {name!r} was not found")
        for file in _file_ids(body["messages"]):
            self._files.get(account, file)
        for skill in _member(body.get("container"), "skills") or ():
            if skill.get("type") == "custom":
                self._skills.get(account, skill.get("skill_id"))

    def leave(self, message: dict[str, Any], body: Mapping[str, Any], account: str) -> None:
        """Keep what an answer can be referred to by, and say so in it."""
        if body.get("thread") is not None:
            self._threads.put(account, message["id"], True)
        tools = body.get("tools") or ()
        runs_code = any(str(tool.get("type", "")).startswith(_CODE) for tool in tools)
        if body.get("container") is None and not runs_code:
            return
        name = _container(body) or self._new_id("container_")
        self._containers.put(account, name, True)
        message["container"] = {"id": name, "expires_at": moment(self._now_s() + _CONTAINER_S)}


def _container(body: Mapping[str, Any]) -> str | None:
    given = body.get("container")
    found = given if isinstance(given, str) else _member(given, "id")
    return found if isinstance(found, str) else None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _file_ids(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _file_ids(each)
    elif isinstance(value, dict):
        if isinstance(value.get("file_id"), str):
            yield value["file_id"]
        for inner in ("content", "source"):
            yield from _file_ids(value.get(inner))
