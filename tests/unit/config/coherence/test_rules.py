"""Money, the cluster, the gateway, secrets and trust."""

from typing import Any

import pytest

from tests.unit.config.documents import Document, only_fault, sound

GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
FREE = {"input_usd_per_million_tokens": 0, "output_usd_per_million_tokens": 0}
L4: Document = {"name": "more", "accelerator": "nvidia-l4", "nodes": {"max": 2}}
WAIVER: Document = {"control": "SR1", "owner": "ops@example.com", "reason": "Until May.", "expires": "2027-05-01"}


def test_a_budget_without_prices_is_refused_with_the_model_and_the_tenants() -> None:
    fault = only_fault({"models.0.price": ...})

    assert fault.path == "bulkhead:models[0]"
    assert "`research` and `search` may call it" in fault.wrong
    assert fault.write.startswith("price: {")


@pytest.mark.parametrize("key", ["input_usd_per_million_tokens", "output_usd_per_million_tokens"])
def test_a_price_of_next_to_nothing_is_a_mistaken_unit(key: str) -> None:
    """No budget would ever be used up by it: somebody wrote dollars for one token."""
    fault = only_fault({f"models.0.price.{key}": 0.0000002})

    assert fault.path == f"bulkhead:models[0].price.{key}"
    assert fault.wrong == "2e-07 US dollars for a million tokens is next to nothing"
    assert sound({f"models.0.price.{key}": 0.0001})


def test_a_model_that_nobody_may_call_needs_no_price() -> None:
    sound({"models.1": {"name": "spare", "source": "example/spare", "pool": "cpu"}})


def test_a_budget_that_nothing_can_use_up_is_refused() -> None:
    fault = only_fault({"models.0.price": FREE, "tenants.1": ...})

    assert fault.path == "bulkhead:tenants[0].budget"


def test_a_model_without_charge_beside_a_priced_one_is_accepted() -> None:
    free = {"name": "free", "source": "example/free", "pool": "cpu", "price": FREE}
    sound({"models.1": free, "tenants.0.models": ["llama", "free"]})


@pytest.mark.parametrize("key", ["machine_type", "spot", "confidential"])
def test_a_gke_key_of_a_pool_is_refused_on_an_existing_cluster(key: str) -> None:
    fault = only_fault({f"pools.1.{key}": {"machine_type": "g2-standard-24"}.get(key, False)})

    assert fault.path == f"bulkhead:pools[1].{key}"
    assert "this cluster exists already" in fault.wrong


def test_node_labels_are_refused_on_gke() -> None:
    assert only_fault({"cluster": GKE, "pools.1.node_labels": {"a": "b"}}).path == "bulkhead:pools[1].node_labels"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"gateway.database": {"kind": "cloud_sql"}}, "bulkhead:gateway.database.kind"),
        ({"gateway.cache": {"kind": "memorystore"}}, "bulkhead:gateway.cache.kind"),
    ],
)
def test_managed_services_are_refused_on_an_existing_cluster_and_accepted_on_gke(
    changes: dict[str, Any], path: str
) -> None:
    assert only_fault(changes).path == path
    sound({**changes, "cluster": GKE})


def test_gke_needs_nodes_without_gpus_for_what_needs_none() -> None:
    fault = only_fault({"cluster": GKE, "pools.0": ...})

    assert fault.path == "bulkhead:pools"
    assert "accelerator: cpu" in fault.write
    assert only_fault({"cluster": GKE, "pools.0.dedicated_to": "search"}).path == "bulkhead:pools"
    assert only_fault({"cluster": GKE, "pools.0.sandbox": "gvisor"}).path == "bulkhead:pools"


@pytest.mark.parametrize(
    ("mine", "theirs", "apart"),
    [
        (None, None, False),
        ({"example.com/pool": "a"}, None, False),
        ({"example.com/pool": "a"}, {"example.com/pool": "a"}, False),
        ({"example.com/pool": "a"}, {"example.com/other": "b"}, False),
        ({"example.com/pool": "a"}, {"example.com/pool": "b"}, True),
    ],
)
def test_pools_of_an_existing_cluster_are_told_apart_by_labels(
    mine: Document | None, theirs: Document | None, apart: bool
) -> None:
    changes = {"pools.1.node_labels": mine, "pools.2": {**L4, "node_labels": theirs}}

    if apart:
        sound(changes)
    else:
        assert only_fault(changes).path.startswith("bulkhead:pools[2]")


def test_pools_with_different_accelerators_are_apart_already() -> None:
    sound({"pools.2": {**L4, "accelerator": "nvidia-tesla-t4"}})


def test_the_same_labels_select_the_same_nodes_whatever_the_accelerator() -> None:
    labels = {"example.com/pool": "a"}
    other = {**L4, "accelerator": "nvidia-tesla-t4", "node_labels": labels}

    assert only_fault({"pools.1.node_labels": labels, "pools.2": other}).path == "bulkhead:pools[2].node_labels"
    sound({"pools.1.node_labels": labels, "pools.2": {**other, "node_labels": {"example.com/pool": "b"}}})


