"""The forms of text: what each takes and refuses, and that each pattern has words for people."""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from infra.config import forms
from infra.config.schema import stack_file_schema
from tests.unit.config.documents import only_fault, sound


def patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in cast("dict[str, object]", schema).items():
            if key == "pattern" and isinstance(value, str):
                yield value
            if key == "patternProperties":
                yield from cast("dict[str, object]", value)
            yield from patterns(value)
    elif isinstance(schema, list):
        for item in cast("list[object]", schema):
            yield from patterns(item)


def test_every_pattern_of_the_stack_file_has_words_and_no_other_has() -> None:
    assert set(patterns(stack_file_schema()["$defs"])) == set(forms.FORMS)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (forms.NAME, ["team-a"], ["9a", "Team", "a-", "a.b"]),
        (forms.NAMESPACE, ["monitoring", "9tools"], ["a.b", "10.0.0.0/8", "Tools", "-a"]),
        (forms.OBJECT_NAME, ["llm-tls", "gateway.example.com", "9a"], ["Llm", "a_b", "a.", ".a"]),
        (forms.SERVICE_ACCOUNT, ["system:serviceaccount:ray:operator"], ["operator", "system:serviceaccount:ray"]),
        (forms.PRINCIPAL, ["research@example.com", "x"], [" x", "x "]),
        (forms.METADATA_NAME, ["cost-centre", "a1"], ["cost_centre", "Centre", "a--b", "a-", "9a"]),
        (forms.METADATA_VALUE, ["4711", " x ", "\N{SNOWMAN}"], ["", "two\nlines", "\t"]),
        (forms.NETWORK, ["10.20.0.0/24", "203.0.113.7/32"], ["203.0.113.7", "example.com", "2001:db8::/32"]),
        (
            forms.HOST,
            ["llm.example.com"],
            ["llm", "10.0.0.1", "llm.example.com.", "a_b.example.com", "a.example.com:1"],
        ),
        (forms.ALERTMANAGER, ["a.monitoring.svc:9093", "a:65535"], ["a", "a:0", "a:65536", "http://a:9093", "a:1/x"]),
        (
            forms.MIRROR,
            [
                "registry.example.com/mirror",
                "registry:5000",
                "localhost/x",
                "10.0.0.1:5000/x",
                "r.example.com/a__b/c--d.e",
            ],
            [
                "mirror",
                "mirror/x",
                "r.example.com:70000",
                "https://r.example.com",
                "r.example.com/x:1",
                "r.example.com/../x",
                "r.example.com/-x",
                "r.example.com/a..b",
                "r.example.com/a._b",
                "r.example.com/a___b",
            ],
        ),
        (
            forms.OCI_CHART,
            ["oci://registry.example.com:5000/charts/kueue"],
            [
                "oci://r.example.com/kueue:1.0",
                "oci://r.example.com/kueue@sha256:0",
                "oci://charts/kueue",
                "r.io/kueue",
                "oci://r.example.com/../kueue",
            ],
        ),
        (
            forms.CHART_REPOSITORY,
            ["https://charts.example.com/x"],
            ["http://charts.example.com", "https://user:key@charts.example.com"],
        ),
        (
            forms.FOLDER,
            [".charts/kueue", "./charts/kueue", "charts"],
            ["/charts", "../charts", "charts/../../kueue", "", ".", ".."],
        ),
        (forms.CPUS, ["4", "500m"], ["0", "4Gi", "0.5"]),
        (forms.BYTES, ["16Gi", "512Mi", "1Ti"], ["16", "500m", "64Ki", "0Gi", "1.5Gi", "16G"]),
        (forms.PERIOD, ["30d", "12h"], ["1mo", "1 month", "30", "0d"]),
        (forms.MODEL_SOURCE, ["example/llama", "/models/tiny"], ["llama", "https://hub.example.com/a/b"]),
        (forms.MIG_SIZE, ["1g.10gb"], ["1g", "10gb"]),
        (forms.MACHINE_TYPE, ["g2-standard-24"], ["g2", "G2-standard-24"]),
        (forms.MACHINE_TIER, ["db-custom-2-7680"], ["custom-2"]),
        (forms.PROJECT_ID, ["example-llm-platform"], ["Example", "12345", "short"]),
        (forms.LOCATION, ["europe-west4", "europe-west4-a"], ["europe", "EU"]),
        (forms.ZONE, ["europe-west4-a"], ["europe-west4"]),
        (forms.LABEL_KEY, ["example.com/pool", "pool"], ["a/b/c", "/pool"]),
        (forms.LABEL_VALUE, ["", "l4"], ["-l4", "a" * 64]),
        (forms.WORDS, ["text"], ["", "  "]),
    ],
    ids=lambda value: value.noun if isinstance(value, forms.Form) else "",
)
def test_a_form_takes_what_it_should_and_no_more(form: forms.Form, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not re.search(form.pattern, text)] == []
    assert [text for text in bad if re.search(form.pattern, text)] == []


def test_text_of_another_form_is_answered_with_what_it_should_be() -> None:
    fault = only_fault({"tenants.0.budget.period": "1 month"})

    assert (fault.wrong, fault.write) == ("this is not a period", forms.PERIOD.rule)


def test_a_list_with_a_faulty_element_is_not_called_empty_as_well() -> None:
    fault = only_fault({"gateway.external_providers": [{"name": "example-ai", "networks": ["example.com"]}]})

    assert fault.path == "bulkhead:gateway.external_providers[0].networks[0]"
    assert fault.write == forms.NETWORK.rule


@pytest.mark.parametrize(
    "changes",
    [
        {"gateway.admin.allowed_from": ["9tools"]},
        {"gateway.admin.allowed_from": ["operators-tools-of-a-name-that-is-longer-than-ours-may-be"]},
        {
            "gateway.exposure": {
                "kind": "route",
                "host": "llm.example.com",
                "gateway": {"kind": "existing", "namespace": "9ingress", "name": "shared.gateway", "section": "https"},
            }
        },
    ],
)
def test_names_of_what_exists_already_are_held_to_the_cluster_s_rules(changes: dict[str, Any]) -> None:
    assert sound(changes)
