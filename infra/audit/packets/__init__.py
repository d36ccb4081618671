"""The second probe: real packets between short-lived pods and what the platform runs."""

from infra.audit.packets.run import MADE, probe_packets

__all__ = ["MADE", "probe_packets"]
