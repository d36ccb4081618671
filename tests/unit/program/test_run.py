"""The program's entry, as the engine calls it: whole configuration in, and either everything or nothing registered."""

import datetime
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi.runtime
import pytest

from benchmarks.documents import document_with_tenants
from infra.plan import Answer, Plan, PlannedResource, record
from infra.plan.model import mapping
from infra.program import run

SECRET = secrets.token_hex(8)
DATABASE_URL = f"postgresql://user:{SECRET}@db.example.com/litellm"


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig that has the context of the documents here."""
    path = tmp_path / "kubeconfig"
    path.write_text("contexts: [{name: bulkhead-lab}]\n")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def engine_values(document: Mapping[str, Any]) -> dict[str, str]:
    """A document as the engine hands it over: structured values as JSON text."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}


def waived() -> dict[str, object]:
    """Two tenants, with waivers of what they require that have not ended: the program asks the real clock."""
    return document_with_tenants(2, datetime.datetime.now(datetime.UTC).date())


def run_with(
    document: Mapping[str, Any],
    registered: list[PlannedResource] | None = None,
    encrypted: Sequence[str] = ("bulkhead:database_url",),
    *,
    preview: bool = False,
) -> Plan:
    """Run the program with a configuration; what an update registers goes to `registered`, also when it fails."""

    def program() -> None:
        pulumi.runtime.set_all_config(engine_values(document), list(encrypted))
        run()

    def note(resource: PlannedResource) -> Answer:
        if registered is not None:
            registered.append(resource)
        return Answer()

    return record("test", program, None if preview else note)


def refused(document: Mapping[str, Any], encrypted: Sequence[str] = ("bulkhead:database_url",)) -> str:
    """The message that the program refuses a configuration with, having registered nothing."""
    registered: list[PlannedResource] = []
    with pytest.raises(pulumi.RunError) as refusal:
        run_with(document, registered, encrypted)
    assert registered == []
    return str(refusal.value)


def test_a_sound_configuration_is_registered_and_its_outputs_are_handed_out() -> None:
    plan = run_with(document_with_tenants(1))

    assert plan.resources
    assert set(plan.outputs) == {"deployed", "gateway", "posture", "tenant_keys"}


def test_faults_are_refused_in_one_message_with_every_fault_and_its_key() -> None:
    document = document_with_tenants(1)
    broken = {**document, "bulkhead:trust": {"tier": "trustworthy"}, "bulkhead:pols": "none"}

    message = refused(broken)

    assert "bulkhead:trust.tier" in message
    assert "bulkhead:pols" in message
    assert "Pulumi.test.yaml" in message
    assert "Traceback" not in message


def test_an_unsound_posture_is_refused_with_what_to_write() -> None:
    document = {**document_with_tenants(2), "bulkhead:trust": {"tier": "trusted"}}

    message = refused(document)

    assert "SR1" in message
    assert "nothing was changed" in message
    assert "bulkhead:trust" in message


def test_a_lower_tier_than_the_deployed_one_is_refused_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = document_with_tenants(1)
    governed = {"tier": "governed", "controls": [{"id": "SR1", "state": "enforced"}]}
    monkeypatch.setattr("infra.program.entry.last_outputs", lambda: {"posture": governed})
    permission = {"allow_lowering": {"from_tier": "governed", "reason": "one tenant is left"}}

    assert "Tier governed is deployed and the stack file says trusted" in refused(document)
    allowed = run_with({**document, "bulkhead:trust": {"tier": "trusted", **permission}})

    assert allowed.resources
    assert any("one tenant is left" in warning for warning in allowed.warnings)


def test_waivers_are_shown_as_warnings_and_an_update_says_how_near_their_day_is() -> None:
    warnings = run_with(waived()).warnings

    assert [warning.partition(":")[0] for warning in warnings] == ["bulkhead"] * 3
    assert all("is waived until" in warning for warning in warnings)
    assert all(" from now): " in warning or "(EXPIRES IN " in warning for warning in warnings)


def test_a_preview_warns_in_words_that_are_the_same_on_every_day() -> None:
    warnings = run_with(waived(), preview=True).warnings

    assert len(warnings) == 3
    assert all("is waived until" in warning for warning in warnings)
    assert not [warning for warning in warnings if " from now" in warning or "EXPIRES IN" in warning]


