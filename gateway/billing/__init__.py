"""Usage and cost of an application: of its users, sessions and agents."""

from gateway.billing.agents import AgentCost
from gateway.billing.bill import Dimension
from gateway.billing.charge import Charge
from gateway.billing.labels import Labels, Place
from gateway.billing.reported import Reported
from gateway.billing.total import Total
from gateway.billing.tracker import BillingAggregator, CostTracker

__all__ = [
    "AgentCost",
    "BillingAggregator",
    "Charge",
    "CostTracker",
    "Dimension",
    "Labels",
    "Place",
    "Reported",
    "Total",
]
