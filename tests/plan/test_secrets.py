"""Sentinel secrets never appear unwrapped: in no input, output, warning or printed plan."""

import functools
import io
import secrets
from dataclasses import replace

import pulumi
import pytest

from benchmarks.documents import document_with_tenants
from infra.plan import Answer, Plan, PlannedResource, plan, record
from infra.plan.document import plan_json
from infra.plan.manifests import plan_manifests
from infra.plan.table import print_plan
from infra.posture import platform_of
from tests.plan.read_back import MADE as ANSWERS
from tests.plan.stacks import STACKS, TODAY, committed_plan, configuration
from tests.strategies import Document, Part

SENTINEL = f"sentinel-{secrets.token_hex(8)}"
STACK_SECRETS = {
    "model_hub_token": f"{SENTINEL}-hub",
    "database_url": f"postgresql://user:{SENTINEL}-database@db.example.com:5432/litellm",
    "cache_url": f"rediss://:{SENTINEL}-cache@cache.example.com:6379/0",
}
GENERATED = "random:index/randomPassword:RandomPassword"
EXISTING: Part = {"kind": "existing", "context": "dev"}
GKE: Part = {"kind": "gke", "project": "example-project", "location": "europe-west4"}


REDIS = "gcp:redis/instance:Instance"
MADE: dict[str, Answer] = {**ANSWERS, REDIS: replace(ANSWERS[REDIS], secret={"authString": SENTINEL})}


def made_by_provider(resource: PlannedResource) -> Answer:
    """What providers would add in an update, every secret of it a sentinel."""
    if resource.type == GENERATED:
        return Answer(secret={"result": f"{SENTINEL}-{resource.name}", "bcryptHash": f"{SENTINEL}-hash"})
    return MADE.get(resource.type, Answer())


def document(cluster: Part, database: str, cache: str) -> Document:
    """A stack of two tenants with that database and cache; every secret of it is set."""
    return {
        **document_with_tenants(2),
        "bulkhead:cluster": cluster,
        "bulkhead:gateway": {"database": {"kind": database}, "cache": {"kind": cache}},
        **{f"bulkhead:{name}": {"secure": "ciphertext"} for name in STACK_SECRETS},
    }


SHAPES = {
    "in the cluster": document(EXISTING, "in_cluster", "in_cluster"),
    "external": document(EXISTING, "external", "external"),
    "managed": document(GKE, "cloud_sql", "memorystore"),
}


@functools.cache
def updated(shape: str) -> Plan:
    platform = platform_of("test", configuration(SHAPES[shape]), TODAY)
    assert platform.posture.sound, platform.posture.errors
    return plan(platform, STACK_SECRETS, made_by_provider)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_stands_unwrapped_in_what_is_registered(shape: str) -> None:
    assert SENTINEL not in plan_json(updated(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_is_printed(shape: str) -> None:
    table = io.StringIO()
    print_plan(updated(shape), table)

    assert SENTINEL not in table.getvalue()
    assert SENTINEL not in plan_manifests(updated(shape), lambda _chart: "not at hand")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_secrets_are_there_so_that_their_absence_means_something(shape: str) -> None:
    """The twin of the tests above: wrapped secrets are found, in the Secrets that pods read."""
    held = [one for one in updated(shape).of_type("kubernetes:core/v1:Secret") if "[secret]" in str(one.inputs)]

    assert len(held) >= 3
    assert updated(shape).of_type(GENERATED)


def test_an_unwrapped_secret_would_be_seen() -> None:
    """What the tests above rest on: the recorder hides only what is marked as secret."""

    def program() -> None:
        pulumi.export("leaked", SENTINEL)
        pulumi.export("kept", pulumi.Output.secret(SENTINEL))

    outputs = record("test", program).outputs

    assert outputs == {"kept": "[secret]", "leaked": SENTINEL}


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_mints_nothing(stack: str) -> None:
    for generated in committed_plan(stack).of_type(GENERATED):
        assert not {"result", "bcryptHash"} & set(generated.inputs)
