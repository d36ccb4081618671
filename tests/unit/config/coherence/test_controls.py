"""What controls need to be told, and what they rule out."""

import pytest

from infra.config.trust import ControlId, Tier
from infra.controls.catalogue import CATALOGUE
from tests.unit.config.documents import only_fault, sound

TRUST = [{"tier": "governed"}, {"tier": "partitioned"}, {"tier": "trusted", "enable": ["SR1", "SR3"]}]
EXTERNAL = {"kind": "external"}
URL = {"secure": "ciphertext"}


@pytest.mark.parametrize("trust", TRUST)
@pytest.mark.parametrize("key", ["database", "cache"])
def test_sr1_wants_to_know_where_an_external_service_is(trust: dict[str, object], key: str) -> None:
    changes = {"trust": trust, f"gateway.{key}": EXTERNAL, f"{key}_url": URL}

    fault = only_fault(changes)

    assert fault.path == f"bulkhead:gateway.{key}"
    assert fault.write.startswith("networks:")
    assert sound({**changes, f"gateway.{key}": {**EXTERNAL, "networks": ["10.20.0.0/24"]}})


def test_an_external_service_without_networks_is_fine_where_nothing_is_closed() -> None:
    assert sound({"gateway.database": EXTERNAL, "database_url": URL})


@pytest.mark.parametrize("trust", TRUST)
def test_sr3_refuses_to_serve_through_an_outage_of_the_database(trust: dict[str, object]) -> None:
    fault = only_fault({"trust": trust, "gateway.database_outage": "serve"})

    assert (fault.path, fault.write) == ("bulkhead:gateway.database_outage", "database_outage: refuse")


def test_serving_through_an_outage_is_allowed_without_sr3() -> None:
    assert sound({"gateway.database_outage": "serve"})


def test_sr3_wants_a_price_on_a_model_that_nobody_may_call_yet() -> None:
    spare = {"name": "spare", "source": "example/spare", "pool": "cpu"}

    fault = only_fault({"trust": {"tier": "governed"}, "models.1": spare})

    assert fault.path == "bulkhead:models[1]"
    assert sound({"models.1": spare})


@pytest.mark.parametrize(
    ("trust", "asker"),
    [
        ({"tier": "governed"}, "tier governed"),
        ({"tier": "governed", "enable": ["SR1", "SR3"]}, "tier governed"),
        ({"tier": "trusted", "enable": ["SR1", "SR3"]}, "bulkhead:trust.enable"),
    ],
    ids=["tier", "both", "file"],
)
def test_whoever_asks_for_the_control_is_named(trust: dict[str, object], asker: str) -> None:
    """Where both do, taking the id out of the file would change nothing."""
    closed = only_fault({"trust": trust, "gateway.database": EXTERNAL, "database_url": URL})
    refused = only_fault({"trust": trust, "gateway.database_outage": "serve"})

    assert f"SR1 ({asker}) closes" in closed.wrong
    assert f"SR3 ({asker}) refuses" in refused.wrong


def test_the_rules_ask_for_controls_from_the_tier_that_brings_them() -> None:
    brought = {entry.control.id: entry.control.enforced_from for entry in CATALOGUE}

    assert brought[ControlId.SR1] is Tier.GOVERNED
    assert brought[ControlId.SR3] is Tier.GOVERNED
