# ruff: noqa: N802 - the methods are named by the engine's protocol
"""The `kubernetes` stand-in's service: what the engine asks, answered through one cluster's API."""

import os
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import grpc
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.differences import differences, response
from lab.engine.kubernetes.api_client import ApiClient, ApiError, ClusterUnreachable, KindMissing
from lab.engine.kubernetes.components import Components
from lab.engine.kubernetes.immutability import deletes_first, forces_replacement, replaces_a_volume
from lab.engine.kubernetes.kubeconfig import KubeconfigError, kubeconfig_text, resolve
from lab.engine.kubernetes.objects import (
    AUTONAMED,
    DELETION_POLICY,
    FIELD_MANAGER_KEY,
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    annotations,
    applied_by,
    describe,
    drifted_inputs,
    encode_string_data,
    foreseen_outputs,
    identity,
    imported_inputs,
    is_secret,
    manager_for,
    mapping,
    outputs_of,
    redact,
    type_of,
)
from lab.engine.kubernetes.refusals import explain_refusal, passing, webhook_unavailable
from lab.engine.kubernetes.waiting import awaited, gone_already, timeout_seconds, wait_until_gone, wait_until_ready
from lab.engine.plugins import KUBERNETES
from lab.engine.plumbing import Context, Failure, InitializationFailure, StandInServicer
from lab.engine.values import UNKNOWN, Tree, decode_struct, encode_struct, has_unknown, plain, secret_texts

Object = dict[str, Any]

PASSING_REFUSAL_SECONDS: Final = 90.0
"""How long a webhook or a kind that has only just been installed may take to answer."""
RETRY_PAUSE_SECONDS: Final = 1.0
DELETE_TIMEOUT_SECONDS: Final = 600.0
DELETE_UNREACHABLE: Final = "PULUMI_K8S_DELETE_UNREACHABLE"
"""The real provider's variable: with `true`, objects of a cluster that is gone count as deleted."""


