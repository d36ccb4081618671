"""Keys and types: what is refused before anything is compared with anything else."""

import datetime
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from infra.config.loader import document_from_engine, parse
from infra.config.schema_walk import bare, is_model
from infra.config.stack import StackConfig
from infra.config.structure import LISTS, SINGLES
from infra.config.wording import example_of
from tests.unit.config.documents import TODAY, document, faults_of, only_fault, sound

MANY_LEVELS = 5_000


def test_every_part_of_the_configuration_is_read() -> None:
    assert {*SINGLES, *LISTS} == set(StackConfig.model_fields)


def test_a_short_file_takes_defaults() -> None:
    configuration = sound({"trust": ...})

    assert configuration.trust.tier == "trusted"
    assert configuration.gateway.replicas == 1


@pytest.mark.parametrize("key", ["cluster", "pools", "models", "tenants"])
def test_a_missing_part_is_asked_for_with_an_example(key: str) -> None:
    fault = only_fault({key: ...})

    assert fault.path == "config"
    assert fault.wrong.startswith(f"`bulkhead:{key}` is missing: ")
    assert fault.write.startswith(f"bulkhead:{key}: ")


@pytest.mark.parametrize("value", [None, {}, "text", []])
def test_a_list_that_is_none_or_empty_is_refused(value: object) -> None:
    assert only_fault({"models": value}).path == "bulkhead:models"


def test_faults_of_all_parts_are_reported_together_in_the_order_of_the_file() -> None:
    paths = [
        fault.path
        for fault in faults_of(
            document(
                {
                    "gateway.replicas": 0,
                    "tenants.1.budget.period": "30 days",
                    "trust.tier": "trused",
                    "cluster.kind": "eks",
                    "pools.1.accelerator": "nvidia-l5",
                    "models.0.source": "no source",
                    "tust": {},
                }
            )
        )
    ]

    assert paths == [
        "bulkhead:trust.tier",
        "bulkhead:cluster.kind",
        "bulkhead:pools[1].accelerator",
        "bulkhead:models[0].source",
        "bulkhead:tenants[1].budget.period",
        "bulkhead:gateway.replicas",
        "bulkhead:tust",
    ]


def test_faults_of_structure_do_not_hide_those_of_coherence() -> None:
    paths = [fault.path for fault in faults_of(document({"trust.tier": "x", "gateway.replicas": 2}))]

    assert paths == ["bulkhead:trust.tier", "bulkhead:gateway.replicas"]


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"tust": {}}, "bulkhead:trust"),
        ({"trust.teir": "trusted"}, "tier"),
        ({"models.0.engine.tensor_parallel": 1}, "tensor_parallel_size"),
        ({"tenants.0.rate_limit.request_per_minute": 1}, "requests_per_minute"),
        ({"gateway.database": {"kind": "in_cluster", "storge": "1Gi"}}, "storage"),
        ({"sources.charts": {"kueu": {"kind": "folder", "path": "x"}}}, "kueue"),
    ],
)
def test_an_unknown_key_at_any_level_is_refused_with_the_one_that_was_probably_meant(
    changes: dict[str, Any], meant: str
) -> None:
    assert only_fault(changes).write.startswith(f"`{meant}`, if that is meant")


def test_an_unknown_key_that_resembles_nothing_is_answered_with_the_keys_there_are() -> None:
    assert (
        "`tier`, `tenants`, `enable`, `waivers`, `allow_lowering` and `admission`" in only_fault({"trust.zzz": 1}).write
    )


def test_vllm_s_flags_cannot_be_written_as_free_text() -> None:
    assert only_fault({"models.0.engine.extra_args": "--enable-prefix-caching"}).path.endswith("engine.extra_args")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bulkead:sources", {}),
        ("Bulkhead:trust", {}),
        ("bulkhe\u0430d:trust", {}),
        ("trust", {}),
        ("bulkhead:trust.tier", 1),
    ],
)
def test_keys_that_are_almost_ours_are_refused_and_not_ignored(key: str, value: object) -> None:
    stack = {**document(), key: value}

    assert len(faults_of(stack)) == 1


