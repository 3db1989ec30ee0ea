"""The client door: the SDK's classes over a transport that calls the engine."""

from __future__ import annotations

from gateway.client.asynchronous import AsyncAnthropic
from gateway.client.blocking import Anthropic
from gateway.client.opening import Gateway

__all__ = ["Anthropic", "AsyncAnthropic", "Gateway"]
