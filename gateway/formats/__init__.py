"""The formats that callers speak beside the Messages API."""

from __future__ import annotations

from gateway.formats.contract import Asked, Events, Listing, Offer, Replies, Reply, Way

__all__ = ["Asked", "Events", "Listing", "Offer", "Replies", "Reply", "Way"]