def test_a_key_without_a_namespace_that_resembles_none_is_answered_with_the_keys_there_are() -> None:
    (unlike,), (near,) = (faults_of({**document(), key: 1}) for key in ("x", "tenant"))

    assert unlike.write.startswith("remove it; the keys are `bulkhead:trust`, ")
    assert near.write == "`bulkhead:tenants`"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("/v1/chat/completions", "chat"), ("/v1/completions", "completions"), ("v1/models", "models"), ("chats", "chat")],
)
def test_a_route_written_as_its_address_is_advised_by_its_name(written: str, meant: str) -> None:
    assert only_fault({"tenants.0.routes": [written]}).write.startswith(f"`{meant}`, if that is meant")


def test_other_programs_keys_are_left_alone() -> None:
    others = {"gcp:project": "x", "kubernetes:context": "y", "pulumi:tags": {"a": "b"}}

    assert isinstance(parse({**document(), **others}, TODAY), StackConfig)


def test_a_gke_key_on_an_existing_cluster_is_refused_in_words() -> None:
    fault = only_fault({"cluster.project": "example-llm-platform"})

    assert fault.wrong == "`project` belongs to `kind: gke`, and this is `kind: existing`"


def test_an_existing_cluster_s_key_on_gke_is_refused_in_words() -> None:
    gke = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4", "context": "dev"}

    assert only_fault({"cluster": gke}).wrong == "`context` belongs to `kind: existing`, and this is `kind: gke`"


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"pools.1.nodes.max": "4"}, "bulkhead:pools[1].nodes.max", "a whole number is wanted here, and this is text"),
        ({"pools.1.nodes.max": True}, "bulkhead:pools[1].nodes.max", "and this is true or false"),
        ({"pools.1.nodes.max": 1.5}, "bulkhead:pools[1].nodes.max", "and this is a number with a fraction"),
        ({"pools.1.nodes.max": 10**30}, "bulkhead:pools[1].nodes.max", "beyond 64 bits"),
        ({"pools.1.nodes.max": 10**9}, "bulkhead:pools[1].nodes.max", "at most 1,000"),
        ({"tenants.0.budget.usd": float("nan")}, "bulkhead:tenants[0].budget.usd", "not a finite number"),
        ({"tenants.0.budget.usd": float("inf")}, "bulkhead:tenants[0].budget.usd", "not a finite number"),
        ({"tenants.0.budget.usd": -1}, "bulkhead:tenants[0].budget.usd", "more than 0"),
        ({"tenants.0.budget": None}, "bulkhead:tenants[0].budget", "this is empty"),
        ({"tenants.0.models": "llama"}, "bulkhead:tenants[0].models", "a list is wanted here, and this is text"),
        ({"tenants.0.gpu_quota": "4"}, "bulkhead:tenants[0].gpu_quota", "a whole number is wanted"),
        ({"tenants.0.gpu_quota": {"l4": "4"}}, "bulkhead:tenants[0].gpu_quota.l4", "a whole number is wanted"),
        ({"tenants.0.sensitive": "no"}, "bulkhead:tenants[0].sensitive", "true or false is wanted"),
        ({"tenants.0": "research"}, "bulkhead:tenants[0]", "keys with values are wanted here"),
        ({"trust": {"secure": "ciphertext"}}, "bulkhead:trust", "the value is encrypted"),
        ({"trust": {1: "x"}}, "bulkhead:trust", "a key that is a whole number"),
        ({"trust.waivers": {}}, "bulkhead:trust.waivers", "a list is wanted"),
        ({"cluster.context": "a\x1b[31mb"}, "bulkhead:cluster.context", "U+001B"),
        ({"cluster.context": "a\u202eb"}, "bulkhead:cluster.context", "U+202E"),
        ({"cluster.context": b"dev"}, "bulkhead:cluster.context", "a type that a stack file cannot hold"),
        ({"pools.1.partition": {}}, "bulkhead:pools[1].partition", "`kind` is missing"),
        ({"pools.1.partition": {"kind": "mps"}}, "bulkhead:pools[1].partition.kind", "not known"),
        ({"trust.enable": ["SR4"]}, "bulkhead:trust.enable[0]", "not one of the values"),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_refused(changes: dict[str, Any], path: str, words: str) -> None:
    fault = only_fault(changes)

    assert fault.path == path
    assert words in fault.wrong


