"""The durable, hash-chained record of decisions and attempts; it never holds what was asked.

The writer is here; `read`, `folder` and `proof` are for those who ask about it later.
"""

from __future__ import annotations

from gateway.journal.shared import shared
from gateway.journal.writer import Fsync, Journal, JournalBroken

__all__ = ["Fsync", "Journal", "JournalBroken", "shared"]
