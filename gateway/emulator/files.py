"""Files and skills: uploaded as forms, listed, read back, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.http import Pairs, Request, Response, plain
from gateway.emulator.kept import Shelf, field_of, form, moment, page, texts
from gateway.emulator.problems import Problem

FILES: Final = "/v1/files"
SKILLS: Final = "/v1/skills"
MAX_FILE_BYTES: Final = 500 * 1024 * 1024
_FRAME_BYTES: Final = 64 * 1024
_JSON: Final[Pairs] = (("content-type", "application/json"),)


@dataclass(slots=True)
class _File:
    shown: dict[str, Any]
    data: bytes = field(repr=False)


class Files:
    """The files of one platform."""

    def __init__(self, now_s: Callable[[], float], new_id: Callable[[str], str]) -> None:
        self.downloadable = True
        """Whether what was uploaded can be read back; the API itself says no."""
        self.shelf = Shelf("file_id")
        self._now_s = now_s
        self._new_id = new_id

    def answer(self, request: Request, account: str, headers: Pairs) -> Response:
        """Answer a request under `/v1/files`; raises Problem."""
        name, _, action = request.path.removeprefix(FILES).strip("/").partition("/")
        match (request.method, bool(name), action):
            case ("POST", False, _):
                return _shown(self._take(request, account), headers)
            case ("GET", False, _):
                rows = [each.shown for _, each in self.shelf.newest_first(account)]
                return _shown(page(rows, request.query) | {"next_page": None}, headers)
            case ("GET", True, ""):
                return _shown(self.shelf.get(account, name).shown, headers)
            case ("DELETE", True, ""):
                self.shelf.drop(account, name)
                return _shown({"id": name, "type": "file_deleted"}, headers)
            case ("GET", True, "content"):
                return self._content(self.shelf.get(account, name), headers)
        raise Problem(405, "Method Not Allowed", kind="invalid_request_error")

    def _take(self, request: Request, account: str) -> dict[str, Any]:
        part = field_of(form(request), "file")
        if len(part.data) > MAX_FILE_BYTES:
            raise Problem(413, "Request exceeds the maximum size")
        shown = {
            "id": self._new_id("file_"),
            "type": "file",
            "filename": part.filename or "file",
            "mime_type": part.kind,
            "size_bytes": len(part.data),
            "created_at": moment(self._now_s()),
            "downloadable": self.downloadable,
        }
        self.shelf.put(account, str(shown["id"]), _File(shown, part.data))
        return shown

    def _content(self, file: _File, headers: Pairs) -> Response:
        if not self.downloadable:
            raise Problem(400, "File is not downloadable")
        data = file.data
        frames = tuple(data[at : at + _FRAME_BYTES] for at in range(0, len(data), _FRAME_BYTES))
        kind = (("content-type", file.shown["mime_type"]),)
        return Response(200, kind + headers, frames, length=len(data))


class Skills:
    """The skills of one platform, each with its versions."""

    def __init__(self, now_s: Callable[[], float], new_id: Callable[[str], str]) -> None:
        self.shelf = Shelf("skill_id")
        self._now_s = now_s
        self._new_id = new_id

    def answer(self, request: Request, account: str, headers: Pairs) -> Response:
        """Answer a request under `/v1/skills`; raises Problem."""
        name, _, rest = request.path.removeprefix(SKILLS).strip("/").partition("/")
        match (request.method, bool(name), rest):
            case ("POST", False, _):
                return _shown(self._take(request, account), headers)
            case ("GET", False, _):
                rows = [each for _, each in self.shelf.newest_first(account)]
                return _shown(page(rows, request.query) | {"next_page": None}, headers)
            case ("GET", True, ""):
                return _shown(self.shelf.get(account, name), headers)
            case ("DELETE", True, ""):
                self.shelf.drop(account, name)
                return _shown({"id": name, "type": "skill_deleted"}, headers)
            case ("POST", True, "versions"):
                return _shown(self._version(request, self.shelf.get(account, name)), headers)
        raise Problem(404, "Not found")

    def _take(self, request: Request, account: str) -> dict[str, Any]:
        parts = form(request)
        if not any(part.filename for part in parts):
            raise Problem(400, "files: Field required")
        now = moment(self._now_s())
        shown = {
            "id": self._new_id("skill_"),
            "type": "skill",
            "display_name": texts(parts).get("display_name"),
            "created_at": now,
            "updated_at": now,
            "latest_version_id": self._new_id("skillver_"),
            "source": {"type": "custom"},
        }
        self.shelf.put(account, str(shown["id"]), shown)
        return shown

    def _version(self, request: Request, skill: dict[str, Any]) -> dict[str, Any]:
        form(request)
        skill["latest_version_id"] = self._new_id("skillver_")
        now = moment(self._now_s())
        return {
            "id": skill["latest_version_id"],
            "type": "skill_version",
            "skill_id": skill["id"],
            "created_at": now,
        }


def _shown(value: dict[str, Any], headers: Pairs) -> Response:
    return plain(200, _JSON + headers, encode(value))