@pytest.mark.parametrize(("written", "meant"), [("2", 2), (" 12 ", 12), ("two", 2), ("Three", 3), (4.0, 4)])
def test_a_number_written_otherwise_is_advised_as_the_number_that_was_meant(written: object, meant: int) -> None:
    fault = only_fault({"tenants.0.key_generation": written})

    quotes = "without quotes: " if isinstance(written, str) else ""
    assert fault.write.startswith(f"{quotes}key_generation: {meant}  # Which key is the tenant's.")
    assert fault.write.endswith("goes on working")


@pytest.mark.parametrize("written", ["newest", True, 1.5, "12345678", []])
def test_no_number_is_advised_where_none_was_meant(written: object) -> None:
    fault = only_fault({"tenants.0.key_generation": written})

    assert fault.write.startswith("a whole number in digits, without quotes: Which key is the tenant's.")


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"tenants.0.key_generation": "0"}, "at least 1"),
        ({"pools.1.nodes.max": "5000"}, "at most 1,000"),
        ({"pools.1.nodes.max": 5000.0}, "at most 1,000"),
        ({"pools.1.gpus_per_node": "17"}, "at most 16"),
    ],
)
def test_no_number_is_advised_that_the_next_run_would_refuse(changes: dict[str, Any], limit: str) -> None:
    assert only_fault(changes).write.startswith(f"a whole number of {limit}, without quotes: ")


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"tenants.0.budget.usd": 0}, "more than 0"),
        ({"tenants.0.budget.usd": 2e9}, "at most 1,000,000,000"),
        ({"models.0.price.input_usd_per_million_tokens": -1}, "at least 0"),
        ({"models.0.engine": {"gpu_memory_utilization": 1.5}}, "at most 1"),
        ({"models.0.replicas": 0}, "at least 1"),
    ],
)
def test_a_limit_is_told_as_people_write_numbers(changes: dict[str, Any], limit: str) -> None:
    fault = only_fault(changes)

    assert fault.wrong == f"the number must be {limit}"
    assert fault.write.startswith(f"a number of {limit}: ")


def test_a_number_at_its_limit_is_advised() -> None:
    assert only_fault({"pools.1.nodes.max": "1000"}).write.startswith("without quotes: max: 1000  # ")


def test_one_name_where_a_list_of_names_is_wanted_is_to_be_written_as_a_list() -> None:
    """As `pulumi config set bulkhead:emptied_pools l4-whole` writes it."""
    fault = only_fault({"emptied_pools": "l4-whole"})

    assert fault.path == "bulkhead:emptied_pools"
    assert fault.wrong.startswith("a list is wanted here, and this is text: ")
    assert fault.write == "bulkhead:emptied_pools: [l4-whole-x2]"
    assert sound({"emptied_pools": []}).emptied_pools == ()


def test_what_is_to_be_done_about_quotes_stands_before_the_comment() -> None:
    fault = only_fault({"tenants.0.budget.usd": "500"})

    assert fault.write.startswith("without quotes (`pulumi config set --path` needs `--type float` for it): usd: ")


@pytest.mark.parametrize(("written", "meant"), [("1_000", 1000), ("0x10", 16), ("0o17", 15), ("1_234_567", 1234567)])
def test_a_number_as_other_languages_write_it_is_advised_in_plain_digits(written: str, meant: int) -> None:
    for key, name in (("tenants.0.budget.usd", "usd"), ("tenants.0.rate_limit.tokens_per_minute", "tokens_per_minute")):
        assert only_fault({key: written}).write.startswith(f"in plain digits: {name}: {meant}  # ")


