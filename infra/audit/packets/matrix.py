"""Who may reach whom: the specification against which packets are held.

Written apart from the network policies on purpose: it says what the controls promise, not how they do it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from infra.config.trust import ControlId


class Caller(StrEnum):
    """Who opens connections."""

    TENANT = "tenant"
    """A tenant's pod."""
    GATEWAY = "gateway"
    """A pod with the gateway's labels in the gateway's namespace."""
    ACCOUNTS = "accounts"
    """A pod with the labels of what writes tenants' accounts, in the gateway's namespace."""
    ENGINE = "engine"
    """A pod with an engine's labels in the engines' namespace."""
    DATA_PLANE = "data-plane"
    """A pod with the labels of the data plane before an engine, where a picker chooses among its pods."""
    PICKER = "picker"
    """A pod with the labels of such a picker."""
    MIGRATION = "migration"
    """A pod with the labels of what writes the database's schema, in the gateway's namespace."""
    EXPORTER = "exporter"
    """A pod with the labels of what reads the metrics of database and cache, where the platform has a Prometheus."""
    PROMETHEUS = "prometheus"
    """A pod with Prometheus' labels in its namespace, where the platform has one."""
    STRANGER = "stranger"
    """A pod in a namespace that the platform knows nothing of."""


class Target(StrEnum):
    """What is called."""

    GATEWAY = "gateway"
    """The gateway's port for tenants."""
    ADMIN = "admin"
    """The gateway's port for accounts."""
    GATEWAY_OTHER_PORT = "gateway_other_port"
    """Any other port of a pod with the gateway's labels."""
    ENGINE = "engine"
    """An engine's serving port."""
    ENGINE_OTHER_PORT = "engine_other_port"
    """Any other port of a pod with an engine's labels."""
    DATA_PLANE = "data_plane"
    """The port of the data plane before an engine, where a picker chooses among its pods."""
    PICKER = "picker"
    """The port at which such a picker is asked."""
    DATABASE = "database"
    CACHE = "cache"
    OUTSIDE_STORE = "outside_store"
    """A database or a cache of the gateway's that is no pod of the platform: managed, or run by somebody else."""
    METRICS = "metrics"
    """A port where something other than an engine answers Prometheus, where the platform has one."""
    OWN = "own"
    """A pod in the caller's own namespace, of the same tenant."""
    OTHER_TENANT = "other_tenant"
    """A pod of a tenant, called by somebody who is not that tenant."""
    STRANGER = "stranger"
    """A pod in a namespace that the platform knows nothing of."""
    DNS = "dns"
    API_SERVER = "api_server"
    METADATA = "metadata"
    """The cloud's metadata server, which hands out a node's credentials."""
    KUBELET = "kubelet"
    """The kubelet of a node."""
    WEBHOOK = "webhook"
    """Where the API server asks Kueue or Kyverno; open to anybody on its own side, since no policy names who asks."""


@dataclass(frozen=True)
class Promise:
    """What is promised of one connection.

    Attributes:
        allowed: Whether it has to succeed; else it has to fail where the control is in force.
        control: The control that answers for it.
    """

    allowed: bool
    control: ControlId


_SR1, _NS4 = ControlId.SR1, ControlId.NS4


def _open(control: ControlId) -> Promise:
    return Promise(allowed=True, control=control)


def _shut(control: ControlId) -> Promise:
    return Promise(allowed=False, control=control)


_DATA = (Target.DATABASE, Target.CACHE)
_ENGINES = (Target.ENGINE, Target.ENGINE_OTHER_PORT)
_BEFORE_ENGINES = (Target.DATA_PLANE, Target.PICKER)
_BEFORE_THEM = (Caller.DATA_PLANE, Caller.PICKER)
_BEHIND_THE_GATEWAY = (
    Target.ADMIN,
    Target.GATEWAY_OTHER_PORT,
    *_BEFORE_ENGINES,
    *_ENGINES,
    *_DATA,
    Target.METRICS,
)
_ELSEWHERE = (Target.OTHER_TENANT, Target.STRANGER)
_CLUSTER = (Target.API_SERVER, Target.METADATA, Target.KUBELET)

