"""What the engine prints becomes changes, without what is secret and without what is only the engine's."""

import json

import pytest

from infra.diff.resources import Action
from infra.preview.document import NotAPreviewError, read_preview
from tests.unit.preview.steps import GATEWAY, STACK, Document, named, state, step, text_of

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_each_operation_becomes_an_action() -> None:
    operations = {
        "create": Action.CREATE,
        "import": Action.CREATE,
        "update": Action.UPDATE,
        "delete": Action.DELETE,
        "replace": Action.REPLACE,
    }
    steps = [step(name, new=state(CONFIG_MAP, name, named(name))) for name in operations]

    found = {change.urn.rpartition("::")[2]: change.action for change in read_preview(text_of(*steps)).changes}

    assert found == operations


@pytest.mark.parametrize("operation", ["same", "read", "discard", "refresh"])
def test_what_changes_nothing_is_left_out(operation: str) -> None:
    assert not read_preview(text_of(step(operation, new=state(CONFIG_MAP, "one", named("one"))))).changes


def test_components_and_the_stack_itself_are_left_out() -> None:
    component = {"urn": GATEWAY, "type": "bulkhead:gateway:Gateway", "custom": False, "parent": STACK}

    assert not read_preview(text_of(step("create", new=component))).changes


def test_a_replacement_that_is_told_in_parts_counts_once() -> None:
    old, new = state(CONFIG_MAP, "one", named("one", data={"a": "1"})), state(CONFIG_MAP, "one", named("one"))
    parts = [
        step("create-replacement", old, new, replaceReasons=["data"]),
        step("replace", old, new, replaceReasons=["data"]),
        step("delete-replaced", old),
    ]

    (change,) = read_preview(text_of(*parts)).changes

    assert (change.action, change.forced_by) == (Action.REPLACE, ("data",))


def test_a_change_names_the_object_its_component_and_its_tenant() -> None:
    old = state(DEPLOYMENT, "gateway-deployment", named("gateway", "research", spec={"replicas": 1}))
    new = state(DEPLOYMENT, "gateway-deployment", named("gateway", "research", spec={"replicas": 2}))

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert (change.kind, change.name) == ("Deployment", "bulkhead-gateway/gateway")
    assert (change.component, change.tenant) == ("gateway", "research")
    assert [(key.key, key.before, key.after) for key in change.keys] == [("spec.replicas", "1", "2")]


def test_the_objects_of_a_chart_are_grouped_under_it() -> None:
    chart = f"{GATEWAY.replace('::gateway', '$kubernetes:helm.sh/v4:Chart::kueue-chart')}"

    (change,) = read_preview(text_of(step("create", new=state(DEPLOYMENT, "one", named("one"), parent=chart)))).changes

    assert change.component == "kueue-chart"


def test_what_is_not_known_yet_is_named_and_the_engines_own_keys_are_left_out() -> None:
    old = state(CONFIG_MAP, "one", {**named("one", data={"key": "a"}), "__initialApiVersion": "v1"})
    new = state(CONFIG_MAP, "one", {**named("one", data={"key": UNKNOWN}), "__initialApiVersion": "v2"})

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert [(key.key, key.after) for key in change.keys] == [("data.key", "[computed]")]


def content_of(type_token: str, inputs: Document) -> Document:
    """What an object of a kind holds of a Secret: the object itself, or a list of such objects."""
    return {"items": [{"kind": "Secret", **inputs}]} if type_token.endswith("List") else inputs


@pytest.mark.parametrize(
    "type_token",
    [
        "kubernetes:core/v1:Secret",
        "kubernetes:core/v1:SecretPatch",
        "kubernetes:core/v1:SecretList",
        "kubernetes:core/v1:List",
        "kubernetes:v1:Secret",
    ],
)
@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_secrets_content_is_concealed_even_where_the_engine_did_not(type_token: str, field: str) -> None:
    old, new = (
        state(type_token, "keys", content_of(type_token, {**named("keys"), field: {"key": text}}))
        for text in ("open-sesame-1", "open-sesame-2")
    )

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert [(key.before, key.after) for key in change.keys] == [("[secret]", "[secret]")]


