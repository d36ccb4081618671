"""The pod that gives tenants their accounts is another one when something changed, and only then."""

import dataclasses
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from components.tenants import TenantAccounts, TenantAccountsArgs
from components.tenants import reconciler as package
from infra.blueprint.model import TenantPart
from tests.unit.components.parts import RESEARCH, SUPPORT
from tests.unit.components.recording import Recording, Secret, record, strings


@functools.cache
def accounts(
    *tenants: TenantPart,
    image: str = "registry.example.com/litellm:v1.106.2",
    database: str = "one",
    master_key_generation: int = 1,
) -> Recording:
    def program() -> Any:
        args = TenantAccountsArgs(
            tenants,
            namespace="gateway",
            image=image,
            admin_url="http://gateway-admin:4001",
            api_url="http://gateway:4000/v1",
            master_key_secret="gateway",  # noqa: S106 - the name of a Secret
            database_fingerprint=database,
            forget_seconds=21,
            master_key_generation=master_key_generation,
        )
        component = TenantAccounts("tenants", args)
        secret = {name: key.is_secret() for name, key in component.keys.items()}
        return {"keys": dict(component.keys), "secret": secret}

    return record(program)


def deployment(recording: Recording) -> dict[str, Any]:
    return dict(recording.one("Deployment").inputs)


def pod(recording: Recording) -> dict[str, Any]:
    return deployment(recording)["spec"]["template"]["spec"]


def records_map(recording: Recording) -> dict[str, Any]:
    return dict(recording.one("ConfigMap").inputs)


def test_each_tenant_has_a_key_of_its_own_and_it_is_secret() -> None:
    recording = accounts(RESEARCH, SUPPORT)

    assert recording.returned == {
        "keys": {
            "research": "sk-generated-tenants-key-research",
            "support": "sk-generated-tenants-key-support",
        },
        "secret": {"research": True, "support": True},
    }
    assert recording.named("tenants-keys").inputs["stringData"] == Secret(recording.returned["keys"])


def test_no_key_stands_where_a_diff_would_show_it() -> None:
    shown = " ".join(text for resource in accounts(RESEARCH).resources for text in strings(resource.inputs))

    assert "generated-" not in shown


def test_a_key_stays_when_anything_else_changes() -> None:
    for key in accounts(RESEARCH).of("RandomPassword"):
        assert set(key.inputs) <= set(key.ignore_changes)


def test_accounts_are_made_again_in_another_database() -> None:
    assert deployment(accounts(RESEARCH, database="two")) != deployment(accounts(RESEARCH))
    assert deployment(accounts(RESEARCH, database="one")) == deployment(accounts(RESEARCH))


def test_the_order_of_tenants_makes_no_difference() -> None:
    assert deployment(accounts(RESEARCH, SUPPORT)) == deployment(accounts(SUPPORT, RESEARCH))


def test_any_change_of_a_tenant_is_another_pod() -> None:
    recordings = [
        accounts(*tenants)
        for tenants in (
            (RESEARCH,),
            (RESEARCH, SUPPORT),
            (dataclasses.replace(RESEARCH, budget_usd=501.0),),
            (dataclasses.replace(RESEARCH, models=("tiny",)),),
            (),
        )
    ]
    names = {records_map(recording)["metadata"]["name"] for recording in recordings}
    mounted = {json.dumps(pod(recording)["volumes"]) for recording in recordings}

    assert len(names) == len(mounted) == 5
    assert {deployment(recording)["metadata"]["name"] for recording in recordings} == {"tenants"}


