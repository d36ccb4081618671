"""Metadata of tenants under names that LiteLLM or the platform would take for its own, and lists of routes."""

import pytest

from infra.blueprint.routes import KEY_PATHS
from infra.blueprint.serving import tenant_part
from infra.config.tenants import MOST_METADATA
from tests.unit.config.documents import only_fault, sound


def test_metadata_and_routes_are_taken_as_they_stand() -> None:
    changes = {"tenants.0.metadata": {"cost-centre": "4711"}, "tenants.0.routes": ["models", "chat"]}
    part = tenant_part(sound(changes).tenants[0])

    assert part.metadata == (("cost-centre", "4711"),)
    assert part.paths == ("/v1/chat/completions", "/v1/models")


def test_a_tenant_of_which_nothing_is_said_opens_all_that_the_edge_serves() -> None:
    part = tenant_part(sound({}).tenants[0])

    assert (part.paths, part.metadata) == (KEY_PATHS, ())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tags", "LiteLLM itself reads `tags`"),
        ("guardrails", "LiteLLM itself reads `guardrails`"),
        ("tenant", "the platform keeps for itself"),
        ("bulkhead-note", "the platform keeps for itself"),
    ],
)
def test_a_name_that_is_another_s_own_is_refused_with_another_to_write(name: str, wrong: str) -> None:
    fault = only_fault({"tenants.0.metadata": {name: "x"}})

    assert fault.path == f"bulkhead:tenants[0].metadata.{name}"
    assert wrong in fault.wrong
    assert f"our-{name}" in fault.write


def test_a_name_with_an_underscore_is_refused_since_it_could_be_litellms() -> None:
    fault = only_fault({"tenants.0.metadata": {"temp_budget_increase": "100"}})

    assert "not a name for metadata" in fault.wrong
    assert "cost-centre" in fault.write


def test_a_value_that_is_no_text_is_refused_with_an_example() -> None:
    fault = only_fault({"tenants.0.metadata": {"cost-centre": 4711}})

    assert "text is wanted here" in fault.wrong


def test_metadata_of_more_than_one_line_or_of_too_many_characters_are_refused() -> None:
    assert "not one line of text" in only_fault({"tenants.0.metadata": {"note": "a\nb"}}).wrong
    assert "longer than 200 characters" in only_fault({"tenants.0.metadata": {"note": "x" * 201}}).wrong


def test_more_metadata_than_litellm_should_read_with_every_request_are_refused() -> None:
    many = {f"name-{number}": "x" for number in range(MOST_METADATA + 1)}

    assert f"more than {MOST_METADATA} entries" in only_fault({"tenants.0.metadata": many}).wrong


def test_a_route_that_the_edge_does_not_serve_is_refused_with_those_that_it_does() -> None:
    fault = only_fault({"tenants.0.routes": ["chats"]})

    assert "not one of the values known here" in fault.wrong
    assert "`chat`, if that is meant" in fault.write
    assert "`responses`" in fault.write


def test_a_list_without_routes_is_refused() -> None:
    fault = only_fault({"tenants.0.routes": []})

    assert fault.wrong == "this list is empty"
    assert "routes: [chat, models]" in fault.write
