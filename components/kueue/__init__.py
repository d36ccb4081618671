"""Kueue: the chart that runs it, and the queues through which GPUs are rationed."""

from components.kueue.chart import Kueue, KueueArgs
from components.kueue.queues import Queues, QueuesArgs

__all__ = ["Kueue", "KueueArgs", "Queues", "QueuesArgs"]
