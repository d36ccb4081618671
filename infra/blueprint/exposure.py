"""How the gateway is reached from outside the cluster."""

from infra.blueprint.model import (
    CertificatePart,
    ListenerPart,
    ManagedCertificatePart,
    NewListenerPart,
    RoutePart,
    SecretCertificatePart,
)
from infra.config.cluster import Cluster, GkeCluster
from infra.config.gateway import (
    GKE_CLASSES,
    CreatedGateway,
    ExistingGateway,
    InternalExposure,
    ManagedCertificate,
    SecretCertificate,
)
from infra.config.stack import StackConfig

GKE_GLOBAL_CLASSES = ("gke-l7-global-external-managed", "gke-l7-gxlb")
"""Those with a load balancer outside any region, whose certificates are global."""
DEFAULT_GKE_CLASS = "gke-l7-rilb"


def route_part(config: StackConfig) -> RoutePart | None:
    """The route that the configuration asks for, or None."""
    exposure = config.gateway.exposure
    if isinstance(exposure, InternalExposure):
        return None
    match exposure.gateway:
        case ExistingGateway(namespace=namespace, name=name, section=section):
            listener = ListenerPart(namespace, name, section)
            return RoutePart(exposure.host, listener, isinstance(config.cluster, GkeCluster))
        case CreatedGateway(class_name=stated) as created:
            class_name = stated or DEFAULT_GKE_CLASS
            listener = NewListenerPart(class_name, _certificate(created, class_name, config.cluster))
            return RoutePart(exposure.host, listener, class_name.startswith(GKE_CLASSES))


def _certificate(created: CreatedGateway, class_name: str, cluster: Cluster) -> CertificatePart:
    match created.tls:
        case SecretCertificate(name=name):
            return SecretCertificatePart(name)
        case ManagedCertificate():
            if not isinstance(cluster, GkeCluster):
                raise ValueError("a managed certificate needs a GKE cluster; the loader refuses such a stack file")
            region = "-".join(cluster.location.split("-")[:2])
            return ManagedCertificatePart(cluster.project, None if class_name in GKE_GLOBAL_CLASSES else region)
