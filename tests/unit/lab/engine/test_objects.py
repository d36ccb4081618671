"""Shaping Kubernetes objects: names, secrets, drift."""

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.engine.kubernetes.objects import (
    applied_by,
    drifted_inputs,
    encode_string_data,
    foreseen_outputs,
    identity,
    manager_for,
    outputs_of,
    redact,
    type_of,
)
from lab.engine.values import UNKNOWN, Secret, has_secret, plain

Object = dict[str, Any]
URN = "urn:pulumi:local::bulkhead::bulkhead:engine:Engine$kubernetes:core/v1:Secret::llama-key"


def secret(**rest: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "team"}, **rest}


def test_string_data_becomes_encoded_data_wrapped_as_a_secret() -> None:
    folded = encode_string_data(secret(stringData=Secret({"password": "mint"}), data={"user": "dQ=="}))
    assert "stringData" not in folded
    assert folded["data"] == Secret({"user": "dQ==", "password": base64.b64encode(b"mint").decode()})


def test_string_data_known_only_later_stays_unknown() -> None:
    folded = encode_string_data(secret(stringData={"password": Secret(UNKNOWN), "user": "u"}))
    assert folded["data"] == Secret({"password": UNKNOWN, "user": "dQ=="})


@given(st.text(min_size=4, max_size=20))
def test_a_secrets_data_is_secret_in_the_outputs_however_it_came(text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    outputs = outputs_of(secret(data={"a": encoded}), secret(data={"a": encoded}), "manager")
    assert isinstance(outputs["data"], Secret)


def test_a_secret_that_the_server_copied_elsewhere_is_wrapped_there_too() -> None:
    inputs: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"}, "spec": {"env": Secret("hunter2")}}
    live: Object = {**plain(inputs), "metadata": {"name": "it", "annotations": {"copied": "was hunter2"}}}
    outputs = outputs_of(inputs, live, "manager")
    assert outputs["metadata"]["annotations"]["copied"] == Secret("was hunter2")


def test_field_managers_entries_do_not_reach_the_state() -> None:
    live: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "managedFields": [{}]}}
    assert "managedFields" not in outputs_of({}, live, "manager")["metadata"]


def test_a_preview_does_not_promise_what_a_dry_run_invents() -> None:
    inputs: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": []}}
    dry: Object = {**inputs, "metadata": {"name": "web", "uid": "u"}, "spec": {"clusterIP": "10.96.3.3"}, "status": {}}
    foreseen = foreseen_outputs(inputs, dry, "manager")
    assert foreseen["metadata"]["uid"] is UNKNOWN
    assert foreseen["spec"]["clusterIP"] is UNKNOWN
    assert "status" not in foreseen


def test_a_resource_always_applies_as_the_same_manager_and_no_other_as_it() -> None:
    assert manager_for(URN) == manager_for(URN)
    assert manager_for(URN) != manager_for(URN + "-2")


def test_what_a_manager_applied_is_told_from_what_it_only_updated() -> None:
    def managed(operation: str) -> Object:
        return {"metadata": {"managedFields": [{"manager": "m", "operation": operation}]}}

    assert applied_by(managed("Apply"), "m")
    assert not applied_by(managed("Update"), "m")
    assert not applied_by(managed("Apply"), "other")


def test_a_urn_names_the_kind() -> None:
    assert type_of(URN) == ("v1", "Secret")
    assert type_of("urn:pulumi:s::p::kubernetes:apps/v1:Deployment::web") == ("apps/v1", "Deployment")


def test_an_identity_has_a_namespace_where_the_object_has_one() -> None:
    assert identity(secret()) == "team/key"
    assert identity({"metadata": {"name": "node"}}) == "node"


def test_normalised_values_are_no_drift() -> None:
    inputs, stored = {"spec": {"cpu": "0.5"}}, {"spec": {"cpu": "500m", "added": "by the server"}}
    assert drifted_inputs(inputs, stored, stored) == inputs


def test_drift_shows_where_it_happened_and_only_there() -> None:
    inputs = {"spec": {"cpu": "0.5", "pods": "50"}}
    stored, live = {"spec": {"cpu": "500m", "pods": "50"}}, {"spec": {"cpu": "500m", "pods": "99", "more": "1"}}
    assert drifted_inputs(inputs, stored, live) == {"spec": {"cpu": "0.5", "pods": "99"}}


def test_a_field_removed_from_the_cluster_is_drift() -> None:
    inputs = {"spec": {"a": "1", "b": "2"}}
    assert drifted_inputs(inputs, {"spec": {"a": "1", "b": "2"}}, {"spec": {"a": "1"}}) == {"spec": {"a": "1"}}


def test_a_drifted_secret_stays_a_secret() -> None:
    drifted = drifted_inputs({"data": Secret({"a": "MQ=="})}, {"data": {"a": "MQ=="}}, {"data": {"a": "Mg=="}})
    assert drifted == {"data": Secret({"a": "Mg=="})}


@given(st.text(min_size=6, max_size=30))
def test_a_message_never_repeats_a_secret_in_any_usual_form(text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    told = redact(f"invalid value: {encoded} and {text}", [text])
    assert text not in told.replace("[secret]", "")
    assert encoded not in told


def test_a_message_hides_what_an_encoded_secret_stands_for() -> None:
    encoded = base64.b64encode(b"hunter2-hunter2").decode()
    assert "hunter2" not in redact("refused: hunter2-hunter2", [encoded])


def test_an_object_without_secrets_has_open_outputs() -> None:
    live: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}, "data": {"a": "1"}}
    assert not has_secret(outputs_of(dict(live), live, "manager"))
