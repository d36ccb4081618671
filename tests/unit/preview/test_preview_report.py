"""The comment on a pull request: reviewed texts for recorded previews, and its limits from one change to thousands."""

import dataclasses
import html
import json
from typing import Any

import pytest

from infra.diff import StackDifference
from infra.guard import violations_of_each
from infra.preview.document import read_preview
from infra.preview.model import EnginePreview
from infra.report.comment import COMMENT_LIMIT, LEFT_OUT, size
from infra.report.markdown import plain_or_code, plain_or_code_in_html
from infra.report.preview_markdown import marker, preview_markdown
from infra.report.transition_text import transition_text
from tests.unit.diff.changes import GKE, changed, difference
from tests.unit.guard.stack import everything
from tests.unit.preview import repartitioned
from tests.unit.preview.regenerate import SCALED, golden_path, rendered
from tests.unit.preview.steps import PROJECT, RECORDED, STACK, named, scaled, state, step, text_of

NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
BUDGET = difference(GKE, changed(tenants__1__budget__usd=250))


def comment(text: str) -> str:
    return preview_markdown(BUDGET, read_preview(text))


@pytest.mark.parametrize("name", NAMES)
def test_the_comment_of_a_recorded_preview_is_the_reviewed_one(name: str) -> None:
    assert rendered(name) == golden_path(name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "changes"), SCALED)
def test_the_comment_on_one_change_and_on_two_thousand_is_the_reviewed_one(name: str, changes: int) -> None:
    reviewed = golden_path(name, changes).read_text(encoding="utf-8")

    assert rendered(name, changes) == reviewed
    assert len(read_preview(scaled(name, changes)).changes) == changes
    assert size(reviewed.removesuffix("\n")) <= COMMENT_LIMIT


@pytest.mark.parametrize("name", repartitioned.FORMS)
def test_a_change_that_takes_two_updates_is_told_in_the_reviewed_words(name: str) -> None:
    reviewed = (repartitioned.FOLDER / name).read_text(encoding="utf-8")

    assert f"{repartitioned.FORMS[name]()}\n" == reviewed


def test_what_a_change_takes_is_told_in_the_words_of_the_command_that_carries_it_out() -> None:
    change = repartitioned.difference()
    told = transition_text("prod", ("trusted", "trusted"), change.way).splitlines()
    cells = {cell.strip() for line in repartitioned.comment().splitlines() for cell in line.split("|")}

    assert [step.title for step in change.way] == ["move", "remove"]
    assert {line[12:] for line in told if line.startswith("   ")} <= cells


def test_an_engine_that_refuses_the_change_as_one_update_does_not_hide_what_it_takes() -> None:
    refused = read_preview(text_of(diagnostics=[{"severity": "error", "message": "error: wanted no more"}]))

    text = preview_markdown(repartitioned.difference(), refused)

    assert "The engine refused the preview" in text
    assert "| takes 2 updates | bulkhead:pools |" in text
    assert "### What the engine would do\n" in text


def test_a_reviewed_comment_on_a_lowered_tier_says_which_controls_are_lost() -> None:
    reviewed = golden_path("tier-lowered").read_text(encoding="utf-8")

    assert "**3 controls lost, 3 waivers to decide on, 23 resources deleted or replaced.**" in reviewed
    assert "**22 to delete, 1 to replace, 1 to update.**" in reviewed


def test_there_are_recorded_previews_of_one_change_of_many_and_of_a_refusal() -> None:
    assert {"nothing", "one-budget", "tier-raised", "tier-lowered", "tenant-leaves", "refused"} <= set(NAMES)


def test_the_first_line_finds_the_comment_again() -> None:
    assert comment(text_of()).startswith(f"{marker('test')}\n")


def test_what_goes_stands_before_what_stays_and_below_the_posture() -> None:
    going = step("delete", state(CONFIG_MAP, "old", named("old")))
    coming = step("create", new=state(CONFIG_MAP, "new", named("new")))

    text = comment(text_of(coming, going))

    places = [
        text.index(word) for word in ("Tenants", "What the engine would do", "`bulkhead-gateway/old`", "<details>")
    ]
    assert places == sorted(places)
    assert "**1 to delete, 1 to create.**" in text