_COMMON: dict[tuple[Caller, Target], Promise] = {
    (Caller.TENANT, Target.GATEWAY): _open(_SR1),
    (Caller.TENANT, Target.OWN): _open(_NS4),
    (Caller.TENANT, Target.DNS): _open(_NS4),
    **{(Caller.TENANT, target): _shut(_SR1) for target in _BEHIND_THE_GATEWAY},
    **{(Caller.GATEWAY, target): _open(_SR1) for target in (Target.ENGINE, Target.DATA_PLANE, Target.DNS)},
    **{(Caller.GATEWAY, target): _open(_SR1) for target in (*_DATA, Target.OUTSIDE_STORE)},
    # Of nobody else's pods: on its side there is no policy of this cluster's, so that its own network has to keep off
    # whoever the platform knows nothing of. Of two such stores a migration may reach only one, and Prometheus may have
    # to send alerts to whatever port a managed one listens on.
    **{
        (caller, Target.OUTSIDE_STORE): _shut(_SR1)
        for caller in (Caller.TENANT, Caller.ACCOUNTS, Caller.ENGINE, *_BEFORE_THEM)
    },
    **{
        (Caller.GATEWAY, target): _shut(_SR1)
        for target in (Target.ENGINE_OTHER_PORT, Target.PICKER, Target.METRICS, Target.WEBHOOK, *_ELSEWHERE, *_CLUSTER)
    },
    (Caller.ACCOUNTS, Target.ADMIN): _open(_SR1),
    (Caller.ACCOUNTS, Target.DNS): _open(_SR1),
    **{
        (Caller.ACCOUNTS, target): _shut(_SR1)
        for target in (
            *_BEFORE_ENGINES,
            *_ENGINES,
            *_DATA,
            Target.METRICS,
            Target.WEBHOOK,
            *_ELSEWHERE,
            *_CLUSTER,
        )
    },
    **{
        (Caller.ENGINE, target): _shut(_SR1)
        for target in (Target.GATEWAY, *_BEHIND_THE_GATEWAY, Target.WEBHOOK, *_ELSEWHERE, *_CLUSTER)
    },
    # Of engines nothing is promised to these two: each knows its own alone.
    **{(Caller.DATA_PLANE, target): _open(_SR1) for target in (Target.PICKER, Target.DNS)},
    (Caller.PICKER, Target.API_SERVER): _open(_SR1),
    **{
        (caller, target): _shut(_SR1)
        for caller in _BEFORE_THEM
        for target in (
            Target.GATEWAY,
            Target.ADMIN,
            Target.GATEWAY_OTHER_PORT,
            Target.ENGINE_OTHER_PORT,
            *_DATA,
            Target.METRICS,
            Target.WEBHOOK,
            *_ELSEWHERE,
            Target.METADATA,
            Target.KUBELET,
        )
    },
    (Caller.DATA_PLANE, Target.API_SERVER): _shut(_SR1),
    (Caller.PICKER, Target.DATA_PLANE): _shut(_SR1),
    **{(Caller.MIGRATION, target): _open(_SR1) for target in (Target.DATABASE, Target.DNS)},
    (Caller.MIGRATION, Target.CACHE): _shut(_SR1),
    **{(Caller.EXPORTER, target): _open(_SR1) for target in (*_DATA, Target.OUTSIDE_STORE, Target.DNS)},
    **{
        (caller, target): _shut(_SR1)
        for caller in (Caller.MIGRATION, Caller.EXPORTER)
        for target in (
            Target.GATEWAY,
            Target.ADMIN,
            Target.GATEWAY_OTHER_PORT,
            *_BEFORE_ENGINES,
            *_ENGINES,
            Target.METRICS,
            Target.WEBHOOK,
            *_ELSEWHERE,
            *_CLUSTER,
        )
    },
    **{(Caller.PROMETHEUS, target): _open(_SR1) for target in (Target.METRICS, Target.ENGINE, Target.DNS)},
    # Of pods of others nothing is promised: alerts may have to be sent to one, on whatever port the stack file says.
    **{
        (Caller.PROMETHEUS, target): _shut(_SR1)
        for target in (
            Target.ADMIN,
            Target.GATEWAY_OTHER_PORT,
            *_BEFORE_ENGINES,
            Target.ENGINE_OTHER_PORT,
            *_DATA,
            Target.API_SERVER,
            Target.METADATA,
        )
    },
    (Caller.STRANGER, Target.GATEWAY): _open(_SR1),
    (Caller.STRANGER, Target.OWN): _open(_SR1),
    (Caller.STRANGER, Target.DNS): _open(_SR1),
    **{(Caller.STRANGER, target): _shut(_SR1) for target in _BEHIND_THE_GATEWAY},
    (Caller.STRANGER, Target.OTHER_TENANT): _shut(_NS4),
}

_OWN_NAMESPACES: dict[tuple[Caller, Target], Promise] = {
    (Caller.TENANT, target): _shut(_NS4) for target in (*_ELSEWHERE, *_CLUSTER, Target.WEBHOOK)
}
_SHARED_NAMESPACE: dict[tuple[Caller, Target], Promise] = {
    (Caller.TENANT, target): _shut(_SR1) for target in (Target.API_SERVER, Target.METADATA)
}


def promises(*, own_namespaces: bool) -> Mapping[tuple[Caller, Target], Promise]:
    """Every promise; of what is not in it nothing is promised.

    Args:
        own_namespaces: Whether tenants have namespaces of their own. In a shared one they reach each other.
    """
    return {**_COMMON, **(_OWN_NAMESPACES if own_namespaces else _SHARED_NAMESPACE)}
