"""The Job that brings the database's schema to what the gateway's image expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.gateway import schema
from components.gateway.pod import BASE_ENVIRONMENT, scratch_mounts, scratch_volumes
from components.gateway.schema.finish import LOCK_SECONDS
from components.shared import (
    environment,
    from_secret,
    labels,
    object_metadata,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from components.shared.fingerprint import fingerprint
from components.shared.metadata import DATABASE_ANNOTATION
from infra.blueprint.model import GatewayPart

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict

SCRIPTS_PATH = "/etc/bulkhead/migration"
OBJECT_NAME = "gateway-migration"
RETRIES = 6
LITELLM_LOCK_SECONDS = 600
"""How long LiteLLM waits for another migration's lock (litellm_proxy_extras 0.4.108)."""
EMPTY_DATABASE_SECONDS = 600
"""More than an empty database takes, which takes the longest."""
DEADLINE_SECONDS = LOCK_SECONDS + LITELLM_LOCK_SECONDS + EMPTY_DATABASE_SECONDS
"""One pod may wait for another migration twice, in `schema.finish` and then in LiteLLM, and migrates after that."""


def migration_name(part: GatewayPart, scripts: Mapping[str, str]) -> str:
    """Another image or another check is another migration; anything else leaves the finished Job alone."""
    return f"{OBJECT_NAME}-{fingerprint(part.image, *scripts.values())}"


def make_migration(
    name: str,
    part: GatewayPart,
    secret: "kubernetes.core.v1.Secret",
    database_fingerprint: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> "kubernetes.batch.v1.Job":
    """Register the Job; whoever needs the schema depends on it, since Pulumi waits until it has completed.

    LiteLLM's command takes an advisory lock and skips what is done, so the Job may run twice and beside another; what a
    killed one left halfway is finished before (`schema.finish`, docs/decisions/0037). The finished Job is kept: were it
    deleted after a while, the next update would find it missing and run it again.

    Args:
        name: The gateway component's name.
        part: The gateway.
        secret: Holds the database's URL under `database-url`.
        database_fingerprint: Changes when the database is another one, whose schema has to be made as well.
        opts: Parent, and what makes the database ready.
    """
    sources = schema.sources()
    object_name = migration_name(part, sources)
    scripts = kubernetes.core.v1.ConfigMap(
        f"{name}-migration-script",
        metadata=object_metadata(OBJECT_NAME, part.namespace, object_name),
        data=sources,
        opts=pulumi.ResourceOptions(parent=opts.parent),
    )
    return kubernetes.batch.v1.Job(
        f"{name}-migration",
        metadata={
            "name": object_name,
            "namespace": part.namespace,
            "labels": labels(OBJECT_NAME),
            # A Job that failed is made anew by the next update instead of being waited for again.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        spec={
            "active_deadline_seconds": DEADLINE_SECONDS,
            "backoff_limit": RETRIES,
            "template": {
                "metadata": {
                    "labels": labels(OBJECT_NAME),
                    "annotations": {DATABASE_ANNOTATION: database_fingerprint},
                },
                "spec": _pod_spec(part, secret.metadata.name, scripts.metadata.name),
            },
        },
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                depends_on=[secret, scripts],
                # A Job's pod cannot be changed, and its successor has the same name.
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{DEADLINE_SECONDS}s", update=f"{DEADLINE_SECONDS}s"),
            ),
        ),
    )


def _pod_spec(part: GatewayPart, secret_name: pulumi.Input[str], scripts_name: pulumi.Input[str]) -> "PodSpecArgsDict":
    return {
        "automount_service_account_token": False,
        "containers": [_container(part, "check", schema.CHECK, secret_name)],
        "enable_service_links": False,
        "init_containers": [
            _container(part, "finish", schema.FINISH, secret_name),
            _container(part, "migrate", ("litellm", "--skip_server_startup"), secret_name),
        ],
        # A failed pod stays, and its log with it.
        "restart_policy": "Never",
        "security_context": restricted_pod_security_context(),
        "volumes": [*scratch_volumes(), {"name": "script", "config_map": {"name": scripts_name}}],
    }


def _container(
    part: GatewayPart, name: str, command: tuple[str, ...], secret_name: pulumi.Input[str]
) -> "ContainerArgsDict":
    return {
        "name": name,
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "command": list(command),
        "env": [
            *environment({**BASE_ENVIRONMENT, "PYTHONPATH": SCRIPTS_PATH}),
            from_secret("DATABASE_URL", secret_name, "database-url"),
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1536Mi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": [
            *scratch_mounts(),
            {"name": "script", "mount_path": f"{SCRIPTS_PATH}/{schema.PACKAGE}", "read_only": True},
        ],
    }
