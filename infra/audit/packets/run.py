"""One run of the packet probe."""

from infra.audit.cluster import Cluster
from infra.audit.errors import impossible
from infra.audit.leftovers import Leftovers
from infra.audit.packets.addresses import hosts_of
from infra.audit.packets.callers import ProbePods
from infra.audit.packets.judgement import Found, observations, windows
from infra.audit.packets.places import ground_of
from infra.audit.report import Window
from infra.audit.results import Observation
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId

MADE = (("v1", "Namespace"), ("v1", "Pod"))
"""(API version, kind) of what the probe makes."""


def probe_packets(
    cluster: Cluster,
    blueprint: Blueprint,
    claimed: frozenset[ControlId],
    leftovers: Leftovers,
    tenants: frozenset[str] | None = None,
) -> tuple[tuple[Observation, ...], tuple[Window, ...]]:
    """Try every connection that something is promised of.

    Raises:
        CommandFailedError: No namespace for the probes can be made, or the API server cannot be reached.
    """
    outside = f"bulkhead-audit-{leftovers.run}"
    _make_outside(leftovers, outside)
    ground = ground_of(blueprint, outside, tenants)
    pods = ProbePods(cluster, leftovers, ground, blueprint.gateway.image)
    servers = pods.stand_servers()
    hosts = hosts_of(cluster, blueprint, ground, servers)
    results = pods.call(hosts, claimed)
    listening = [name for name, (_, answers) in servers.items() if answers]
    found = Found(results, hosts, listening, ended=pods.ended())
    return tuple(observations(ground, found, claimed)), tuple(windows(found))


def _make_outside(leftovers: Leftovers, name: str) -> None:
    """A namespace that the platform knows nothing of."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = leftovers.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    if not made.accepted:
        raise impossible(
            f"a namespace for the probes cannot be made ({made.document.get('message', made.status)})",
            "run the audit as an administrator of the cluster, or leave packets out with --only",
        )
