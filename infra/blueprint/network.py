"""Network policies as frozen data: who may connect to whom, on which port, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Protocol(StrEnum):
    """Transport protocols, as Kubernetes spells them."""

    TCP = "TCP"
    UDP = "UDP"


@dataclass(frozen=True)
class PortPart:
    """A port that a pod listens on; a Service's own port counts for nothing, since policies look behind it."""

    number: int
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True)
class PodsPeer:
    """Pods of one namespace that carry all of `labels`; without labels, all of its pods.

    Attributes:
        lacking: Pods that carry one of these labels are left out.
    """

    namespace: str
    labels: Mapping[str, str]
    lacking: Mapping[str, str] = field(default_factory=dict[str, str])

    def means(self, namespace: str | None, labels: Mapping[str, str]) -> bool:
        """Whether a pod of a namespace with these labels is one of them."""
        carries = self.labels.items() <= labels.items()
        return namespace == self.namespace and carries and not self.lacking.items() & labels.items()


@dataclass(frozen=True)
class EveryPodPeer:
    """Every pod of the cluster; dataplanes that know pods by their identity find them under no address."""


class ManagedService(StrEnum):
    """Services outside the cluster whose addresses are known once they have been made."""

    DATABASE = "database"
    CACHE = "cache"


@dataclass(frozen=True)
class AddressesPeer:
    """Addresses in `network` (a CIDR), without those in `excluded`.

    Attributes:
        without_api_server: Whether the API server's own addresses are left out as well.
        without_services: Managed services of this stack whose own addresses are left out as well.
    """

    network: str
    excluded: tuple[str, ...] = ()
    without_api_server: bool = False
    without_services: tuple[ManagedService, ...] = ()


@dataclass(frozen=True)
class ApiServerPeer:
    """The API server by its real addresses, which the cluster is asked for: policies look behind its Service."""


@dataclass(frozen=True)
class ManagedServicePeer:
    """A managed service that this stack makes, by its own address."""

    service: ManagedService


NetworkPeer = PodsPeer | EveryPodPeer | AddressesPeer | ApiServerPeer | ManagedServicePeer


@dataclass(frozen=True)
class NetworkRulePart:
    """Who may connect to whom, and why.

    Attributes:
        peers: The other side; None: anybody.
        ports: Of whoever is connected to; none: all of them.
        reason: Why this is open, for whoever reviews the policy.
    """

    peers: tuple[NetworkPeer, ...] | None
    ports: tuple[PortPart, ...]
    reason: str

    def __post_init__(self) -> None:
        """Refuse an empty list of peers, which Kubernetes reads as anybody.

        Raises:
            ValueError: there is no peer in the list.
        """
        if self.peers == ():
            raise ValueError(f"a network rule without peers would be open to anybody: {self.reason}")


@dataclass(frozen=True)
class NetworkPolicyPart:
    """A native NetworkPolicy: the pods that it selects accept and open these connections and no others.

    Attributes:
        control: The id of the control that it belongs to.
        pods: The labels that select pods; none: every pod of the namespace.
        ingress: What may come in; None: not limited by this policy.
        egress: What may go out; None: not limited by this policy.
    """

    name: str
    namespace: str
    control: str
    pods: Mapping[str, str]
    ingress: tuple[NetworkRulePart, ...] | None
    egress: tuple[NetworkRulePart, ...] | None
