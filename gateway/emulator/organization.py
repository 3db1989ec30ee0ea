"""Emulates the part of Anthropic's Admin API that says where a workspace's data is.

Members follow anthropic 2.12.0, types/organization/workspace.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from gateway.emulator.http import Request
from gateway.emulator.problems import Problem

WORKSPACES: Final = "/v1/organizations/workspaces/"
WORKSPACE: Final = "wrkspc_01tidegateemulator"
"""The workspace that there is at first."""


def _residency() -> dict[str, Any]:
    return {
        "workspace_geo": "us",
        "default_inference_geo": "us",
        "allowed_inference_geos": ["us"],
    }


@dataclass(slots=True)
class Organization:
    """An organization's workspaces, to be changed before or between requests."""

    admin_key: str = field(default="sk-ant-admin-emulator", repr=False)
    """The one key that may read; API keys may not."""
    residency: dict[str, dict[str, Any]] = field(default_factory=lambda: {WORKSPACE: _residency()})
    """Workspace id -> its `data_residency`."""
    external_keys: dict[str, str] = field(default_factory=dict)
    """Workspace id -> the customer-managed key that it encrypts with."""

    def reset(self) -> None:
        """Return to what an organization is at first."""
        self.residency.clear()
        self.residency[WORKSPACE] = _residency()
        self.external_keys.clear()

    def answer(self, request: Request) -> dict[str, Any]:
        """Return one workspace; raises Problem."""
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if (request.header("x-api-key") or bearer) != self.admin_key:
            raise Problem(401, "invalid x-api-key")
        if request.method != "GET":
            raise Problem(405, "Method Not Allowed", kind="invalid_request_error")
        ident = unquote(request.path.removeprefix(WORKSPACES))
        if ident not in self.residency:
            raise Problem(404, "Workspace not found")
        return {
            "id": ident,
            "type": "workspace",
            "name": "Emulated",
            "display_color": "#6C5BB9",
            "compartment_id": "cmprt_01tidegateemulator",
            "created_at": "2026-01-01T00:00:00Z",
            "archived_at": None,
            "tags": {},
            "external_key_id": self.external_keys.get(ident),
            "data_residency": self.residency[ident],
        }