def test_a_number_with_too_many_digits_in_another_notation_is_not_shown() -> None:
    assert "usd: 500" in only_fault({"tenants.0.budget.usd": "0xfffffff"}).write


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", "without quotes: surge: true"),
        ("False", "without quotes: surge: false"),
        ("yes", "surge: true"),
        ("on", "surge: true"),
        ("No", "surge: false"),
        (1, "surge: true"),
        (0, "surge: false"),
    ],
)
def test_a_truth_written_otherwise_is_advised_as_what_was_meant(written: object, meant: str) -> None:
    assert only_fault({"models.0.surge": written}).write.startswith(f"{meant}  # Whether an engine on GPUs goes")


def test_protection_that_is_wanted_is_never_advised_away() -> None:
    fault = only_fault({"gateway.database": {"kind": "in_cluster", "deletion_protection": "true"}})

    assert fault.write.startswith("without quotes: deletion_protection: true  # ")


@pytest.mark.parametrize("written", ["maybe", 2, 1.0, [], {}, None])
def test_no_truth_is_advised_where_none_was_meant(written: object) -> None:
    assert only_fault({"models.0.surge": written}).write.startswith("`true` or `false`, without quotes: Whether ")


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        (5, "centre: '5'"),
        (True, "centre: 'true'"),
        (12345678, "centre: '4711'"),
        ({"nested": 5}, "centre: '4711'"),
        ({"secure": "ciphertext"}, "centre: '4711'"),
        ("x" * 201, "at most 200 characters: centre: '4711'"),
    ],
    ids=["number", "truth", "long number", "nested", "secure", "long"],
)
def test_a_value_of_metadata_is_advised_as_text(written: object, advice: str) -> None:
    assert only_fault({"tenants.0.metadata": {"centre": written}}).write.startswith(f"{advice}  # ")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"tenants.0.gpu_quota": {"l4": "many"}}, "without quotes: l4: 4  # "),
        ({"sources.charts": {"kueue": 5}}, "kueue: {kind: folder, path: .charts/kueue}  # "),
        ({"pools.1.node_labels": {"example.com/pool": 5}}, "example.com/pool: '5'  # "),
        ({"models.0.resources.cpu": 4}, "cpu: '4'  # "),
        ({"models.0.resources.memory": 24}, "memory: 24Gi  # "),
    ],
)
def test_one_value_of_a_map_and_a_number_for_a_text_are_advised_in_their_form(
    changes: dict[str, Any], advice: str
) -> None:
    assert only_fault(changes).write.startswith(advice)


def test_nesting_without_end_is_refused() -> None:
    value: object = 1
    for _ in range(MANY_LEVELS):
        value = [value]

    faults = parse({**document(), "bulkhead:trust": value}, TODAY)

    assert isinstance(faults, list)
    assert "is nested deeper than 32 levels" in [fault.wrong for fault in faults]


@pytest.mark.parametrize(
    "expires", ["2027-05-01", datetime.date(2027, 5, 1), "2027-05-01 00:00:00 +0000 UTC", "2027-05-01T00:00:00Z"]
)
def test_a_day_is_read_as_files_and_the_engine_write_it(expires: object) -> None:
    waiver = {"control": "SR1", "owner": "ops", "reason": "Until May.", "expires": expires}

    assert sound({"trust.waivers": [waiver]}).trust.waivers[0].expires == datetime.date(2027, 5, 1)


@pytest.mark.parametrize("expires", ["2027-02-30", "01.05.2027", 20270501, "2027-05-01T12:00:00Z", True])
def test_what_is_not_a_day_is_refused(expires: object) -> None:
    waiver = {"control": "SR1", "owner": "ops", "reason": "Until May.", "expires": expires}

    assert only_fault({"trust.waivers": [waiver]}).path == "bulkhead:trust.waivers[0].expires"


def test_no_fault_shows_what_was_typed_in_the_wrong_place() -> None:
    secret = "hunter2-" + "x" * 20
    changes = {
        "trust.tier": secret,
        "cluster.kind": secret,
        "models.0.source": secret,
        "tenants.0.budget.usd": secret,
        "tenants.1.name": secret.upper(),
        "sources.mirror": f"https://user:{secret}@registry.example.com",
        "gateway": secret,
    }

    faults = faults_of(document(changes))

    assert len(faults) == len(changes)
    assert secret not in "\n".join(map(str, faults)).lower()


