"""The platform that the lab's tests share: deployed once, changed by `up`, destroyed once."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from infra.config.trust import Tier
from lab import cluster, paths
from lab.errors import LabError
from lab.images import ImageBuildError, ImageName, ensure_images
from lab.quickstart.cluster_access import ClusterAccess
from tests.days import in_days
from tests.lab.local_stack import LocalStack, make_local_stack

GATEWAY = "bulkhead-gateway"
ENGINES = "bulkhead-engines"
WORKLOADS = "bulkhead-workloads"
OBSERVABILITY = "bulkhead-observability"
TENANT_NAMESPACE_PREFIX = "bulkhead-tenant-"
NAMESPACES = {GATEWAY, ENGINES, WORKLOADS, OBSERVABILITY, "kueue-system"}
MODEL = "tiny"
TENANT = "research"
OTHER_TENANT = "search"

WAIVED_UNTIL = in_days(100)
"""Once for all: another day at midnight would be a difference between two updates."""

PROMETHEUS = {"kind": "prometheus", "storage": "1Gi", "scrape_interval_seconds": 5}

KEEP_VARIABLE = "BULKHEAD_KEEP_PLATFORM"
"""Set to 1 while working on a test: it is run against the platform that `./quickstart` deployed, and which stays."""


@dataclass(frozen=True)
class TeamPlatform:
    """The `local` stack as a team would run it: two tenants, two gateway replicas that share counters in Redis."""

    stack: LocalStack
    access: ClusterAccess

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Tenant's name → its virtual key."""
        return self.stack.engine.outputs(show_secrets=True)["tenant_keys"]

    @cached_property
    def master_key(self) -> str:
        """The gateway's master key."""
        return self.access.secret_value(GATEWAY, "gateway", "master-key")

    def gateway(self) -> AbstractContextManager[int]:
        """A port on 127.0.0.1 that leads to one gateway replica, where tenants call."""
        return self.access.forwarded_port(GATEWAY, "gateway", 4000)

    def admin(self) -> AbstractContextManager[int]:
        """A port on 127.0.0.1 that leads to one gateway replica, where it is administered with the master key."""
        return self.access.forwarded_port(GATEWAY, "gateway-admin", 4001)


@dataclass(frozen=True)
class GroupedPlatform:
    """The platform with tenants who are told apart by their groups."""

    stack: LocalStack
    kubectl: cluster.Kubectl

    def group(self, tenant: str) -> str:
        """The group whose members act for a tenant."""
        return f"{tenant}-team"


@dataclass(frozen=True)
class SeparatedPlatform(GroupedPlatform):
    """The platform with a namespace for each tenant."""

    def namespace(self, tenant: str) -> str:
        """A tenant's own namespace."""
        return f"{TENANT_NAMESPACE_PREFIX}{tenant}"


def kept() -> bool:
    """Whether the platform was there before this run and is there after it."""
    return os.environ.get(KEEP_VARIABLE) == "1"


def shared_stack(lab_cluster: cluster.Cluster, folder: Path) -> Generator[LocalStack]:
    """The local stack with nothing of it deployed yet; destroyed in the end whatever happened."""
    try:
        archives = ensure_images(list(ImageName), print)
    except (LabError, ImageBuildError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    for reference, archive in archives.items():
        cluster.import_image(archive, reference)
    if kept():
        yield make_local_stack(folder, lab_cluster, paths.lab_stacks_directory())
        return
    refuse_somebody_elses_platform()
    local = make_local_stack(folder, lab_cluster, folder / "state")
    yield local
    # A test may have taken the lab down, and with it whatever was deployed there.
    if cluster.status().up:
        local.engine.destroy("--suppress-progress")


def refuse_somebody_elses_platform() -> None:
    """Leave a platform alone that these tests did not deploy: they would take it over, and destroy it in the end."""
    found = platform_objects(cluster.kubectl())
    if not found:
        return
    reason = (
        f"the lab carries a platform that is not these tests' own ({min(found)}); run ./quickstart down first, "
        f"or set {KEEP_VARIABLE}=1 to test that one"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def platform_objects(kubectl: cluster.Kubectl) -> set[str]:
    """Namespaces and cluster-wide objects that only this platform makes."""
    listed = kubectl.run("get", "namespaces,customresourcedefinitions", "--output=name").split()
    return {name for name in listed if name.partition("/")[2] in NAMESPACES or "kueue" in name}


def make_team(stack: LocalStack) -> None:
    """Edit the stack file to two tenants, two replicas, a shared cache and a Prometheus, and deploy it."""
    tenant = next(entry for entry in stack.value("tenants") if entry["name"] == TENANT)
    gateway = {**stack.value("gateway"), "replicas": 2, "cache": {"kind": "in_cluster"}}
    stack.edit(
        trust={**cooperative(), **permission_to_lower(stack, "trusted")},
        tenants=[tenant, {**tenant, "name": OTHER_TENANT, "gpu_quota": 0}],
        gateway=gateway,
        observability=PROMETHEUS,
    )
    stack.deploy()


def cooperative(*enable: str) -> dict[str, object]:
    """`trust` of two tenants in the trusted tier: some controls switched on above it, and what is left open waived."""
    waivers = [
        {"control": control, "owner": "tests", "reason": "two teams that cooperate", "expires": WAIVED_UNTIL}
        for control in ("SR1", "SR2", "SR3")
        if control not in enable
    ]
    return {"tier": "trusted", "tenants": "cooperative", "enable": list(enable), "waivers": waivers}


def tenants_of(stack: LocalStack, *, keep_other: bool = False) -> list[dict[str, object]]:
    """The two tenants with their groups, and what becomes of their namespaces when they leave."""
    tenant = next(entry for entry in stack.value("tenants") if entry["name"] == TENANT)

    def with_group(name: str, devices: int, when_removed: str) -> dict[str, object]:
        return {
            **tenant,
            "name": name,
            "gpu_quota": devices,
            "subjects": [{"kind": "group", "name": f"{name}-team"}],
            "workloads": {"cpu": "4", "memory": "4Gi", "storage": "2Gi", "pods": 10, "when_removed": when_removed},
        }

    return [with_group(TENANT, 1, "delete"), with_group(OTHER_TENANT, 0, "keep" if keep_other else "delete")]


def permission_to_lower(stack: LocalStack, tier: str) -> dict[str, object]:
    """What `trust` needs beside a tier where a higher one is deployed, as on a platform that was there before."""
    deployed = stack.engine.outputs().get("posture", {}).get("tier", tier)
    if Tier(deployed).rank <= Tier(tier).rank:
        return {}
    return {"allow_lowering": {"from_tier": deployed, "reason": "a test needs a lower tier"}}


def access_to(lab_cluster: cluster.Cluster, stack: LocalStack) -> ClusterAccess:
    """The lab's cluster through an ordinary kubectl."""
    path = f"{lab_cluster.kubectl.parent}{os.pathsep}{stack.engine.environment['PATH']}"
    return ClusterAccess(lab_cluster.context, {**stack.engine.environment, "PATH": path})


def pods(kubectl: cluster.Kubectl, namespace: str, selector: str) -> list[str]:
    """The names of the pods that are not being ended."""
    listed = json.loads(kubectl.run("get", "pods", "--namespace", namespace, "--selector", selector, "--output=json"))
    return [item["metadata"]["name"] for item in listed["items"] if "deletionTimestamp" not in item["metadata"]]
