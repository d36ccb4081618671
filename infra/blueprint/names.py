"""The names of what the platform makes; a name that two rooms must agree on stands here."""

GATEWAY_NAMESPACE = "bulkhead-gateway"
ENGINES_NAMESPACE = "bulkhead-engines"
WORKLOADS_NAMESPACE = "bulkhead-workloads"
"""Where tenants that share a namespace run their jobs."""
KUEUE_NAMESPACE = "kueue-system"

COHORT = "bulkhead"
SERVING_QUEUE = "bulkhead-serving"
SERVING_PRIORITY = "bulkhead-serving"
BATCH_PRIORITY = "bulkhead-batch"

MANAGED_NAMESPACE_LABELS = {"bulkhead.dev/kueue": "managed"}
"""On the namespaces that Kueue's webhooks see."""

ENGINE_PORT = 8000
GATEWAY_PORT = 4000
