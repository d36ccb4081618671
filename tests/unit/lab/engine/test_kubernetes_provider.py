"""The `kubernetes` stand-in's answers that need no cluster."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.kubernetes.api_client import ApiError, KindMissing
from lab.engine.kubernetes.provider import KubernetesServicer
from lab.engine.kubernetes.refusals import explain_refusal, passing, webhook_unavailable
from lab.engine.plumbing import Failure
from lab.engine.values import Secret, decode_struct, encode_struct

Object = dict[str, Any]
SERVICER = KubernetesServicer("127.0.0.1:1")


def urn(kind: str, name: str = "it") -> str:
    return f"urn:pulumi:local::bulkhead::kubernetes:{kind}::{name}"


def obj(kind: str, api_version: str = "v1", **rest: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it", "namespace": "team"}, **rest}


def checked(news: Object, olds: Object | None = None, kind: str = "core/v1:ConfigMap") -> pb.CheckResponse:
    request = pb.CheckRequest(urn=urn(kind, "Settings"), news=encode_struct(news), randomSeed=bytes(range(32)))
    if olds:
        request.olds.CopyFrom(encode_struct(olds))
    return SERVICER.check(request)


def test_an_object_without_a_name_gets_one_that_says_so() -> None:
    inputs = decode_struct(checked({"apiVersion": "v1", "kind": "ConfigMap"}).inputs)
    assert inputs["metadata"]["name"] == "settings-00010203"
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}


def test_an_automatic_name_is_kept_for_the_objects_life() -> None:
    old = obj("ConfigMap")
    old["metadata"] = {"name": "settings-feed", "annotations": {"pulumi.com/autonamed": "true"}}
    inputs = decode_struct(checked({"apiVersion": "v1", "kind": "ConfigMap"}, old).inputs)
    assert inputs["metadata"]["name"] == "settings-feed"


def test_a_secrets_content_is_a_secret_even_when_the_program_forgot() -> None:
    answer = checked(obj("Secret", stringData={"a": "hunter2"}), kind="core/v1:Secret")
    assert isinstance(decode_struct(answer.inputs)["data"], Secret)


@pytest.mark.parametrize("kind", ["helm.sh/v3:Release", "core/v1:ConfigMapPatch"])
def test_what_the_stand_in_lacks_is_refused_by_name(kind: str) -> None:
    news = obj("ConfigMap") if kind.endswith("Patch") else {"chart": "kueue"}
    failures = checked(news, kind=kind).failures
    assert f"stand-in has no kubernetes:{kind}" in failures[0].reason


def test_a_change_that_would_replace_a_volume_claim_is_refused_with_what_to_do() -> None:
    old, new = obj("PersistentVolumeClaim"), obj("PersistentVolumeClaim")
    new["metadata"] = {"name": "other", "namespace": "team"}
    request = pb.DiffRequest(
        urn=urn("core/v1:PersistentVolumeClaim"), old_inputs=encode_struct(old), news=encode_struct(new)
    )
    with pytest.raises(Failure, match=r"deletes its data\. Nothing was changed\."):
        SERVICER.diff(request)


def test_changed_data_of_a_fixed_name_is_replaced_after_deletion() -> None:
    request = pb.DiffRequest(
        urn=urn("core/v1:ConfigMap"),
        old_inputs=encode_struct(obj("ConfigMap", data={"a": "1"})),
        news=encode_struct(obj("ConfigMap", data={"a": "2"})),
    )
    answer = SERVICER.diff(request)
    assert list(answer.replaces) == ["data.a"]
    assert answer.deleteBeforeReplace


def provider_diff(old: Object, new: Object) -> list[str]:
    request = pb.DiffRequest(old_inputs=encode_struct(old), news=encode_struct(new))
    return list(SERVICER.diff_config(request).replaces)


def kubeconfig(server: str) -> str:
    return f"""
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{}}}}]
"""


def test_another_cluster_replaces_everything_on_it() -> None:
    old, new = kubeconfig("https://198.51.100.1"), kubeconfig("https://198.51.100.2")
    assert provider_diff({"kubeconfig": old}, {"kubeconfig": new}) == ["kubeconfig"]


def test_a_cluster_identifier_decides_alone_when_there_is_one() -> None:
    old, new = kubeconfig("https://198.51.100.1"), kubeconfig("https://198.51.100.2")
    identified = {"clusterIdentifier": "lab"}
    assert provider_diff({**identified, "kubeconfig": old}, {**identified, "kubeconfig": new}) == []
    assert provider_diff(identified, {"clusterIdentifier": "other"}) == ["clusterIdentifier"]


def test_what_the_stand_in_cannot_do_is_refused_in_the_providers_own_inputs() -> None:
    news = encode_struct({"enableServerSideApply": "false", "renderYamlToDirectory": "out"})
    failures = SERVICER.check_config(pb.CheckRequest(news=news)).failures
    assert {failure.property for failure in failures} == {"enableServerSideApply", "renderYamlToDirectory"}


def test_a_bug_is_told_without_quoting_any_value() -> None:
    try:
        raise ValueError("hunter2")
    except ValueError as error:
        told = SERVICER.describe_bug(error)
    assert "hunter2" not in told
    assert "ValueError" in told


WEBHOOK_DOWN = ApiError(500, {"message": 'failed calling webhook "mresourceflavor.kb.io": connection refused'})
WEBHOOK_SAID_NO = ApiError(403, {"message": 'admission webhook "vresourceflavor.kb.io" denied the request: no'})


def test_a_webhook_that_is_not_up_yet_passes_and_one_that_says_no_does_not() -> None:
    assert webhook_unavailable(WEBHOOK_DOWN)
    assert passing(WEBHOOK_DOWN)
    assert not passing(WEBHOOK_SAID_NO)


def test_a_kind_that_was_installed_a_moment_ago_passes() -> None:
    assert passing(KindMissing("kueue.x-k8s.io/v1beta2", "ResourceFlavor"))


def test_a_conflict_names_the_rival_the_field_and_the_way_out() -> None:
    cause = {"field": ".spec.hard.pods", "message": 'conflict with "kubectl-patch" using v1'}
    told = explain_refusal(ApiError(409, {"message": "Apply failed", "details": {"causes": [cause]}}))
    assert '.spec.hard.pods: conflict with "kubectl-patch"' in told
    assert "pulumi.com/patchForce" in told