def test_node_zones_lie_in_the_cluster_s_region() -> None:
    fault = only_fault({"cluster": {**GKE, "node_zones": ["europe-west4-a", "europe-west1-b"]}})

    assert fault.path == "bulkhead:cluster.node_zones[1]"


def test_several_gateway_replicas_without_a_cache_are_refused() -> None:
    fault = only_fault({"gateway.replicas": 2})

    assert fault.path == "bulkhead:gateway.replicas"
    assert "2 times its rate limit" in fault.follows


def test_several_gateway_replicas_with_a_cache_are_accepted() -> None:
    sound({"gateway": {"replicas": 2, "cache": {"kind": "in_cluster"}}})


def test_more_replicas_than_the_database_in_the_cluster_has_connections_for_are_refused_with_the_sum() -> None:
    fault = only_fault({"gateway": {"replicas": 10, "cache": {"kind": "in_cluster"}}})

    assert fault.path == "bulkhead:gateway.replicas"
    assert "200 = 2 x 10 replicas x 10" in fault.wrong
    assert fault.write.startswith("replicas: 9 or fewer")
    sound({"gateway": {"replicas": 9, "cache": {"kind": "in_cluster"}}})


def test_a_database_of_ones_own_may_have_more_connections() -> None:
    gateway = {"replicas": 10, "cache": {"kind": "in_cluster"}, "database": {"kind": "external"}}
    sound({"gateway": gateway, "database_url": {"secure": "ciphertext"}})


@pytest.mark.parametrize(("part", "secret"), [("database", "database_url"), ("cache", "cache_url")])
def test_an_external_service_needs_the_secret_with_its_address(part: str, secret: str) -> None:
    fault = only_fault({f"gateway.{part}": {"kind": "external"}})

    assert fault.path == f"bulkhead:gateway.{part}.kind"
    assert fault.write == f"pulumi config set --secret bulkhead:{secret}"
    sound({f"gateway.{part}": {"kind": "external"}, secret: {"secure": "ciphertext"}})


def test_a_waiver_counts_until_the_day_before_it_expires() -> None:
    sound({"trust.waivers": [{**WAIVER, "expires": "2026-11-25"}]})
    fault = only_fault({"trust.waivers": [{**WAIVER, "expires": "2026-11-24"}]})

    assert fault.path == "bulkhead:trust.waivers[0].expires"
    assert "expired on 2026-11-24" in fault.wrong


def test_a_waiver_lasts_for_a_year_at_most() -> None:
    sound({"trust.waivers": [{**WAIVER, "expires": "2027-11-25"}]})
    fault = only_fault({"trust.waivers": [{**WAIVER, "expires": "2027-11-26"}]})

    assert fault.path == "bulkhead:trust.waivers[0].expires"
    assert fault.wrong == "the waiver of SR1 lasts until 2027-11-26, 367 days from today (2026-11-24)"
    assert fault.write.startswith("2027-11-25 or sooner, 366 days ahead at most")


def test_the_last_day_of_the_calendar_is_no_way_to_waive_for_ever() -> None:
    fault = only_fault({"trust.waivers": [{**WAIVER, "expires": "9999-12-31"}]})

    assert "until 9999-12-31, 2,912,115 days from today" in fault.wrong


@pytest.mark.parametrize("key", ["owner", "reason", "expires"])
def test_a_waiver_without_owner_reason_or_expiry_is_refused(key: str) -> None:
    waiver = {name: value for name, value in WAIVER.items() if name != key}

    assert f"`{key}` is missing" in only_fault({"trust.waivers": [waiver]}).wrong


@pytest.mark.parametrize("key", ["owner", "reason"])
def test_a_waiver_with_a_blank_owner_or_reason_is_refused(key: str) -> None:
    assert only_fault({"trust.waivers": [{**WAIVER, key: "  "}]}).path == f"bulkhead:trust.waivers[0].{key}"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"trust.waivers": [WAIVER, WAIVER]}, "bulkhead:trust.waivers[1].control"),
        ({"trust.enable": ["NS1", "NS1"]}, "bulkhead:trust.enable[1]"),
        ({"trust.enable": ["SR1"], "trust.waivers": [WAIVER]}, "bulkhead:trust.enable[0]"),
    ],
)
def test_a_control_is_waived_or_switched_on_once_and_never_both(changes: dict[str, Any], path: str) -> None:
    assert only_fault(changes).path == path


def route(**gateway: Any) -> Document:
    return {"kind": "route", "host": "llm.example.com", "gateway": gateway}


SECRET = {"kind": "secret", "name": "llm-tls"}


