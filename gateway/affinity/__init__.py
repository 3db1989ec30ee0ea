"""Where a conversation's prompt cache is warm, so that its next turn goes there.

A preference and nothing more: it orders what policy allows, and the ill still go last. Of a
request nothing is kept but hashes under a secret of this process.
"""

from gateway.affinity.pins import MemoryPins, PinStore
from gateway.affinity.stay import NOWHERE, Affinity, Stay

__all__ = ["NOWHERE", "Affinity", "MemoryPins", "PinStore", "Stay"]