def test_outputs_say_nothing_that_changes_from_day_to_day() -> None:
    posture = str(run_with(waived()).outputs["posture"])

    assert "is waived until" in posture
    assert "from now" not in posture
    assert "EXPIRES IN" not in posture


def test_a_misspelt_key_that_the_program_would_never_ask_for_is_refused() -> None:
    assert "bulkhead:sorces" in refused({**document_with_tenants(1), "bulkhead:sorces": {}})


def test_keys_of_other_programs_are_nobodys_business() -> None:
    assert run_with({**document_with_tenants(1), "gcp:project": "example"}).resources


def test_a_secret_is_never_part_of_a_refusal() -> None:
    document = {**document_with_tenants(1), "bulkhead:database_url": DATABASE_URL, "bulkhead:tenants": DATABASE_URL}

    assert SECRET not in refused(document)


def test_a_stack_secret_reaches_the_gateway_wrapped() -> None:
    external = {"database": {"kind": "external"}}
    plan = run_with({**document_with_tenants(1), "bulkhead:gateway": external, "bulkhead:database_url": DATABASE_URL})

    assert SECRET not in str(plan)
    assert "[secret]" in str(plan.named("gateway-secret").inputs)


@pytest.mark.parametrize("key", ["bulkhead:database_url", "bulkhead:cache_url", "bulkhead:model_hub_token"])
def test_a_secret_that_the_engine_holds_in_the_clear_is_refused_and_encrypted_accepted(key: str) -> None:
    document = {**document_with_tenants(1), key: DATABASE_URL}

    message = refused(document, encrypted=[])

    assert f"{key}: this secret stands in the clear" in message
    assert f"pulumi config set --secret {key}" in message
    assert SECRET not in message
    assert run_with(document, encrypted=[key]).resources


def test_a_context_that_the_kubeconfig_lacks_is_refused_with_those_that_it_has(kubeconfig: Path) -> None:
    kubeconfig.write_text("contexts: [{name: staging}, {name: production}]\n")

    message = refused(document_with_tenants(1))

    assert "bulkhead:cluster.context: the kubeconfig has no context bulkhead-lab" in message
    assert "production, staging" in message


def test_a_kubeconfig_that_is_not_there_is_named(kubeconfig: Path) -> None:
    kubeconfig.unlink()

    assert f"there is no kubeconfig: {kubeconfig}" in refused(document_with_tenants(1))


def test_a_context_in_any_of_the_kubeconfigs_will_do(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{kubeconfig}")

    assert run_with(document_with_tenants(1)).resources


def test_where_the_users_kubeconfig_lies_is_no_part_of_the_stack() -> None:
    (provider,) = run_with(document_with_tenants(1)).of_type("pulumi:providers:kubernetes")

    assert provider.inputs["kubeconfig"] == ""


def test_a_chart_folder_that_is_not_there_is_refused_and_one_that_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = {"charts": {"kueue": {"kind": "folder", "path": "charts/kueue"}}}
    document = {**document_with_tenants(1), "bulkhead:sources": source}

    assert "bulkhead:sources.charts.kueue.path: there is no chart in charts/kueue" in refused(document)

    folder = tmp_path / "charts" / "kueue"
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: kueue\n")
    assert run_with(document).resources


def test_the_folder_of_a_chart_that_is_not_installed_is_not_asked_for() -> None:
    source = {"charts": {"kyverno": {"kind": "folder", "path": "nowhere/kyverno"}}}

    assert run_with({**document_with_tenants(1), "bulkhead:sources": source}).resources


def test_a_model_that_is_picked_for_has_a_pool_a_picker_and_a_data_plane() -> None:
    document = document_with_tenants(1)
    (model,) = cast("list[dict[str, Any]]", document["bulkhead:models"])
    plan = run_with({**document, "bulkhead:models": [{**model, "routing": {"kind": "endpoint_picker"}}]})
    (pool,) = plan.of_type("kubernetes:inference.networking.k8s.io/v1:InferencePool")

    assert mapping(pool.inputs["spec"])["targetPorts"] == [{"number": 8000}]
    assert mapping(plan.named("picker-model-0-deployment").inputs["metadata"])["name"] == "picker-model-0"
    assert "http://picked-model-0.bulkhead-engines.svc.cluster.local:8080/v1" in str(
        plan.named("gateway-configuration").inputs["data"]
    )
