"""The boundary: the only part that reads policy files, and takes changed ones."""

from __future__ import annotations

from gateway.boundary.boundary import Boundary, Reload
from gateway.boundary.leave import Leave
from gateway.boundary.load import BLOCKS, attestation_file, facts, load

__all__ = ["BLOCKS", "Boundary", "Leave", "Reload", "attestation_file", "facts", "load"]