def test_the_rest_is_grouped_by_component_and_tenant() -> None:
    steps = [
        step("create", new=state(CONFIG_MAP, name, named(name, tenant)))
        for name, tenant in (("a", "research"), ("b", "search"), ("c", None), ("d", "research"))
    ]

    text = comment(text_of(*steps))

    assert "<summary>gateway: 1 to create</summary>" in text
    assert "<summary>gateway, tenant research: 2 to create</summary>" in text
    assert "<summary>gateway, tenant search: 1 to create</summary>" in text


HOSTILE = [
    "a<!--",
    "@octo/team",
    "**b**",
    "https://evil.example",
    "www.evil.example",
    "</summary>",
    "a __b__",
    "x :white_check_mark: approved",
    "GH-12",
    "see gh-12",
    "1. x",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_somebody_called_a_component_a_tenant_or_a_property_cannot_format_the_comment(hostile: str) -> None:
    component = f"{PROJECT}bulkhead:mine:Mine::{hostile}"
    coming, going = (state(CONFIG_MAP, name, named(name, hostile), component) for name in ("coming", "going"))

    text = comment(text_of(step("create", new=coming), step("replace", going, going, replaceReasons=[hostile])))

    escaped = f"<code>{html.escape(hostile)}</code>"
    assert f"<summary>{escaped}, tenant {escaped}: 1 to create</summary>" in text
    assert f"| `{hostile}` | forced by `{hostile}`, tenant `{hostile}` |" in text


@pytest.mark.parametrize("name", ["research", "team-a", "a_b.c/d", "Pulumi.dev.yaml", "the working tree", "v1.2"])
def test_names_as_they_mostly_are_stand_as_they_are(name: str) -> None:
    assert plain_or_code(name) == plain_or_code_in_html(name) == name


def test_an_engine_that_could_not_finish_says_so_first() -> None:
    text = comment(text_of(diagnostics=[{"severity": "error", "message": "error: no such zone"}]))

    assert text.index("The engine refused the preview") < text.index("### Stack test")
    assert "- `no such zone`" in text


def test_a_rule_that_somebody_breaks_beside_the_platform_is_told_first() -> None:
    open_service = state("kubernetes:core/v1:Service", "mine", named("mine", spec={"type": "NodePort"}), STACK)
    preview = read_preview(text_of(step("create", new=open_service), step("same", new=open_service)))

    broken = violations_of_each(preview.resources, everything())
    text = preview_markdown(BUDGET, preview, broken)

    assert [one.rule for one in broken] == ["gateway-namespace-is-the-platforms", "no-open-service"]
    assert text.index("- `no-open-service: Service bulkhead-gateway/mine: a Service of type NodePort") < text.index(
        "### Stack test"
    )


def test_the_order_in_which_the_engine_tells_its_steps_changes_nothing() -> None:
    document = json.loads(scaled("tier-raised", 500))
    reordered = {**document, "duration": 12345, "steps": document["steps"][::-1]}

    assert comment(json.dumps(reordered)) == comment(json.dumps(document))


def test_the_order_in_which_resources_are_refused_and_warned_of_changes_nothing() -> None:
    services = [
        state("kubernetes:core/v1:Service", name, named(name, spec={"type": "NodePort"}), STACK) for name in ("a", "b")
    ]
    steps = [step("create", new=one) for one in services]
    messages = [
        {"severity": severity, "urn": one["urn"], "message": "no answer"}
        for one in services
        for severity in ("error", "warning")
    ]
    found = [
        read_preview(text_of(*steps, diagnostics=messages)),
        read_preview(text_of(*steps[::-1], diagnostics=messages[::-1])),
    ]

    first, second = [preview_markdown(BUDGET, one, violations_of_each(one.resources, everything())) for one in found]

    assert first == second
    assert "- `b: no answer`" in first


def test_a_rule_that_a_replacement_breaks_is_told_once() -> None:
    service = state("kubernetes:core/v1:Service", "mine", named("mine", spec={"type": "NodePort"}), STACK)
    parts = [step(part, service, service) for part in ("create-replacement", "replace", "delete-replaced")]

    broken = violations_of_each(read_preview(text_of(*parts)).resources, everything())

    assert [one.rule for one in broken] == ["gateway-namespace-is-the-platforms", "no-open-service"]


@pytest.mark.parametrize("count", [10, 500, 2000])
@pytest.mark.parametrize("name", ["tier-raised", "tier-lowered"])
def test_a_comment_never_outgrows_its_limit_and_says_what_it_leaves_out(name: str, count: int) -> None:
    preview = read_preview(scaled(name, count))
    text = preview_markdown(BUDGET, preview)

    assert len(preview.changes) == count
    assert size(text) <= COMMENT_LIMIT
    assert (LEFT_OUT in text) == (size(preview_markdown(BUDGET, preview, limit=10**9)) > COMMENT_LIMIT)
    assert f"**{', '.join(f'{number} to {action}' for action, number in preview.counts.items())}.**" in text


def test_what_goes_is_listed_in_full_while_what_stays_is_shortened() -> None:
    going = [step("delete", state(CONFIG_MAP, f"old-{number}", named(f"old-{number}"))) for number in range(300)]
    coming = [
        step("create", new=state(CONFIG_MAP, f"new-{number}", named(f"new-{number}", f"team-{number % 200}")))
        for number in range(2000)
    ]

    text = comment(text_of(*coming, *going))

    assert all(f"`bulkhead-gateway/old-{number}`" in text for number in range(300))
    assert all(f"gateway, tenant team-{number}: 10 to create" in text for number in range(200))
    assert LEFT_OUT in text


def going_by_both(count: int, **others: Any) -> tuple[EnginePreview, StackDifference]:
    """A preview in which so many objects go, and a difference whose offline plan says the same."""
    names = [f"{'a-long-name-of-an-object-' * 3}{number}" for number in range(count)]
    preview = read_preview(text_of(*(step("delete", state(CONFIG_MAP, name, named(name))) for name in names), **others))
    return preview, dataclasses.replace(BUDGET, resources=preview.changes)


def test_what_goes_is_listed_once_and_in_full_by_what_the_engine_says() -> None:
    preview, posture = going_by_both(400)

    text = preview_markdown(posture, preview)

    assert size(text) <= COMMENT_LIMIT < 2 * size(text)
    assert text.count("Deleted and replaced") == 1
    assert text.index("What the engine would do") < text.index("Deleted and replaced")
    assert all(text.count(f"`{change.name}`") == 1 for change in preview.changes)
    assert LEFT_OUT not in text


@pytest.mark.parametrize("count", [0, 1])
def test_what_only_the_offline_plan_knows_to_go_is_listed(count: int) -> None:
    """The engine says that nothing goes, or could not finish."""
    preview, posture = going_by_both(2)
    error = [{"severity": "error", "message": "no such zone"}] * count
    first = read_preview(text_of(diagnostics=error))
    cut_off = dataclasses.replace(first, changes=preview.changes[:count])

    text = preview_markdown(posture, cut_off)

    assert all(f"`{change.name}`" in text for change in preview.changes)


def test_thousands_that_go_are_counted_and_the_rest_is_said_to_be_left_out() -> None:
    going = [step("delete", state(CONFIG_MAP, f"old-{number}", named(f"old-{number}"))) for number in range(2000)]

    text = comment(text_of(*going))

    assert "**2000 to delete.**" in text
    shown = text.count("| delete | ConfigMap |")
    assert f"... and {2000 - shown} more rows, left out here." in text
    assert COMMENT_LIMIT / 2 < size(text) <= COMMENT_LIMIT


def test_no_sentinel_secret_of_a_recorded_preview_shows() -> None:
    secret = state("kubernetes:core/v1:Secret", "keys", named("keys", stringData={"key": "sentinel-1"}))
    other = state("kubernetes:core/v1:Secret", "keys", named("keys", stringData={"key": "sentinel-2"}))

    assert "sentinel" not in comment(text_of(step("update", secret, other)))


def test_a_changed_value_is_shown_shortened_and_a_long_list_of_keys_too() -> None:
    old = state(CONFIG_MAP, "one", named("one", data={f"key-{number}": "a" * 500 for number in range(9)}))
    new = state(CONFIG_MAP, "one", named("one", data={f"key-{number}": "b" * 500 for number in range(9)}))

    text = comment(text_of(step("update", old, new)))

    assert "(440 characters more)" in text
    assert "; 3 more" in text
