"""The whole program offline: what it would register, without an engine, a cloud or a cluster."""

from infra.plan.model import Plan, PlannedResource
from infra.plan.planner import plan, record

__all__ = ["Plan", "PlannedResource", "plan", "record"]
