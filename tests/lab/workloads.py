"""Workloads for the lab: restricted pods, with and without GPUs, and what makes them."""

from typing import Any

from lab.cluster.addresses import PROBE_IMAGE

Manifest = dict[str, Any]

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
GPU = {"nvidia.com/gpu": "1"}
STAYS = {"annotations": {"pod-complete.stage.kwok.x-k8s.io/delay": "1h"}}
"""On a pod that a simulated node would otherwise end at once."""


def pod_spec(limits: dict[str, str] | None = None, **more: Any) -> Manifest:
    """A pod that Pod Security `restricted` lets pass; it serves until it is ended; on a simulated node nothing runs.

    Args:
        limits: The resources that it asks for.
        more: Fields beside or in place of the usual ones.
    """
    container: Manifest = {
        "name": "main",
        "image": PROBE_IMAGE,
        "command": ["/probe", "serve", "8080"],
        "resources": {"limits": limits or {}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        **more,
    }


def with_container(spec: Manifest, **more: Any) -> Manifest:
    """The pod with fields beside or in place of its container's."""
    (container,) = spec["containers"]
    return {**spec, "containers": [{**container, **more}]}


def pod(name: str, namespace: str, spec: Manifest, **metadata: Any) -> Manifest:
    """A bare pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": spec,
    }


def job(name: str, namespace: str, spec: Manifest, queue: str | None = None) -> Manifest:
    """A Job, in a queue unless there is none."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": _labels(name, queue)},
        "spec": {"template": {"metadata": {"labels": {"test": name}}, "spec": spec}},
    }


def lasting_gpu_job(name: str, namespace: str, queue: str) -> Manifest:
    """A Job of one GPU in a queue, which runs until it is ended."""
    manifest = job(name, namespace, pod_spec(GPU), queue)
    manifest["spec"]["template"]["metadata"] |= STAYS
    return manifest


def deployment(name: str, namespace: str, spec: Manifest, queue: str | None = None, replicas: int = 1) -> Manifest:
    """A Deployment, in a queue unless there is none."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": _labels(name, queue)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"test": name}},
            "template": {"metadata": {"labels": {"test": name}}, "spec": {**spec, "restartPolicy": "Always"}},
        },
    }


def _labels(name: str, queue: str | None) -> dict[str, str]:
    return {"test": name} | ({QUEUE_LABEL: queue} if queue else {})