def test_an_older_list_never_acts_beside_a_newer_one() -> None:
    spec = deployment(accounts(RESEARCH))["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_an_update_waits_until_the_accounts_are_made() -> None:
    (container,) = pod(accounts(RESEARCH))["containers"]

    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_pod_runs_the_very_modules_that_are_tested(tmp_path: Path) -> None:
    recording = accounts(RESEARCH)
    data = records_map(recording)["data"]
    (container,) = pod(recording)["containers"]
    (records,) = [volume["configMap"] for volume in pod(recording)["volumes"] if volume["name"] == "records"]
    for item in records["items"]:
        path = tmp_path / item["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(data[item["key"]], encoding="utf-8")
    start = container["command"][-1].replace("/etc/bulkhead/tenants", str(tmp_path))
    command = [sys.executable, *container["command"][1:-1], start]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert {name for name in data if name.endswith(".py")} == {
        path.name for path in Path(str(package.__file__)).parent.glob("*.py")
    }
    assert [tenant["name"] for tenant in json.loads(data["tenants.json"])["tenants"]] == ["research"]
    assert answer.stderr == "error: LITELLM_MASTER_KEY is not set\n"
    assert answer.returncode == 2


def test_a_key_is_delivered_where_the_tenant_has_a_namespace_of_its_own() -> None:
    recording = accounts(dataclasses.replace(RESEARCH, namespace="tenant-research"), SUPPORT)
    delivered = recording.named("tenants-delivered-research")

    assert [secret.name for secret in recording.of("Secret")] == ["tenants-keys", "tenants-delivered-research"]
    assert delivered.inputs["metadata"]["namespace"] == "tenant-research"
    assert delivered.inputs["metadata"]["name"] == "bulkhead-key"
    assert delivered.inputs["stringData"] == Secret(
        {"OPENAI_API_KEY": "sk-generated-tenants-key-research", "OPENAI_BASE_URL": "http://gateway:4000/v1"}
    )
    assert recording.one("Deployment").urn in delivered.dependencies


def test_keys_are_files_and_the_master_key_comes_from_the_gateway_s_secret() -> None:
    template = pod(accounts(RESEARCH))
    (container,) = template["containers"]
    master = next(item for item in container["env"] if item["name"] == "LITELLM_MASTER_KEY")

    assert master["valueFrom"]["secretKeyRef"] == {"name": "gateway", "key": "master-key"}
    assert {"name": "keys", "secret": {"secretName": "tenant-keys"}} in template["volumes"]


def test_the_pod_fits_pod_security_restricted_with_a_read_only_root() -> None:
    template = pod(accounts(RESEARCH))

    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


CHANGED = dataclasses.replace(RESEARCH, key_generations=(1, 2))
ENDED = dataclasses.replace(RESEARCH, key_generations=(2,))


def test_a_second_key_is_drawn_beside_the_first_and_handed_out() -> None:
    before, recording = accounts(RESEARCH), accounts(CHANGED)

    # Resources are recorded as their registrations end, which is in no order.
    assert {key.name for key in recording.of("RandomPassword")} == {"tenants-key-research", "tenants-key-research.2"}
    assert recording.named("tenants-key-research").inputs == before.named("tenants-key-research").inputs
    assert recording.returned["keys"] == {"research": "sk-generated-tenants-key-research.2"}
    assert recording.named("tenants-keys").inputs["stringData"] == Secret(
        {
            "research": "sk-generated-tenants-key-research.2",
            "research.former": "sk-generated-tenants-key-research",
        }
    )


def test_the_first_key_goes_when_it_is_to_work_no_more() -> None:
    recording = accounts(ENDED)

    assert [key.name for key in recording.of("RandomPassword")] == ["tenants-key-research.2"]
    assert recording.named("tenants-keys").inputs["stringData"] == Secret(
        {"research": "sk-generated-tenants-key-research.2"}
    )


def test_each_change_of_keys_is_another_pod() -> None:
    templates = [deployment(accounts(part))["spec"]["template"] for part in (RESEARCH, CHANGED, ENDED)]
    shown = [json.dumps(template, sort_keys=True) for template in templates]

    assert len(set(shown)) == 3


def test_another_master_key_is_another_pod() -> None:
    def annotations(generation: int) -> dict[str, Any]:
        template = deployment(accounts(RESEARCH, master_key_generation=generation))["spec"]["template"]
        return template["metadata"]["annotations"]

    assert annotations(2) == {**annotations(1), "bulkhead.dev/master-key-generation": "2"}
