"""The whole program offline: what it would register, without an engine, a cloud or a cluster."""

from infra.plan.model import Plan, PlannedResource
from infra.plan.planner import plan, record
from infra.plan.recorder import Answer, Provider

__all__ = ["Answer", "Plan", "PlannedResource", "Provider", "plan", "record"]
