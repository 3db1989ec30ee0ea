"""The steps of the demo, in the order they are shown."""

from __future__ import annotations

from gateway.demo.scene import Step
from gateway.demo.steps.audit import AUDIT
from gateway.demo.steps.bill import BILL
from gateway.demo.steps.cut import CUT
from gateway.demo.steps.failover import FAILOVER
from gateway.demo.steps.platforms import PLATFORMS
from gateway.demo.steps.policy import POLICY
from gateway.demo.steps.residency import RESIDENCY
from gateway.demo.steps.streamed import STREAM

STEPS: tuple[Step, ...] = (
    PLATFORMS,
    STREAM,
    FAILOVER,
    CUT,
    RESIDENCY,
    POLICY,
    AUDIT,
    BILL,
)

__all__ = ["STEPS"]
