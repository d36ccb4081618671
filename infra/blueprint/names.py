"""The names of what the platform makes; a name that two rooms must agree on stands here."""

from infra.config.tenants import TENANT_NAMESPACE_PREFIX

GATEWAY_NAMESPACE = "bulkhead-gateway"
ENGINES_NAMESPACE = "bulkhead-engines"
WORKLOADS_NAMESPACE = "bulkhead-workloads"
"""Where tenants that share a namespace run their jobs."""
KUEUE_NAMESPACE = "kueue-system"
OBSERVABILITY_NAMESPACE = "bulkhead-observability"
KYVERNO_NAMESPACE = "kyverno"

KYVERNO_CONTROLLER_LABELS = {"app.kubernetes.io/component": "admission-controller"}
"""The labels that its chart gives the one controller that runs: whom Prometheus asks, and the audit tries."""

KUEUE_ACCOUNT = f"system:serviceaccount:{KUEUE_NAMESPACE}:kueue-controller-manager"
"""Kueue's user name, after its chart's own name for the account."""

COHORT = "bulkhead"
TENANT_CLUSTER_QUEUE_PREFIX = "tenant-"
"""A tenant's ClusterQueue, less the tenant's name; its LocalQueue is called as the tenant is."""
SERVING_QUEUE = "bulkhead-serving"
SERVING_LOCAL_QUEUE = "serving"
SERVING_PRIORITY = "bulkhead-serving"
BATCH_PRIORITY = "bulkhead-batch"

MANAGED_NAMESPACE_LABELS = {"bulkhead.dev/kueue": "managed"}
"""On the namespaces that Kueue's webhooks see."""

TENANT_LABEL = "bulkhead.dev/tenant"
"""On a tenant's own namespace, and on what is made for one tenant."""

POLICY_PREFIX = "bulkhead-"
"""What the names of admission policies begin with: they have no namespace."""

GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
"""On the pods that a Gateway's controller makes for it (Gateway API's GEP-1762)."""

CONTROL_LABEL = "bulkhead.dev/control"
"""On what belongs to one control, as `SR1`."""

GATEWAY_SECRET = "gateway"  # noqa: S105 - the name of a Secret
"""What the gateway reads, beside it."""
DATABASE_URL_KEY = "database-url"
CACHE_URL_KEY = "cache-url"
"""Where its database and its cache are, with their passwords, in that Secret."""

TENANT_KEY_SECRET = "bulkhead-key"  # noqa: S105 - the name of a Secret
"""Where a tenant finds its virtual key, in its own namespace."""

ACCEPTED_KEYS_FILE = "/etc/bulkhead/engine/accepted-keys.yaml"
"""What an engine reads with the keys that it takes, while they are more than one; vLLM takes a configuration by no
other ending."""

MEDIA_KINDS = ("audio", "image", "video", "vision_chunk")
"""What vLLM calls the kinds of media. To some models images and videos are `vision_chunk`, and that limit alone holds
(its `chat_utils`); of a kind that is not named vLLM takes 999 in a request."""

ENGINE_PORT = 8000
PICKER_PORT = 9002
"""Where an endpoint picker is asked, in Envoy's protocol for external processing (llm-d's own number)."""
DATA_PLANE_PORT = 8080
"""Where the data plane before picked engines listens; above 1023, which its pods may open without a capability."""
ENGINE_TLS_PORT = 8443
"""Where an engine's pod takes the gateway's requests by mutual TLS."""
ENGINE_TRAFFIC_LABEL = "bulkhead.dev/engine-traffic"
"""On the gateway's pods that reach engines by mutual TLS alone."""
MUTUAL_TLS = "mutual-tls"
GATEWAY_COMMON_NAME = "gateway"
"""Whom the certificate names that opens an engine's door."""
GATEWAY_PORT = 4000
GATEWAY_ADMIN_PORT = 4001
METRICS_PORT = 4002
"""Where the gateway answers the scraper, and nobody else."""
TENANTS_STATUS_PORT = 8080
"""Where what looks after the tenants' accounts answers the kubelet and the scraper."""
DATABASE_PORT = 5432
CACHE_PORT = 6379
DATABASE_EXPORTER_PORT = 9187
CACHE_EXPORTER_PORT = 9121
PROMETHEUS_PORT = 9090
KUEUE_METRICS_PORT = 8443
KUEUE_WEBHOOK_PORT = 9443
KYVERNO_METRICS_PORT = 8000
"""Its chart's own number."""


def workload_labels(name: str, instance: str | None = None) -> dict[str, str]:
    """The labels by which a network policy finds the platform's pods of one kind: their workload's own selector."""
    return {"app.kubernetes.io/name": name} | ({"app.kubernetes.io/instance": instance} if instance else {})


def tenant_namespace(tenant: str) -> str:
    """The name of a tenant's own namespace; at most 56 characters, as names of tenants have at most 40."""
    return f"{TENANT_NAMESPACE_PREFIX}{tenant}"