def test_the_copy_of_a_secret_that_kubectl_keeps_in_an_annotation_is_concealed() -> None:
    old, new = (
        state(
            "kubernetes:core/v1:SecretPatch",
            "keys",
            {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": text, "note": text}}},
        )
        for text in ("open-sesame-1", "open-sesame-2")
    )

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert [key.after for key in change.keys] == ["[secret]", "open-sesame-2"]


def test_what_a_map_holds_is_no_secret() -> None:
    old, new = (state(CONFIG_MAP, "map", named("map", data={"key": text})) for text in ("one", "two"))

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert [(key.before, key.after) for key in change.keys] == [("one", "two")]


def test_credentials_in_an_address_are_concealed_in_values_and_messages() -> None:
    url = "postgresql://llm:open-sesame@db:5432/llm"
    new = state(CONFIG_MAP, "one", named("one", data={"url": url}))
    old = state(CONFIG_MAP, "one", named("one", data={}))
    messages = [{"severity": "error", "message": f"\x1b[31merror: cannot reach {url}\n"}]

    found = read_preview(text_of(step("update", old, new), diagnostics=messages))

    assert found.changes[0].keys[0].after == "postgresql://[secret]@db:5432/llm"
    assert found.errors == ("cannot reach postgresql://[secret]@db:5432/llm",)


def test_drift_is_told_by_the_paths_that_the_provider_names() -> None:
    same = state(DEPLOYMENT, "one", named("one"))

    (change,) = read_preview(
        text_of(step("update", same, same, detailedDiff={"spec.replicas": {"kind": "UPDATE"}}))
    ).changes

    assert [(key.key, key.before, key.after) for key in change.keys] == [("spec.replicas", None, None)]


def test_protection_and_what_stays_behind_are_told_of_what_goes() -> None:
    cluster = state("gcp:container/cluster:Cluster", "cluster", {"name": "one"}, protect=True)
    kept = state("kubernetes:core/v1:Namespace", "kept", {"metadata": {"name": "kept"}}, retainOnDelete=True)

    first, second = read_preview(text_of(step("delete", kept), step("delete", cluster))).changes

    assert (first.name, first.protected, first.loses_data) == ("one", True, True)
    assert (second.name, second.kept, second.loses_data) == ("kept", True, False)


def test_a_message_that_comes_twice_is_told_once_and_says_what_it_is_about() -> None:
    about = {"severity": "warning", "urn": f"{GATEWAY}", "message": "slow"}

    found = read_preview(text_of(diagnostics=[about, about, {"severity": "info", "message": "hello"}]))

    assert found.warnings == ("gateway: slow",)
    assert not found.errors


@pytest.mark.parametrize("text", ["", "Previewing update (prod)", "[]", "{}", "null", '{"resources": []}'])
def test_anything_else_is_no_preview(text: str) -> None:
    with pytest.raises(NotAPreviewError):
        read_preview(text)


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({"changeSummary": {"delete": 5}}, "changeSummary counts 5 to delete, and steps tell 0 of them"),
        (
            {"changeSummary": {"replace": 1, "same": 9}, "steps": []},
            "changeSummary counts 1 to replace, and steps tell 0 of them",
        ),
        ({"changeSummary": {"bogus": 1}}, "changeSummary counts an operation that is not known here: bogus"),
        ({"steps": [{"op": "bogus"}]}, "steps[0].op is an operation that is not known here"),
        (
            {"steps": [{"op": "delete", "urn": GATEWAY}]},
            "steps[0] tells neither what was there nor what will be",
        ),
        ({"steps": [{"op": "delete", "urn": "x"}]}, "steps[0].urn is not of the form that the engine gives it"),
        (
            {"steps": [{"op": "delete", "urn": GATEWAY, "oldState": {"type": CONFIG_MAP}}]},
            "steps[0].oldState.custom is missing",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_that_is_not_told_in_full_is_refused(document: Document, wrong: str) -> None:
    """Nothing would stand where a deletion belongs."""
    with pytest.raises(NotAPreviewError) as refused:
        read_preview(json.dumps(document))

    assert str(refused.value) == wrong


@pytest.mark.parametrize(
    "document",
    [
        {"steps": 5},
        {"steps": [5]},
        {"steps": [{"op": "delete", "oldState": {"custom": True}}]},
        {"steps": [{"op": "delete", "oldState": {"custom": True}, "urn": "x"}]},
        {"steps": [], "diagnostics": 5},
        {"steps": [], "diagnostics": [5]},
        {"steps": [], "changeSummary": 5},
        {"steps": [], "changeSummary": {"delete": "many"}},
        {"steps": [step("replace", new=state(CONFIG_MAP, "one", {}), replaceReasons=5)]},
        {"steps": [step("update", new={**state(CONFIG_MAP, "one", {}), "inputs": 5})]},
        {"steps": [step("update", new=state(CONFIG_MAP, "one", {}, parent="x::y::z"))]},
        {"steps": [step("update", new={**state(CONFIG_MAP, "one", {}), "parent": "x"})]},
    ],
    ids=json.dumps,
)
def test_a_part_of_another_form_is_refused_and_is_no_bug(document: Document) -> None:
    with pytest.raises(NotAPreviewError):
        read_preview(json.dumps(document))


def test_a_preview_that_failed_may_tell_more_than_it_counts() -> None:
    document = text_of(step("delete", state(CONFIG_MAP, "one", named("one"))), changeSummary={"same": 1})

    assert len(read_preview(document).changes) == 1


def test_a_replacement_in_parts_is_counted_as_one() -> None:
    one = state(CONFIG_MAP, "one", named("one"))
    parts = [step("create-replacement", one, one), step("replace", one, one), step("delete-replaced", one)]

    assert len(read_preview(text_of(*parts, changeSummary={"replace": 1})).changes) == 1
