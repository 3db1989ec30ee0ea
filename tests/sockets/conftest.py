from __future__ import annotations

from tests.fidelity.conftest import caller

__all__ = ["caller"]
