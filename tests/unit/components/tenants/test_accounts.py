"""The Job that gives tenants their accounts runs when something changed, and only then."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

from components.tenants import TenantAccounts, TenantAccountsArgs
from components.tenants import reconcile as module
from infra.blueprint.model import TenantPart
from tests.unit.components.parts import RESEARCH, SUPPORT
from tests.unit.components.recording import Recording, Secret, record, strings


@functools.cache
def accounts(
    *tenants: TenantPart, image: str = "registry.example.com/litellm:v1.106.2", database: str = "one"
) -> Recording:
    def program() -> Any:
        args = TenantAccountsArgs(tenants, "gateway", image, "http://gateway:4000", "gateway", database)
        component = TenantAccounts("tenants", args)
        secret = {name: key.is_secret() for name, key in component.keys.items()}
        return {"keys": dict(component.keys), "secret": secret}

    return record(program)


def job(recording: Recording) -> dict[str, Any]:
    return dict(recording.one("Job").inputs)


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
    assert job(accounts(RESEARCH, database="two")) != job(accounts(RESEARCH))
    assert job(accounts(RESEARCH, database="one")) == job(accounts(RESEARCH))


def test_the_order_of_tenants_makes_no_difference() -> None:
    assert job(accounts(RESEARCH, SUPPORT)) == job(accounts(SUPPORT, RESEARCH))


def test_any_change_of_a_tenant_is_another_job() -> None:
    names = {
        job(accounts(*tenants))["metadata"]["name"]
        for tenants in (
            (RESEARCH,),
            (RESEARCH, SUPPORT),
            (dataclasses.replace(RESEARCH, budget_usd=501.0),),
            (dataclasses.replace(RESEARCH, models=("tiny",)),),
            (),
        )
    }

    assert len(names) == 5


def test_the_job_runs_the_very_module_that_is_tested() -> None:
    recording = accounts(RESEARCH)
    data = recording.one("ConfigMap").inputs["data"]
    (container,) = job(recording)["spec"]["template"]["spec"]["containers"]

    assert data["reconcile.py"] == Path(module.__file__).read_text(encoding="utf-8")
    assert container["command"][-1] == "/etc/bulkhead/tenants/reconcile.py"
    assert [tenant["name"] for tenant in json.loads(data["tenants.json"])["tenants"]] == ["research"]


def test_keys_are_files_and_the_master_key_comes_from_the_gateway_s_secret() -> None:
    pod = job(accounts(RESEARCH))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    master = next(item for item in container["env"] if item["name"] == "LITELLM_MASTER_KEY")

    assert master["valueFrom"]["secretKeyRef"] == {"name": "gateway", "key": "master-key"}
    assert {"name": "keys", "secret": {"secretName": "tenant-keys"}} in pod["volumes"]


def test_an_older_job_is_gone_before_the_next_one_starts() -> None:
    recording = accounts(RESEARCH)

    assert recording.one("Job").delete_before_replace is True
    assert job(recording)["spec"]["podReplacementPolicy"] == "Failed"


def test_a_finished_job_is_kept_and_wrong_input_is_not_tried_again() -> None:
    spec = job(accounts(RESEARCH))["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]

    assert "ttlSecondsAfterFinished" not in spec
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [2]


def test_the_pod_fits_pod_security_restricted_with_a_read_only_root() -> None:
    pod = job(accounts(RESEARCH))["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
