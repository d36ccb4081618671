"""An audit of what would be deployed, without a cluster."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.audit.access import load_access_list
from infra.audit.corpus import load_corpus
from infra.audit.offline.access import access_offline
from infra.audit.offline.admission import admission_offline, namespace_labels
from infra.audit.offline.network import network_observations
from infra.audit.offline.policies import PolicyCommand
from infra.audit.packets.places import ground_of
from infra.audit.report import AuditReport, control_reports
from infra.audit.results import Observation, Probe
from infra.audit.scene import scenes_of
from infra.posture import Platform

_OUTSIDE = "outside-the-platform"
_NODE = "a-node"
WITHOUT_A_REPORT = "run the audit on a cluster, which needs no such program"


def audit_offline(
    platform: Platform,
    policies: Sequence[Mapping[str, Any]],
    kyverno: Path | None,
    tenants: frozenset[str] | None = None,
) -> AuditReport:
    """Judge `platform` by the corpus, the network's specification and the list of rights.

    Args:
        platform: What the stack file says.
        policies: The manifests of the admission policies that would be deployed.
        kyverno: Kyverno's command line; without one, admission is not looked at.
        tenants: Only these; None: all.

    Raises:
        CommandFailedError: Kyverno's command line did not run.
    """
    blueprint, claimed = platform.blueprint, platform.posture.in_force
    scenes = scenes_of(blueprint, _NODE, tenants)
    looks: dict[Probe, Callable[[], Sequence[Observation]]] = {
        Probe.PACKETS: lambda: network_observations(blueprint, ground_of(blueprint, _OUTSIDE, tenants), claimed),
        Probe.ACCESS: lambda: access_offline(blueprint, load_access_list(), scenes, claimed),
    }
    if kyverno is not None:
        command = PolicyCommand(kyverno, policies, namespace_labels(blueprint), WITHOUT_A_REPORT)
        looks[Probe.ADMISSION] = lambda: admission_offline(blueprint, load_corpus(), scenes, claimed, command)
    found: list[Observation] = []
    seconds: dict[Probe, float] = {}
    for probe, look in looks.items():
        start = time.monotonic()
        found += look()
        seconds[probe] = round(time.monotonic() - start, 2)
    return AuditReport(
        stack=platform.posture.stack,
        tier=str(platform.posture.tier),
        context="",
        probes=tuple(looks),
        controls=control_reports(platform.posture, found, tuple(looks)),
        windows=(),
        seconds=seconds,
    )