class KubernetesServicer(StandInServicer):
    """Server-side apply of any kind, previewed by the API server's dry run."""

    package: ClassVar[str] = "kubernetes"
    version: ClassVar[str] = KUBERNETES.version

    def __init__(self, engine_address: str) -> None:
        super().__init__(engine_address)
        self._api: ApiClient | None = None
        self._unusable = "the provider is not configured"
        self._namespace = "default"
        self._upserts = False
        self._delete_unreachable = os.environ.get(DELETE_UNREACHABLE, "").lower() == "true"
        self._provider = Components(self.version, lambda: self._api, lambda: self._namespace)

    async def Construct(self, request: pb.ConstructRequest, context: Context) -> pb.ConstructResponse:
        """Construct a chart or a group of manifests."""
        try:
            return await self._construct(request, context)  # pyright: ignore[reportUnknownMemberType]
        except Failure as failure:
            await context.abort(grpc.StatusCode.UNKNOWN, str(failure))
        except Exception as error:
            await context.abort(grpc.StatusCode.INTERNAL, self.describe_bug(error))
        raise AssertionError("abort always raises")

    # --- the provider itself

    def check_config(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Refuse what the stand-in cannot do, by name."""
        told = plain(decode_struct(request.news))
        failures: list[pb.CheckFailure] = []
        if str(told.get("enableServerSideApply", "true")).lower() == "false":
            failures.append(
                pb.CheckFailure(property="enableServerSideApply", reason="the stand-in only applies server-side")
            )
        if told.get("renderYamlToDirectory"):
            failures.append(
                pb.CheckFailure(
                    property="renderYamlToDirectory",
                    reason="the stand-in does not render; use `bulkhead plan --format yaml`",
                )
            )
        return pb.CheckResponse(inputs=request.news, failures=failures)

    def diff_config(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Plan a replacement when the provider would point at another cluster, as the real one does."""
        old, new = plain(decode_struct(request.old_inputs)), plain(decode_struct(request.news))
        found = [difference for difference in differences(old, new) if difference.steps != ("version",)]
        moved = bool(found) and _other_cluster(old, new)
        key = "clusterIdentifier" if new.get("clusterIdentifier") else "kubeconfig"
        answer = response(found, replaces=lambda _: False)
        if moved:
            answer.replaces.append(key)
        return answer

    def configure(self, request: pb.ConfigureRequest) -> None:
        """Choose the cluster. Nothing is asked of it yet, so that a program without objects needs none."""
        told = plain(decode_struct(request.args))
        self._upserts = str(told.get("upsertExistingObjects", "false")).lower() == "true"
        try:
            access = resolve(kubeconfig_text(told.get("kubeconfig")), told.get("context"))
        except KubeconfigError as error:
            self._unusable = str(error)
            self._namespace = str(told.get("namespace") or "default")
            return
        self._api = ApiClient(access)
        self._namespace = str(told.get("namespace") or access.namespace or "default")
        self._api.namespace = self._namespace

    def _client(self) -> ApiClient:
        if self._api is None:
            raise Failure(f"configured Kubernetes cluster is unreachable: {self._unusable}")
        return self._api

    # --- resources

    def check(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Fill in name, namespace and secret wrappers; keep an automatic name for the object's life."""
        old, inputs = plain(decode_struct(request.olds)), decode_struct(request.news)
        if missing := _not_supported(request.urn, inputs):
            return pb.CheckResponse(failures=[pb.CheckFailure(property="", reason=missing)])
        metadata = mapping(inputs.get("metadata"))
        if not metadata.get("name") and not metadata.get("generateName"):
            name = self._automatic_name(request, old)
            if name is None:
                reason = "automatic names are disabled for this project: set metadata.name"
                return pb.CheckResponse(failures=[pb.CheckFailure(property="metadata.name", reason=reason)])
            noted = {**annotations(inputs), AUTONAMED: "true"}
            metadata = {**metadata, "name": name, "annotations": noted}
        if not metadata.get("namespace") and self._namespaced(inputs):
            metadata = {**metadata, "namespace": self._namespace}
        checked: Tree = {**inputs, "metadata": metadata}
        if is_secret(checked):
            checked = encode_string_data(checked)
        return pb.CheckResponse(inputs=encode_struct(checked))

    @staticmethod
    def _automatic_name(request: pb.CheckRequest, old: Object) -> str | None:
        if annotations(old).get(AUTONAMED) == "true":
            return str(mapping(old.get("metadata")).get("name"))
        if request.HasField("autonaming"):
            disabled = pb.CheckRequest.AutonamingOptions.DISABLE
            return None if request.autonaming.mode == disabled else request.autonaming.proposed_name
        return f"{request.urn.split('::')[3].lower()}-{request.randomSeed[:4].hex()}"

    def _namespaced(self, inputs: Tree) -> bool:
        if self._api is None:
            return False
        try:
            served = self._api.kind(str(inputs.get("apiVersion")), str(inputs.get("kind")))
        except (ApiError, ClusterUnreachable) as error:
            raise Failure(f"configured Kubernetes cluster is unreachable: {error}") from None
        return served is not None and served.namespaced

    def diff(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Compare inputs; the immutability table decides between an update and a replacement."""
        old, new = plain(decode_struct(request.old_inputs)), plain(decode_struct(request.news))
        found = differences(old, new)
        forcing = [difference for difference in found if forces_replacement(new, difference)]
        if forcing and replaces_a_volume(new):
            paths = ", ".join(difference.path for difference in forcing)
            raise Failure(
                f"{describe(old)}: changing {paths} means another volume claim, and deleting this one deletes "
                "its data. Nothing was changed. Keep these fields, or add a new claim under another resource "
                "name and move the data."
            )
        return response(found, lambda difference: difference in forcing, deletes_first(old, new))

    def create(self, request: pb.CreateRequest) -> pb.CreateResponse:
        """Apply a new object and wait for it; a preview asks the API server's dry run instead."""
        inputs = decode_struct(request.properties)
        manager = _manager(inputs, {}, request.urn)
        if request.preview:
            foreseen = self._foresee(request.urn, inputs, manager, created=True)
            return pb.CreateResponse(id="", properties=encode_struct(foreseen_outputs(inputs, foreseen, manager)))
        obj, seconds = plain(inputs), timeout_seconds(plain(inputs), request.timeout)
        with _Told(request.urn, "created", inputs):
            self._refuse_existing(obj, manager)
            live = self._apply(request.urn, obj, manager, seconds)
        live = self._wait(request.urn, inputs, live, manager, request.timeout)
        return pb.CreateResponse(id=identity(live), properties=encode_struct(outputs_of(inputs, live, manager)))

    def update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        """Apply the changed object and wait for it; a preview asks the API server's dry run instead."""
        inputs, old = decode_struct(request.news), decode_struct(request.olds)
        manager = _manager(inputs, old, request.urn)
        if request.preview:
            foreseen = self._foresee(request.urn, inputs, manager, created=False)
            outputs = outputs_of(inputs, foreseen, manager) if foreseen else dict(inputs)
            outputs.pop("status", None)
            return pb.UpdateResponse(properties=encode_struct(outputs))
        obj, seconds = plain(inputs), timeout_seconds(plain(inputs), request.timeout)
        with _Told(request.urn, "updated", inputs):
            live = self._apply(request.urn, obj, manager, seconds)
        live = self._wait(request.urn, inputs, live, manager, request.timeout)
        return pb.UpdateResponse(properties=encode_struct(outputs_of(inputs, live, manager)))

    def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        """Read the live object; the inputs follow it only where it drifted from what was last stored."""
        inputs, stored = decode_struct(request.inputs), decode_struct(request.properties)
        obj = plain(inputs or stored)
        if not obj.get("kind"):
            obj = _named(request.urn, request.id)
        with _Told(request.urn, "read", inputs):
            live = self._client().get(obj)
        if live is None:
            return pb.ReadResponse(id="")
        manager = _manager(inputs, stored, request.urn)
        known = drifted_inputs(inputs, plain(stored), live) if inputs else imported_inputs(live)
        if is_secret(live):
            known = encode_string_data(known)
        return pb.ReadResponse(
            id=identity(live),
            properties=encode_struct(outputs_of(known, live, manager)),
            inputs=encode_struct(known),
        )

    def delete(self, request: pb.DeleteRequest) -> None:
        """Delete exactly the object that was created, and wait until it is gone."""
        obj = plain(decode_struct(request.properties))
        policy = str(annotations(obj).get(DELETION_POLICY) or "foreground").capitalize()
        if self._delete_unreachable and not self._reachable():
            self.log.warn(request.urn, f"{describe(obj)} counts as deleted: its cluster does not answer")
            return
        with _Told(request.urn, "deleted", {}):
            try:
                self._client().delete(obj, policy)
            except ApiError as error:
                if not gone_already(error):
                    raise
            seconds = request.timeout or DELETE_TIMEOUT_SECONDS
            kept = wait_until_gone(self._client(), obj, seconds, self.cancelled)
        if kept:
            raise Failure(kept)

    def _reachable(self) -> bool:
        try:
            self._client().server_version()
        except (Failure, ApiError, ClusterUnreachable):
            return False
        return True

    # --- how objects reach the cluster

    def _refuse_existing(self, obj: Object, manager: str) -> None:
        """Refuse to take over a stranger's object; what an interrupted update of this resource left is its own.

        With `upsertExistingObjects` the provider was told to take over whatever is there, as the real one does.
        """
        if self._upserts:
            return
        try:
            live = self._client().get(obj)
        except KindMissing:
            return
        if live is not None and not applied_by(live, manager):
            raise Failure(
                f"{describe(obj)} already exists and does not belong to this stack. "
                "Import it with `pulumi import`, rename this one, or delete it."
            )

    def _apply(self, urn: str, obj: Object, manager: str, seconds: float) -> Object:
        """Apply an object, patient with what passes: a webhook or a kind that was installed a moment ago.

        The real provider, too, retries a missing kind; a webhook that does not answer yet it reports at once.
        """
        end = time.monotonic() + min(seconds, PASSING_REFUSAL_SECONDS)
        forced = annotations(obj).get(PATCH_FORCE) == "true"
        while True:
            try:
                return self._with_warnings(urn).apply(obj, manager, force=forced)
            except ApiError as error:
                if not passing(error) or time.monotonic() >= end or self.cancelled.is_set():
                    raise
                self.log.status(urn, f"waiting: {explain_refusal(error)}")
            self.cancelled.wait(RETRY_PAUSE_SECONDS)

    def _with_warnings(self, urn: str) -> ApiClient:
        return self._client().warning_to(lambda text: self.log.warn(urn, text))

    def _foresee(self, urn: str, inputs: Tree, manager: str, created: bool) -> Object | None:
        """Return the API server's dry run, or None where it cannot tell yet.

        It cannot tell what a value known only later, a namespace or kind of this same update, or a webhook
        that is not up yet would change, nor what becomes of an object that is first deleted and then made.
        Raises Failure for a refusal, which the update itself would meet, too.
        """
        obj = plain(inputs)
        if has_unknown(obj):
            return None
        with _Told(urn, "created" if created else "updated", inputs):
            try:
                if created and self._client().get(obj) is not None:
                    return None
                forced = annotations(obj).get(PATCH_FORCE) == "true"
                return self._with_warnings(urn).apply(obj, manager, dry_run=True, force=forced)
            except KindMissing:
                return None
            except ApiError as error:
                if webhook_unavailable(error) or error.details.get("kind") == "namespaces":
                    return None
                raise

    def _wait(self, urn: str, inputs: Tree, live: Object, manager: str, custom: float) -> Object:
        """Wait until a live object is ready. Raises InitializationFailure, so that it stays in the state."""
        obj = plain(inputs)
        if not awaited(obj):
            return live
        seconds = timeout_seconds(obj, custom)
        with _Told(urn, "read", inputs):
            outcome = wait_until_ready(
                self._client(), live, seconds, self.cancelled, lambda text: self.log.status(urn, text)
            )
        if outcome.reasons:
            hidden = list(secret_texts(inputs))
            heading = f"{describe(obj)} exists but is not ready: {outcome.reasons[0]}"
            reasons = [redact(text, hidden) for text in (heading, *outcome.reasons[1:])]
            outputs = outputs_of(inputs, outcome.live, manager)
            raise InitializationFailure(identity(live), outputs, inputs, reasons)
        return outcome.live


class _Told:
    """Turns a refusal by the cluster into the message that the user reads, without any secret in it."""

    def __init__(self, urn: str, verb: str, inputs: Tree) -> None:
        _, _, kind, name = urn.split("::", 3)
        self._resource = f"resource {name} ({kind.rsplit('$', 1)[-1]})"
        self._verb = verb
        self._inputs = inputs

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClusterUnreachable):
            raise Failure(f"configured Kubernetes cluster is unreachable: {error}") from None
        if isinstance(error, ApiError):
            told = redact(explain_refusal(error), secret_texts(self._inputs))
            raise Failure(f"{self._resource} was not {self._verb}: {told}") from None


def _not_supported(urn: str, inputs: Tree) -> str | None:
    """Return why the stand-in cannot make a resource, or None when it can: it makes whole Kubernetes objects."""
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    whole = isinstance(inputs.get("apiVersion"), str) and isinstance(inputs.get("kind"), str)
    if whole and token.rpartition(":")[2] != f"{inputs['kind']}Patch":
        return None
    return f"the lab's kubernetes stand-in has no {token}; install the real kubernetes plugin to use it"


def _manager(inputs: Tree, old: Tree, urn: str) -> str:
    asked = annotations(inputs).get(PATCH_FIELD_MANAGER)
    return str(asked or old.get(FIELD_MANAGER_KEY) or manager_for(urn))


def _named(urn: str, identifier: str) -> Object:
    """Return the object that an import names by its id, `namespace/name` or `name`."""
    api_version, kind = type_of(urn)
    namespace, _, name = identifier.rpartition("/")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _other_cluster(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether two provider configurations mean different clusters: by identifier, else by address."""
    before, after = old.get("clusterIdentifier"), new.get("clusterIdentifier")
    if before or after:
        return before != after and UNKNOWN not in (before, after)
    if has_unknown(new):
        return True
    return _address(old) != _address(new)


def _address(told: Mapping[str, Any]) -> str | None:
    try:
        return resolve(kubeconfig_text(told.get("kubeconfig")), told.get("context")).server
    except KubeconfigError:
        return None
