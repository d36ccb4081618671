"""What the engine prints becomes changes, without what is secret and without what is only the engine's."""

import pytest

from infra.diff.resources import Action
from infra.preview.document import NotAPreviewError, read_preview
from tests.unit.preview.steps import GATEWAY, STACK, named, state, step, text_of

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET_OBJECT = "kubernetes:core/v1:Secret"  # noqa: S105 - a type
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_each_operation_becomes_an_action() -> None:
    operations = {
        "create": Action.CREATE,
        "import": Action.CREATE,
        "update": Action.UPDATE,
        "delete": Action.DELETE,
        "replace": Action.REPLACE,
        "an-operation-of-tomorrow": Action.UPDATE,
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


def test_a_secrets_content_is_concealed_even_where_the_engine_did_not() -> None:
    old = state(SECRET_OBJECT, "keys", named("keys", stringData={"key": "open-sesame-1"}))
    new = state(SECRET_OBJECT, "keys", named("keys", stringData={"key": "open-sesame-2"}))

    (change,) = read_preview(text_of(step("update", old, new))).changes

    assert [(key.before, key.after) for key in change.keys] == [("[secret]", "[secret]")]


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
