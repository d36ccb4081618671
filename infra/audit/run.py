"""One audit from its first request to the removal of everything that it made."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from infra.audit.access import load_access_list, probe_access
from infra.audit.admission import probe_admission
from infra.audit.budgets import BudgetDoor, probe_budgets
from infra.audit.caches import CacheDoor, probe_caches
from infra.audit.cluster import Cluster
from infra.audit.corpus import load_corpus
from infra.audit.door import MADE as OF_THE_DOOR
from infra.audit.errors import impossible
from infra.audit.leftovers import Leftovers, Right, rights_to_make
from infra.audit.nodes import Node, nodes_judged, nodes_of
from infra.audit.packets import MADE as OF_PACKETS
from infra.audit.packets import probe_packets
from infra.audit.parallel import at_once
from infra.audit.report import PROBED_BY, AuditReport, Window, control_reports
from infra.audit.results import Observation, Probe
from infra.audit.scene import Scene, scenes_of
from infra.audit.signals import uninterrupted
from infra.config.trust import ControlId
from infra.posture import Platform

Result = TypeVar("Result")

_ASKED: tuple[Right, ...] = (
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("impersonate", "", "serviceaccounts"),
    ("create", "authorization.k8s.io", "subjectaccessreviews"),
    ("get", "", "pods"),
    ("get", "", "pods/log"),
    ("get", "", "secrets"),
)
"""What whoever audits needs in every namespace, beside what making objects and removing them takes."""


@dataclass(frozen=True)
class Wanted:
    """What to look at.

    Attributes:
        context: The kubeconfig context, for the report.
        probes: In this order.
        tenants: Only these; None: all.
    """

    context: str
    probes: tuple[Probe, ...] = tuple(Probe)
    tenants: frozenset[str] | None = None


@dataclass(frozen=True)
class Doors:
    """Ways to the platform beside the API server's own, each opened where a probe goes by it.

    Attributes:
        caches: Opens the way to the gateway and the engines' counters.
        budgets: Opens the way to the gateway, its administration and its replicas' settings.
    """

    caches: Callable[[], CacheDoor]
    budgets: Callable[[], BudgetDoor]


def audit(
    cluster: Cluster,
    platform: Platform,
    wanted: Wanted,
    progress: Callable[[str], None] = lambda _: None,
    *,
    doors: Doors,
) -> AuditReport:
    """Probe the cluster for what the platform's posture claims.

    Everything that the audit makes is gone when this returns or raises, also by an interruption.

    Args:
        cluster: The cluster.
        platform: What the stack file says.
        wanted: What to look at.
        progress: Told what is being done.
        doors: Other ways to the platform.

    Raises:
        CommandFailedError: The audit could not be done.
    """
    nodes = _nodes(cluster)
    _check_rights(cluster)
    leftovers = Leftovers(cluster, uuid.uuid4().hex[:8])
    scenes = scenes_of(platform.blueprint, nodes[0].name, wanted.tenants)
    run = _Audit(cluster, nodes, platform, wanted, leftovers, scenes, progress, doors)
    try:
        return run.report()
    finally:
        with uninterrupted(progress):
            progress("removing what the audit made")
            leftovers.remove()


@dataclass(frozen=True)
class _Audit:
    cluster: Cluster
    nodes: Sequence[Node]
    platform: Platform
    wanted: Wanted
    leftovers: Leftovers
    scenes: Sequence[Scene]
    progress: Callable[[str], None]
    doors: Doors

    @property
    def _claimed(self) -> frozenset[ControlId]:
        return self.platform.posture.in_force

    def _claims_something_of(self, probe: Probe) -> bool:
        return any(probe in PROBED_BY.get(control, frozenset()) for control in self._claimed)

    def report(self) -> AuditReport:
        found: list[Observation] = []
        windows: list[Window] = []
        seconds: dict[Probe, float] = {}
        for probe in self.wanted.probes:
            self.progress(f"{probe}: {_DOING[probe]}")
            start = time.monotonic()
            observations, opened = self._look(probe)
            found += observations
            windows += opened
            seconds[probe] = round(time.monotonic() - start, 2)
        return AuditReport(
            stack=self.platform.posture.stack,
            tier=str(self.platform.posture.tier),
            context=self.wanted.context,
            probes=self.wanted.probes,
            controls=control_reports(self.platform.posture, found, self.wanted.probes),
            windows=tuple(windows),
            seconds=seconds,
        )

    def _look(self, probe: Probe) -> tuple[Sequence[Observation], Sequence[Window]]:
        match probe:
            case Probe.ADMISSION:
                scenes, corpus = self.scenes, load_corpus()
                return probe_admission(self.cluster, corpus, scenes, self._claimed, self.leftovers), ()
            case Probe.PACKETS:
                tenants = self.wanted.tenants
                return probe_packets(self.cluster, self.platform.blueprint, self._claimed, self.leftovers, tenants)
            case Probe.ACCESS:
                return probe_access(self.cluster, load_access_list(), self.scenes, self._claimed), ()
            case Probe.CACHES:
                return self._caches(), ()
            case Probe.BUDGETS:
                return self._budgets(), ()
            case Probe.NODES:
                return nodes_judged(self.nodes, self.platform.blueprint, self._claimed), ()

    def _caches(self) -> Sequence[Observation]:
        if not self._claims_something_of(Probe.CACHES):
            return ()
        return probe_caches(self.doors.caches(), self.platform.blueprint, self.wanted.tenants, self.progress)

    def _budgets(self) -> Sequence[Observation]:
        if not self._claims_something_of(Probe.BUDGETS):
            return ()
        door, run = self.doors.budgets(), self.leftovers.run
        return probe_budgets(door, self.platform.blueprint, self._claimed, run, self.wanted.tenants)


_DOING = {
    Probe.ADMISSION: "sending attacks and legitimate work as dry runs",
    Probe.PACKETS: "letting short-lived pods try whom they reach",
    Probe.ACCESS: "reviewing what each tenant may do",
    Probe.CACHES: "letting tenants look for what others have asked, with their own keys",
    Probe.BUDGETS: "trying keys, budgets, limits and administration at the gateway, and reading its settings",
    Probe.NODES: "reading how nodes divide their GPUs, and whom they keep off",
}


def _nodes(cluster: Cluster) -> tuple[Node, ...]:
    """Every node, asked for once: cases name the first, and the probe of nodes judges all."""
    nodes = nodes_of(cluster)
    if not nodes:
        raise impossible("the cluster has no node", "wait until it has one")
    return nodes


def _check_rights(cluster: Cluster) -> None:
    """Refuse to begin what could not be finished, nor its traces be removed.

    Raises:
        CommandFailedError: A right is missing; names all that are.
    """
    needed = [*_ASKED, *rights_to_make(cluster, _made())]
    allowed = at_once(lambda right: _may(cluster, right), needed)
    missing = [f"{verb} {resource}" for (verb, _, resource), may in zip(needed, allowed, strict=True) if not may]
    if missing:
        raise impossible(f"you may not {', '.join(missing)}", "run the audit as an administrator of the cluster")


def _made() -> frozenset[tuple[str, str]]:
    """(API version, kind) of everything that an audit makes."""
    props = (prop.manifest for prop in load_corpus().props if not prop.exists)
    return frozenset({*OF_THE_DOOR, *OF_PACKETS, *((prop["apiVersion"], prop["kind"]) for prop in props)})


def _may(cluster: Cluster, right: Right) -> bool:
    verb, group, named = right
    resource, _, subresource = named.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = cluster.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer.document.get("status", {}).get("allowed"))
