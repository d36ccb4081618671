"""A small program that the engine's lab tests deploy; its stack's configuration says what to change."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

config = pulumi.Config()
namespace_name = config.require("namespace")
if refusal := config.get("refuse"):
    raise pulumi.RunError(refusal)

provider = kubernetes.Provider("cluster", context=config.require("context"), cluster_identifier="lab")
namespace = kubernetes.core.v1.Namespace(
    "namespace",
    metadata={"name": namespace_name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    opts=pulumi.ResourceOptions(provider=provider),
)
on_cluster = pulumi.ResourceOptions(provider=provider, depends_on=[namespace])
patience = pulumi.CustomTimeouts(create=config.get("patience"), update=config.get("patience"))
awaited = pulumi.ResourceOptions(provider=provider, depends_on=[namespace], custom_timeouts=patience)


def named(name: str) -> kubernetes.meta.v1.ObjectMetaArgs:
    """Return the metadata of an object in the program's namespace."""
    return kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=namespace_name)


password = random.RandomPassword("password", length=24)
settings = kubernetes.core.v1.ConfigMap(
    "settings",
    metadata={"namespace": namespace_name},
    data={"mode": config.get("mode") or "plain"},
    opts=on_cluster,
)
kubernetes.core.v1.ConfigMap(
    "fixed", metadata=named("fixed"), data={"mode": config.get("mode") or "plain"}, opts=on_cluster
)
kubernetes.core.v1.ResourceQuota(
    "quota", metadata=named("quota"), spec={"hard": {"pods": config.get("pods") or "20"}}, opts=on_cluster
)
kubernetes.core.v1.Secret(
    "secret", metadata=named("database"), string_data={"password": password.result}, opts=on_cluster
)
web_spec: Any = {
    "replicas": 1,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": config.get("image") or "registry.k8s.io/pause:3.10",
                    "imagePullPolicy": "IfNotPresent",
                    "env": [{"name": "PASSWORD", "value": password.result}],
                    "envFrom": [{"configMapRef": {"name": settings.metadata.name}}],
                    "securityContext": {
                        "allowPrivilegeEscalation": config.get_bool("privileged") or False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    },
}
web = kubernetes.apps.v1.Deployment(
    "web",
    metadata=named("web"),
    spec=web_spec,
    opts=awaited,
)
service = kubernetes.core.v1.Service(
    "service",
    metadata=named("web"),
    spec={"selector": {"app": "web"}, "ports": [{"port": 80}]},
    opts=awaited,
)
if config.get_bool("bare"):
    kubernetes.core.v1.Pod(
        "bare",
        metadata=named("bare"),
        spec={"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]},
        opts=on_cluster,
    )
pulumi.export("address", service.spec.cluster_ip)
pulumi.export("password", password.result)