def test_the_engine_s_configuration_is_decoded_and_its_secrets_are_dropped() -> None:
    values = {
        "bulkhead:trust": '{"tier":"governed"}',
        "bulkhead:database_url": "postgres://",
        "bulkhead:cache_url": "redis://",
        "gcp:project": "x",
    }

    assert document_from_engine(values, {"bulkhead:cache_url"}) == {
        "bulkhead:trust": {"tier": "governed"},
        "bulkhead:database_url": None,
        "bulkhead:cache_url": {"secure": ""},
        "gcp:project": "x",
    }


def parts(annotation: object) -> Iterator[type[BaseModel]]:
    """Every part of a stack file that the type holds."""
    wanted = bare(annotation)
    if is_model(wanted):
        yield wanted
        for field in wanted.model_fields.values():
            yield from parts(field.annotation)
    for argument in get_args(wanted):
        yield from parts(argument)


def test_every_key_has_an_example_to_write() -> None:
    found = {
        f"{part.__name__}.{name}": example_of(field)
        for part in parts(StackConfig)
        for name, field in part.model_fields.items()
    }

    assert len(found) > 80
    assert [name for name, example in found.items() if not example] == []


@pytest.mark.parametrize(
    ("key", "write"),
    [
        ("gateway.cache", "cache: {kind: none}"),
        ("tenants.0.rate_limit", "rate_limit: {requests_per_minute: 600}, as needed"),
        ("tenants.0.budget", "budget: {usd: 500, period: 30d}"),
        ("sources.charts", "charts: {kueue: {kind: folder, path: .charts/kueue}}"),
        ("sources", "{mirror: registry.example.com/mirror}, as needed"),
    ],
)
def test_keys_with_values_that_are_wanted_are_shown(key: str, write: str) -> None:
    assert only_fault({key: 3}).write.startswith(write)


@pytest.mark.parametrize(
    ("path", "written", "advice"),
    [
        ("models.0.routing", "endpoint_picker", "routing: {kind: endpoint_picker}"),
        ("models.0.routing", "endpoint-picker", "routing: {kind: endpoint_picker}"),
        ("gateway.cache", "in_cluster", "cache: {kind: in_cluster}"),
        ("pools.1.partition", "mig", "partition: {kind: mig, size: 1g.10gb}"),
    ],
)
def test_a_kind_written_as_plain_text_is_shown_as_the_part_that_it_means(path: str, written: str, advice: str) -> None:
    fault = only_fault({path: written})

    assert "keys with values are wanted here, and this is text" in fault.wrong
    assert fault.write == advice


def test_plain_text_that_means_no_kind_is_shown_the_first() -> None:
    assert only_fault({"models.0.routing": "round robin"}).write.startswith("routing: {kind: service}")


# --- what is suggested can be pasted ----------------------------------------------------------------------------

PARTS = ("cluster", "pools", "models", "tenants")


def suggested(key: str) -> object:
    """What is to be written for a key that is not there."""
    stack = document()
    del stack[f"bulkhead:{key}"]
    (fault,) = [one for one in faults_of(stack) if f"`bulkhead:{key}` is missing" in one.wrong]
    return yaml.safe_load(fault.write)[f"bulkhead:{key}"]


def test_the_parts_that_are_suggested_make_a_sound_stack_file() -> None:
    assert sound({key: suggested(key) for key in PARTS}).models[0].price is not None


@pytest.mark.parametrize("key", ["pools", "models", "tenants"])
def test_an_entry_that_is_suggested_in_place_of_plain_text_is_sound_among_the_others(key: str) -> None:
    whole = {part: suggested(part) for part in PARTS}
    stack = document({**whole, f"{key}.0": "plain"})
    (write,) = [fault.write for fault in faults_of(stack) if fault.path == f"bulkhead:{key}[0]"]

    entry = yaml.safe_load(write.partition(", as needed; ")[0])

    assert sound({**whole, key: [entry]})
