"""Whether keys, budgets and limits bind and fail closed: asked of the gateway, and read from what replicas run with."""

from infra.audit.budgets.door import BudgetDoor
from infra.audit.budgets.probe import probe_budgets

__all__ = ["BudgetDoor", "probe_budgets"]
