"""Who may use which GPUs, as a table and as JSON."""

import io
import json

import pytest

from infra.blueprint.placement import Placement
from infra.posture import platform_of
from infra.report.placement_table import placement_json, print_placement
from tests.unit.trust.stacks import TODAY, config_of, document, mig, model, pool, tenant


def placement(*, hard: bool) -> Placement:
    parts = document(
        trust={"enable": ["HW1"]} if hard else None,
        pools=[
            pool("cpu", "cpu"),
            pool("own", dedicated_to="one"),
            pool("serving"),
            pool("split", "nvidia-h100-80gb", partition=mig(), nodes={"max": 2}),
        ],
        models=[model("m", "serving", replicas=2)],
        tenants=[tenant("one", "m", quota={"split": 3}), tenant("two", "m")],
    )
    return platform_of("test", config_of(parts), TODAY).placement


def table(found: Placement, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    stream = io.StringIO()
    print_placement(found, stream)
    return stream.getvalue()


def test_the_table_says_what_separates_tenants_and_how_the_devices_add_up(monkeypatch: pytest.MonkeyPatch):
    rows = {
        line.split()[0]: " ".join(line.split()) for line in table(placement(hard=True), monkeypatch).splitlines()[:4]
    }

    assert rows["own"] == "own nodes of one alone - one 0+ 0 of 8 = 8 nodes x 1 x 1"
    assert rows["serving"] == "serving whole GPUs, engines only m 2 x 1 - 2 of 8 = 8 nodes x 1 x 1"
    assert rows["split"] == "split MIG instances (1g.10gb) - one 3+, two 0+ 3 of 14 = 2 nodes x 1 x 7"


def test_gpus_that_pass_from_tenant_to_tenant_are_told_in_so_many_words(monkeypatch: pytest.MonkeyPatch):
    assert "NONE: GPUs pass from one to another" in table(placement(hard=False), monkeypatch)


def test_json_holds_what_the_table_holds():
    pools = {entry["pool"]: entry for entry in json.loads(placement_json(placement(hard=True)))["pools"]}

    assert list(pools) == ["own", "serving", "split"]
    assert pools["serving"] == {
        "pool": "serving",
        "boundary": "whole GPUs, engines only",
        "tenants_meet_on_a_gpu": False,
        "dedicated_to": None,
        "engines": [{"name": "m", "replicas": 2, "spare": 0, "devices": 1, "serves": ["one", "two"]}],
        "jobs": [],
        "devices_promised": 2,
        "devices": 8,
        "nodes": 8,
        "gpus_per_node": 1,
        "devices_per_gpu": 1,
    }
    assert pools["split"]["jobs"] == [
        {"tenant": "one", "guaranteed": 3, "borrows": True},
        {"tenant": "two", "guaranteed": 0, "borrows": True},
    ]


def test_a_stack_without_gpus_says_so(monkeypatch: pytest.MonkeyPatch):
    assert table(platform_of("test", config_of(document()), TODAY).placement, monkeypatch) == "No pool has GPUs.\n"
