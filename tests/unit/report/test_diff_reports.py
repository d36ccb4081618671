"""A difference as a table, as Markdown and as JSON: the weightiest first, and nobody's text taken for markup."""

import dataclasses
import io
import json

import pytest

from infra.diff import StackDifference
from infra.report.diff_json import difference_json
from infra.report.diff_markdown import difference_markdown
from infra.report.diff_table import print_difference
from tests.unit.diff.changes import GKE, changed, difference, waiver

GOVERNED = changed(trust={"tier": "governed"})
HOSTILE = "x | <b>y</b> @octo/team `z` ](http://evil.example)"


@pytest.fixture
def lowered() -> StackDifference:
    return difference(GOVERNED, changed(pools__1__nodes__max=6, tenants__0__budget__usd=9, models__0__replicas=2))


def table(one: StackDifference) -> str:
    stream = io.StringIO()
    print_difference(one, stream)
    return stream.getvalue()


def test_controls_lost_and_waivers_stand_before_all_else(lowered: StackDifference) -> None:
    for text in (table(lowered), difference_markdown(lowered)):
        order = ["Decide on these first", "control lost", "waiver added", "Tenants", "Models", "Capacity and cost"]
        places = [text.index(word) for word in order]
        assert places == sorted(places)
        assert "3 controls lost" in text


def test_money_comes_with_its_source_and_its_day(lowered: StackDifference) -> None:
    for text in (table(lowered), difference_markdown(lowered)):
        assert "2025-03-06" in " ".join(text.split())
        assert "list prices" in " ".join(text.split())


def test_an_unsound_posture_is_refused_in_the_first_lines() -> None:
    text = difference_markdown(difference(GKE, changed(trust={"tier": "trusted"})))

    assert text.splitlines()[2] == "**REFUSED as it stands: 3 errors; nothing would be deployed.**"
    assert "| refused | SR1 |" in text


def test_text_of_the_stack_file_cannot_format_the_comment_or_call_people() -> None:
    waivers = [waiver("SR1", reason=HOSTILE, owner="@octo/team"), waiver("SR2"), waiver("SR3")]
    text = difference_markdown(difference(GOVERNED, changed(trust={"waivers": waivers})))

    (row,) = [line for line in text.splitlines() if line.startswith("| waiver added | SR1 |")]
    assert "owner `@octo/team`;" in row
    assert "`` x \\| <b>y</b> @octo/team `z` ](http://evil.example) ``" in row


def test_names_of_branches_and_files_cannot_format_the_comment(lowered: StackDifference) -> None:
    hostile = dataclasses.replace(lowered, before="origin/a<!--", after="@octo/team")

    assert difference_markdown(hostile).splitlines()[0] == "### Stack test: from `origin/a<!--` to `@octo/team`"
    assert table(hostile).splitlines()[0] == "Stack test: from origin/a<!-- to @octo/team"
    assert difference_markdown(lowered).splitlines()[0] == "### Stack test: from before to after"


def test_a_long_value_is_cut_and_says_so() -> None:
    waivers = [waiver("SR1", reason="r" * 1000), waiver("SR2"), waiver("SR3")]

    assert "(840 characters more)" in difference_markdown(difference(GOVERNED, changed(trust={"waivers": waivers})))


def test_what_is_removed_takes_one_row() -> None:
    fewer = changed(tenants=GKE["bulkhead:tenants"][:1], trust={})

    text = difference_markdown(difference(GKE, fewer))

    assert "| search | removed |  |  |  |" in text


def test_json_has_exactly_the_documented_shape(lowered: StackDifference) -> None:
    document = json.loads(difference_json(lowered))

    assert list(document) == [
        "stack",
        "before",
        "after",
        "tier_before",
        "tier_after",
        "errors",
        "warnings",
        "controls",
        "waivers",
        "tenants",
        "models",
        "capacity",
        "caches",
        "settings",
        "secrets",
        "destructive",
        "counts",
        "steps",
    ]
    assert (document["tier_before"], document["tier_after"]) == ("governed", "trusted")
    assert [row["id"] for row in document["controls"] if row["lost"]] == ["SR1", "SR2", "SR3"]
    assert document["capacity"]["prices_as_of"] == "2025-03-06"
    assert document["counts"] == {"delete": 0, "replace": 0, "update": 0, "create": 0}
    assert document["steps"] == []
