"""The certificate that Google issues for the gateway's host."""

from typing import Any

import pytest

from components.gateway.certificate import ManagedCertificate, ManagedCertificateArgs
from infra.plan import Plan, record

REGIONAL = ManagedCertificateArgs("llm.example.com", "example-project", "europe-west4")
GLOBAL = ManagedCertificateArgs("llm.example.com", "example-project", None)


def planned(args: ManagedCertificateArgs) -> Plan:
    def program() -> None:
        ManagedCertificate("certificate", args)

    return record("test", program)


def inputs(plan: Plan, kind: str) -> Any:
    (only,) = plan.of_type(f"gcp:certificatemanager/{kind[0].lower()}{kind[1:]}:{kind}")
    return only.inputs


@pytest.mark.parametrize(("args", "location"), [(REGIONAL, "europe-west4"), (GLOBAL, "global")])
def test_it_is_issued_by_dns_where_the_load_balancer_is(args: ManagedCertificateArgs, location: str) -> None:
    plan = planned(args)

    assert inputs(plan, "Certificate")["location"] == inputs(plan, "DnsAuthorization")["location"] == location
    assert inputs(plan, "Certificate")["managed"]["domains"] == ["llm.example.com"]
    assert inputs(plan, "Certificate")["name"] == "bulkhead-gateway"


def test_a_global_one_is_found_through_a_map_and_a_regional_one_by_its_name() -> None:
    kinds = [{resource.type.rpartition(":")[2] for resource in planned(args).resources} for args in (REGIONAL, GLOBAL)]

    assert "CertificateMap" not in kinds[0]
    assert {"CertificateMap", "CertificateMapEntry"} <= kinds[1]
    assert inputs(planned(GLOBAL), "CertificateMapEntry")["hostname"] == "llm.example.com"
