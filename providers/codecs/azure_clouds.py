"""Azure's clouds: where each lets one in, and which of them have Claude."""

from __future__ import annotations

from functools import cache

from providers import data_files
from providers.contract import PlaceError
from providers.data_files import CloudRow

_PUBLIC = "public"


@cache
def _rows() -> dict[str, CloudRow]:
    return data_files.read("azure_clouds", data_files.CloudFile).clouds.rows


def public() -> CloudRow:
    """Return the cloud that has Claude."""
    return _rows()[_PUBLIC]


def authority() -> str:
    """Return who gives tokens there."""
    return f"https://{public().authority}"


def check_host(key: str, host: str) -> None:
    """Raise PlaceError for a host of a cloud in which Claude is not offered."""
    host = host.lower().rstrip(".")
    for name, row in _rows().items():
        if row.lacks and any(host == own or host.endswith(f".{own}") for own in row.hosts):
            reason = f"{host} is in the cloud {name!r} of Azure: {row.lacks}"
            raise PlaceError(key, reason)
