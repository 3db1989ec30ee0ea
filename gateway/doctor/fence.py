"""The AWS service control policy that fences the Regions which upstreams may use. Pure.

A request through an inference profile is evaluated in every destination Region, so those belong to
the fence too; one through a global profile is evaluated in the Region `unspecified`.
Sources: Amazon Bedrock user guide, cross-Region inference; AWS machine learning blog, "Securing
Amazon Bedrock cross-Region inference: Geographic and global".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.policy import places
from gateway.policy.places import Where

ACTIONS = ("bedrock:InvokeModel*", "bedrock:CountTokens", "bedrock:CreateModelInvocationJob")
"""What carries a prompt; Converse and its stream are allowed by InvokeModel's actions."""


def fence(upstreams: Sequence[Where]) -> dict[str, Any]:
    """Return the policy as JSON values; without a Bedrock upstream it denies every Region."""
    regions = frozenset().union(*(_reached(each) for each in _on_bedrock(upstreams)))
    condition = {"StringNotEquals": {"aws:RequestedRegion": sorted(regions)}}
    statement: dict[str, Any] = {
        "Sid": "DenyClaudeOutsideConfiguredRegions",
        "Effect": "Deny",
        "Action": list(ACTIONS),
        "Resource": "*",
    }
    return {
        "Version": "2012-10-17",
        "Statement": [statement | ({"Condition": condition} if regions else {})],
    }


def unfenced(upstreams: Sequence[Where]) -> tuple[str, ...]:
    """Return, for people, the upstreams that no list of Regions can fence, and why."""
    return tuple(
        f"{each.name}: a global profile or an ARN among its model ids says no Regions; those that "
        "are known are in the policy"
        + (", and `unspecified`, which lets every global profile pass" if _is_global(each) else "")
        for each in _on_bedrock(upstreams)
        if not places.aws_regions(each)[1]
    )


def _on_bedrock(upstreams: Sequence[Where]) -> list[Where]:
    return [each for each in upstreams if each.platform == "bedrock" and each.region]


def _reached(where: Where) -> frozenset[str]:
    return places.aws_regions(where)[0] | ({"unspecified"} if _is_global(where) else set())


def _is_global(where: Where) -> bool:
    return where.profile == "global" or any(
        wire_id.startswith("global.") for wire_id in where.models.values()
    )
