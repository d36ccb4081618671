"""Which changes the engine must plan as replacements."""

from typing import Any

import pytest

from lab.engine.differences import differences
from lab.engine.kubernetes.immutability import deletes_first, forces_replacement, replaces_a_volume

Object = dict[str, Any]


def forcing(old: Object, new: Object) -> list[str]:
    return [found.path for found in differences(old, new) if forces_replacement(new, found)]


def made(api_version: str, kind: str, **rest: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it", "namespace": "team"}, **rest}


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new"),
    [
        ("v1", "ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}),
        ("v1", "ConfigMap", {"data": {"a": "1"}}, {}),
        ("v1", "Secret", {"data": {"a": "MQ=="}}, {"data": {"a": "Mg=="}}),
        ("v1", "Secret", {"type": "Opaque"}, {"type": "kubernetes.io/tls"}),
        ("v1", "Service", {"spec": {"clusterIP": "None"}}, {"spec": {"clusterIP": "10.96.0.9"}}),
        ("apps/v1", "Deployment", {"spec": {"selector": {"a": "b"}}}, {"spec": {"selector": {"a": "c"}}}),
        ("apps/v1", "StatefulSet", {"spec": {"serviceName": "a"}}, {"spec": {"serviceName": "b"}}),
        ("batch/v1", "Job", {"spec": {"template": {"x": 1}}}, {"spec": {"template": {"x": 2}}}),
        ("v1", "Pod", {"spec": {"nodeName": "a"}}, {"spec": {"nodeName": "b"}}),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            {"roleRef": {"name": "a"}},
            {"roleRef": {"name": "b"}},
        ),
    ],
)
def test_what_the_real_provider_replaces_is_replaced(api_version: str, kind: str, old: Object, new: Object) -> None:
    assert forcing(made(api_version, kind, **old), made(api_version, kind, **new))


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new"),
    [
        ("apps/v1", "Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}),
        ("apps/v1", "StatefulSet", {"spec": {"template": {"x": 1}}}, {"spec": {"template": {"x": 2}}}),
        ("v1", "Service", {"spec": {"ports": [1]}}, {"spec": {"ports": [2]}}),
        ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "1"}}}, {"spec": {"hard": {"pods": "2"}}}),
        ("kueue.x-k8s.io/v1beta1", "Secret", {"data": {"a": "1"}}, {"data": {"a": "2"}}),
        ("v1", "PersistentVolumeClaim", {"spec": {"storageClassName": "a"}}, {"spec": {"storageClassName": "b"}}),
    ],
)
def test_what_can_or_must_stay_is_not_replaced(api_version: str, kind: str, old: Object, new: Object) -> None:
    assert forcing(made(api_version, kind, **old), made(api_version, kind, **new)) == []


def test_another_name_is_another_object() -> None:
    old, new = made("v1", "Service"), made("v1", "Service")
    new["metadata"] = {"name": "other", "namespace": "team"}
    assert forcing(old, new) == ["metadata.name"]


def test_a_longer_key_with_the_same_start_is_another_field() -> None:
    old = made("apps/v1", "Deployment", spec={"selectorHint": 1})
    new = made("apps/v1", "Deployment", spec={"selectorHint": 2})
    assert forcing(old, new) == []


def test_a_volume_claim_is_known_to_hold_data() -> None:
    assert replaces_a_volume(made("v1", "PersistentVolumeClaim"))
    assert not replaces_a_volume(made("v1", "ConfigMap"))


def test_a_fixed_name_is_freed_before_it_is_taken_again() -> None:
    assert deletes_first(made("v1", "ConfigMap"), made("v1", "ConfigMap"))


def test_an_automatic_name_lets_the_new_object_come_first() -> None:
    named = {"name": "it", "namespace": "team", "annotations": {"pulumi.com/autonamed": "true"}}
    assert not deletes_first(made("v1", "ConfigMap"), {**made("v1", "ConfigMap"), "metadata": named})
