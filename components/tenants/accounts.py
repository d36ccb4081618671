"""The tenants' accounts, and the reconciler that makes the gateway have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.shared import labels, object_metadata, selector
from components.shared.fingerprint import fingerprint, secret_fingerprint
from components.shared.metadata import DATABASE_ANNOTATION, SECRETS_ANNOTATION
from components.shared.passwords import generation_name, stable_password
from components.tenants.pod import OBJECT_NAME, RECORDS_KEY, pod_spec, reconciler_modules
from components.tenants.reconciler.inputs import FORMER_KEY
from components.tenants.records import records
from infra.blueprint.model import TenantPart
from infra.blueprint.names import TENANT_KEY_SECRET

if TYPE_CHECKING:
    from pulumi_kubernetes.apps.v1 import DeploymentSpecArgsDict

KEYS_SECRET = "tenant-keys"  # noqa: S105 - the name of a Secret
MASTER_KEY_ANNOTATION = "bulkhead.dev/master-key-generation"
KEY_PREFIX = "sk-"
KEY_LENGTH = 48
PROGRESS_SECONDS = 900
"""For an image to be pulled, a gateway to answer, and a first pass over a thousand tenants."""


@dataclass(frozen=True)
class TenantAccountsArgs:
    """What the accounts are made from.

    Attributes:
        tenants: Everybody who is to have an account; who is not listed is blocked.
        namespace: Where the gateway runs, and its Secret.
        image: An image with Python 3.11 or newer; the gateway's own, since it is on the node already.
        admin_url: Where the gateway is administered, without a path.
        api_url: Where tenants call it, with the path that clients put theirs behind, as `http://gateway.../v1`.
        master_key_secret: The name of the Secret that holds the master key under `master-key`.
        database_fingerprint: Changes when the gateway's database is another one, which knows no tenant yet.
        forget_seconds: How long a replica of the gateway may act on what it remembers of a key.
        namespaces: Tenants' own namespaces by name, where they are made beside the accounts.
        master_key_generation: Changes with the master key, which the pod reads only when it starts.
    """

    tenants: tuple[TenantPart, ...]
    namespace: str
    image: str
    admin_url: pulumi.Input[str]
    api_url: pulumi.Input[str]
    master_key_secret: pulumi.Input[str]
    database_fingerprint: pulumi.Input[str]
    forget_seconds: int
    namespaces: Mapping[str, pulumi.Resource] = field(default_factory=dict[str, pulumi.Resource])
    master_key_generation: int = 1


class TenantAccounts(pulumi.ComponentResource):
    """A team, a budget, limits and one virtual key for each tenant.

    A Deployment makes them from inside the cluster, where the gateway can be reached, and goes on looking after them.
    It is ready when the accounts are made, so that an update waits for them. Any change of tenants, keys, program or
    database makes another pod, once the one with the older list is gone; nothing else does.

    Attributes:
        keys: The virtual keys by the tenants' names, of each the newest; secret.
    """

    keys: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: TenantAccountsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:tenants:TenantAccounts", name, None, opts)
        self._name = name
        self._args = args
        self._contents = {**reconciler_modules(), RECORDS_KEY: records(args.tenants)}
        made = {part.name: self._make_keys(part) for part in sorted(args.tenants, key=lambda part: part.name)}
        self.keys = {tenant: keys[-1] for tenant, keys in made.items()}
        self._given = {
            **self.keys,
            **{f"{tenant}{FORMER_KEY}": keys[0] for tenant, keys in made.items() if len(keys) > 1},
        }
        deployment = self._make_deployment(self._make_secret(), self._make_configuration())
        for part in args.tenants:
            if part.namespace is not None:
                self._deliver(part.name, part.namespace, deployment)
        self.register_outputs({"keys": dict(self.keys)})

    def _metadata(self, object_name: str) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(OBJECT_NAME, self._args.namespace, object_name)

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _make_keys(self, part: TenantPart) -> list[pulumi.Output[str]]:
        """The keys that work, the newest last."""
        return [self._make_key(part.name, generation) for generation in part.key_generations]

    def _make_key(self, tenant: str, generation: int) -> pulumi.Output[str]:
        # A key that tenants have put into their programs is not replaced because a default changed.
        password = stable_password(generation_name(f"{self._name}-key-{tenant}", generation), KEY_LENGTH, self)
        return pulumi.Output.secret(pulumi.Output.concat(KEY_PREFIX, password))

    def _make_secret(self) -> "kubernetes.core.v1.Secret":
        return kubernetes.core.v1.Secret(
            f"{self._name}-keys",
            metadata=self._metadata(KEYS_SECRET),
            string_data=dict(sorted(self._given.items())),
            opts=self._child(),
        )

    def _make_configuration(self) -> "kubernetes.core.v1.ConfigMap":
        """A map named by its content, so that another content is another pod."""
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-records",
            metadata=self._metadata(f"{OBJECT_NAME}-{fingerprint(self._contents)}"),
            data=self._contents,
            opts=self._child(),
        )

    def _make_deployment(
        self, secret: "kubernetes.core.v1.Secret", configuration: "kubernetes.core.v1.ConfigMap"
    ) -> "kubernetes.apps.v1.Deployment":
        timeout = f"{PROGRESS_SECONDS + 60}s"
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(OBJECT_NAME),
            spec=self._deployment_spec(secret.metadata.name, configuration.metadata.name),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[secret, configuration],
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
            ),
        )

    def _deployment_spec(
        self, secret_name: pulumi.Input[str], configuration_name: pulumi.Input[str]
    ) -> "DeploymentSpecArgsDict":
        return {
            "replicas": 1,
            "progress_deadline_seconds": PROGRESS_SECONDS,
            "revision_history_limit": 3,
            "selector": {"match_labels": selector(OBJECT_NAME)},
            # An older pod would go on bringing back whoever the next one has blocked.
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {
                    "labels": labels(OBJECT_NAME),
                    "annotations": {
                        DATABASE_ANNOTATION: self._args.database_fingerprint,
                        SECRETS_ANNOTATION: self._keys_fingerprint(),
                        **self._master_key_annotation(),
                    },
                },
                "spec": pod_spec(
                    image=self._args.image,
                    settings={
                        "GATEWAY_URL": self._args.admin_url,
                        "FORGET_SECONDS": str(self._args.forget_seconds),
                    },
                    master_key_secret=self._args.master_key_secret,
                    keys_secret=secret_name,
                    configuration=configuration_name,
                ),
            },
        }

    def _deliver(self, tenant: str, namespace: str, deployment: "kubernetes.apps.v1.Deployment") -> None:
        """The key where the tenant's programs run, once it works: a pod takes both values with one `envFrom`."""
        kubernetes.core.v1.Secret(
            f"{self._name}-delivered-{tenant}",
            metadata={
                "name": TENANT_KEY_SECRET,
                "namespace": namespace,
                "labels": labels(OBJECT_NAME, tenant=tenant),
            },
            string_data={"OPENAI_API_KEY": self.keys[tenant], "OPENAI_BASE_URL": self._args.api_url},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[deployment, *self._namespace_of(namespace)]),
        )

    def _namespace_of(self, namespace: str) -> tuple[pulumi.Resource, ...]:
        """Its own alone: a key that waited for every tenant's namespace would make each new tenant everybody's."""
        resource = self._args.namespaces.get(namespace)
        return () if resource is None else (resource,)

    def _master_key_annotation(self) -> dict[str, str]:
        generation = self._args.master_key_generation
        return {MASTER_KEY_ANNOTATION: str(generation)} if generation > 1 else {}

    def _keys_fingerprint(self) -> pulumi.Output[str]:
        """Changes with any key, so that another key is another pod."""
        values = pulumi.Output.all(*(key for _, key in sorted(self._given.items())))
        return pulumi.Output.unsecret(values.apply(lambda keys: secret_fingerprint("".join(keys), *keys)))
