"""The tenants' accounts, and the Job that makes the gateway have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.shared import (
    labels,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from components.shared.fingerprint import fingerprint, secret_fingerprint
from components.shared.passwords import stable_password
from components.tenants.records import records
from infra.blueprint.model import TenantPart

if TYPE_CHECKING:
    from pulumi_kubernetes.batch.v1 import JobSpecArgsDict
    from pulumi_kubernetes.core.v1 import ContainerArgsDict

OBJECT_NAME = "tenants"
KEYS_SECRET = "tenant-keys"  # noqa: S105 - the name of a Secret
DATABASE_ANNOTATION = "bulkhead.dev/database"
KEYS_ANNOTATION = "bulkhead.dev/secrets"
SCRIPT = Path(__file__).with_name("reconcile.py")
RECORDS_KEY = "tenants.json"
RECORDS_PATH = "/etc/bulkhead/tenants"
KEYS_PATH = "/etc/bulkhead/keys"
MASTER_KEY = "master-key"
KEY_PREFIX = "sk-"
KEY_LENGTH = 48
RETRIES = 4
DEADLINE_SECONDS = 1200
INPUT_ERROR = 2
"""The script's exit code for what no other try will mend."""


@dataclass(frozen=True)
class TenantAccountsArgs:
    """What the accounts are made from.

    Attributes:
        tenants: Everybody who is to have an account; who is not listed is blocked.
        namespace: Where the gateway runs, and its Secret.
        image: An image with Python 3.11 or newer; the gateway's own, since it is on the node already.
        gateway_url: Where the gateway is reached, without a path.
        master_key_secret: The name of the Secret that holds the master key under `master-key`.
        database_fingerprint: Changes when the gateway's database is another one, which knows no tenant yet.
    """

    tenants: tuple[TenantPart, ...]
    namespace: str
    image: str
    gateway_url: pulumi.Input[str]
    master_key_secret: pulumi.Input[str]
    database_fingerprint: pulumi.Input[str]


class TenantAccounts(pulumi.ComponentResource):
    """A team, a budget, limits and one virtual key for each tenant.

    A Job writes them from inside the cluster, where the gateway can be reached. Any change of tenants, keys, script or
    database makes another Job; nothing else does.

    Attributes:
        keys: The virtual keys by the tenants' names; secret.
    """

    keys: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: TenantAccountsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:tenants:TenantAccounts", name, None, opts)
        self._name = name
        self._args = args
        self._script = SCRIPT.read_text(encoding="utf-8")
        self._records = records(args.tenants)
        self.keys = {tenant: self._make_key(tenant) for tenant in sorted(part.name for part in args.tenants)}
        secret = self._make_secret()
        self._make_job(secret, self._make_configuration())
        self.register_outputs({"keys": dict(self.keys)})

    def _metadata(self, object_name: str) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return {"name": object_name, "namespace": self._args.namespace, "labels": labels(OBJECT_NAME)}

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    @property
    def _object_name(self) -> str:
        """Named by its content, so that another content is another object."""
        return f"{OBJECT_NAME}-{fingerprint(self._args.image, self._script, self._records)}"

    def _make_key(self, tenant: str) -> pulumi.Output[str]:
        # A key that tenants have put into their programs is not replaced because a default changed.
        password = stable_password(f"{self._name}-key-{tenant}", KEY_LENGTH, self)
        return pulumi.Output.secret(pulumi.Output.concat(KEY_PREFIX, password))

    def _make_secret(self) -> "kubernetes.core.v1.Secret":
        return kubernetes.core.v1.Secret(
            f"{self._name}-keys",
            metadata=self._metadata(KEYS_SECRET),
            string_data=dict(self.keys),
            opts=self._child(),
        )

    def _make_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-records",
            metadata=self._metadata(self._object_name),
            data={RECORDS_KEY: self._records, SCRIPT.name: self._script},
            opts=self._child(),
        )

    def _make_job(
        self, secret: "kubernetes.core.v1.Secret", configuration: "kubernetes.core.v1.ConfigMap"
    ) -> "kubernetes.batch.v1.Job":
        metadata = self._metadata(self._object_name)
        # A Job that failed is made anew by the next update instead of being waited for again.
        metadata["annotations"] = {"pulumi.com/replaceUnready": "true"}
        return kubernetes.batch.v1.Job(
            f"{self._name}-job",
            metadata=metadata,
            spec=self._job_spec(secret.metadata.name, configuration.metadata.name),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[secret, configuration],
                # An older Job that is still trying would bring back whoever this one has blocked.
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{DEADLINE_SECONDS}s", update=f"{DEADLINE_SECONDS}s"),
            ),
        )

    def _job_spec(self, secret_name: pulumi.Input[str], configuration_name: pulumi.Input[str]) -> "JobSpecArgsDict":
        """No time to live: the finished Job is kept, or the next update would find it missing and run it again."""
        return {
            "active_deadline_seconds": DEADLINE_SECONDS,
            "backoff_limit": RETRIES,
            "pod_failure_policy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "on_exit_codes": {
                            "container_name": "reconcile",
                            "operator": "In",
                            "values": [INPUT_ERROR],
                        },
                    }
                ]
            },
            # Never two at once: the next pod starts when the last has ended.
            "pod_replacement_policy": "Failed",
            "template": {
                "metadata": {
                    "labels": labels(OBJECT_NAME),
                    "annotations": {
                        DATABASE_ANNOTATION: self._args.database_fingerprint,
                        KEYS_ANNOTATION: self._keys_fingerprint(),
                    },
                },
                "spec": {
                    "automount_service_account_token": False,
                    "containers": [self._container()],
                    "enable_service_links": False,
                    "restart_policy": "Never",
                    "security_context": restricted_pod_security_context(),
                    "volumes": [
                        {"name": "keys", "secret": {"secret_name": secret_name}},
                        {"name": "records", "config_map": {"name": configuration_name}},
                    ],
                },
            },
        }

    def _container(self) -> "ContainerArgsDict":
        return {
            "name": "reconcile",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["python3", "-I", "-S", "-B", f"{RECORDS_PATH}/{SCRIPT.name}"],
            "env": [
                {"name": "GATEWAY_URL", "value": self._args.gateway_url},
                {"name": "KEYS_DIRECTORY", "value": KEYS_PATH},
                {
                    "name": "LITELLM_MASTER_KEY",
                    "value_from": {"secret_key_ref": {"name": self._args.master_key_secret, "key": MASTER_KEY}},
                },
                {"name": "RECORDS_DIRECTORY", "value": RECORDS_PATH},
            ],
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "security_context": restricted_container_security_context(),
            "volume_mounts": [
                {"name": "keys", "mount_path": KEYS_PATH, "read_only": True},
                {"name": "records", "mount_path": RECORDS_PATH, "read_only": True},
            ],
        }

    def _keys_fingerprint(self) -> pulumi.Output[str]:
        """Changes with any key: a Job's pod cannot be changed, so another fingerprint is another Job."""
        values = pulumi.Output.all(*(key for _, key in sorted(self.keys.items())))
        return pulumi.Output.unsecret(values.apply(lambda keys: secret_fingerprint("".join(keys), *keys)))