def test_a_managed_certificate_is_refused_on_an_existing_cluster_and_accepted_on_gke() -> None:
    managed = route(kind="create", class_name="gke-l7-rilb", tls={"kind": "managed"})
    fault = only_fault({"gateway.exposure": managed})

    assert fault.path == "bulkhead:gateway.exposure.gateway.tls.kind"
    assert "this cluster exists already" in fault.wrong
    sound({"cluster": GKE, "gateway.exposure": managed})


def test_a_gateway_on_an_existing_cluster_needs_a_class_and_on_gke_has_one() -> None:
    unclassed = route(kind="create", tls=SECRET)

    assert "class_name" in only_fault({"gateway.exposure": unclassed}).write
    sound({"gateway.exposure": route(kind="create", class_name="envoy", tls=SECRET)})
    sound({"cluster": GKE, "gateway.exposure": unclassed})


def test_a_class_that_a_new_gke_cluster_does_not_have_is_refused() -> None:
    fault = only_fault({"cluster": GKE, "gateway.exposure": route(kind="create", class_name="envoy", tls=SECRET)})

    assert fault.path == "bulkhead:gateway.exposure.gateway.class_name"


def test_a_route_under_somebody_else_s_gateway_is_accepted_anywhere() -> None:
    existing = route(kind="existing", namespace="ingress", name="shared", section="https")

    sound({"gateway.exposure": existing})
    sound({"cluster": GKE, "gateway.exposure": existing})


def test_a_gateway_of_ones_own_without_a_certificate_cannot_be_written() -> None:
    assert "`tls` is missing" in only_fault({"gateway.exposure": route(kind="create", class_name="envoy")}).wrong


@pytest.mark.parametrize(
    "host", ["LLM.example.com", "llm.example.com.", "*.example.com", "https://llm.example.com", "", "10.0.0.1", "llm"]
)
def test_a_host_is_a_plain_dns_name(host: str) -> None:
    existing = route(kind="existing", namespace="ingress", name="shared", section="https")

    assert only_fault({"gateway.exposure": {**existing, "host": host}}).path == "bulkhead:gateway.exposure.host"


# --- flavors on an existing cluster -----------------------------------------------------------------------------


def test_pools_that_kueue_cannot_tell_apart_are_refused() -> None:
    """One is known by its accelerator's label and the other by one of its own: Kueue compares neither."""
    h100 = {"name": "h100", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 1}}
    fault = only_fault({"pools.2": {**h100, "node_labels": {"example.com/pool": "h100"}}})

    assert fault.path == "bulkhead:pools[2].node_labels"
    assert "Kueue would reserve" in fault.follows
    both = {"example.com/pool": "h100", "cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}
    sound({"pools.2": {**h100, "node_labels": both}})
    divided = {"partition": {"kind": "mig", "size": "1g.10gb"}, "node_labels": {"example.com/pool": "h100"}}
    sound({"pools.2": {**h100, **divided}})


# --- encrypted memory on GKE ------------------------------------------------------------------------------------

H100: Document = {"name": "h100", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 1}, "confidential": True}


@pytest.mark.parametrize("machine_type", ["n2d-standard-8", "c3-standard-8"])
def test_nodes_whose_memory_gke_encrypts_may_be_confidential(machine_type: str) -> None:
    sound({"cluster": GKE, "pools.0.confidential": True, "pools.0.machine_type": machine_type})


def test_confidential_nodes_of_a_machine_that_gke_does_not_encrypt_are_refused() -> None:
    fault = only_fault({"cluster": GKE, "pools.0.confidential": True})

    assert fault.path == "bulkhead:pools[0].confidential"
    assert "e2-standard-8" in fault.wrong
    assert "n2d-standard-8" in fault.write


def test_a_confidential_gpu_is_a_whole_h100_of_spot_capacity() -> None:
    sound({"cluster": GKE, "pools.2": {**H100, "spot": True}})

    assert only_fault({"cluster": GKE, "pools.2": H100}).write.startswith("spot: true")
    divided = {**H100, "spot": True, "partition": {"kind": "mig", "size": "1g.10gb"}}
    assert only_fault({"cluster": GKE, "pools.2": divided}).path == "bulkhead:pools[2].partition.kind"
    other = {**H100, "accelerator": "nvidia-l4", "spot": True}
    assert "nvidia-h100-80gb" in only_fault({"cluster": GKE, "pools.2": other}).write


def lowering(tier: str, from_tier: str) -> Document:
    return {"trust": {"tier": tier, "allow_lowering": {"from_tier": from_tier, "reason": "The second team has left."}}}


@pytest.mark.parametrize(("tier", "from_tier"), [("trusted", "trusted"), ("partitioned", "governed")])
def test_a_permission_to_lower_to_where_one_is_or_above_is_refused(tier: str, from_tier: str) -> None:
    fault = only_fault(lowering(tier, from_tier))

    assert fault.path == "bulkhead:trust.allow_lowering.from_tier"


def test_a_permission_to_lower_from_a_higher_tier_is_accepted() -> None:
    assert sound(lowering("trusted", "governed"))
