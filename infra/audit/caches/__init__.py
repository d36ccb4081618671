"""Whose prompts the engines find again for whom: asked through the gateway, read from the engines' own counters."""

from infra.audit.caches.door import CacheDoor
from infra.audit.caches.probe import probe_caches

__all__ = ["CacheDoor", "probe_caches"]
