"""What a stack pulls, from its plan."""

from collections.abc import Callable
from typing import Any

import pulumi_kubernetes as kubernetes

from infra.pins import ChartPin, ImagePin
from infra.plan import Plan, PlannedResource, record
from infra.plan.images import PulledKind, pulls_of

PIN = ImagePin("registry.example", "team/server", "1.2.3", "the one that was reviewed")


def not_at_hand(_chart: PlannedResource) -> str:
    return "it is elsewhere"


def deployment(**containers: str) -> None:
    kubernetes.apps.v1.Deployment(
        "deployment",
        metadata={"name": "server", "namespace": "place"},
        spec={
            "selector": {"match_labels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "init_containers": [{"name": "first", "image": containers["first"]}],
                    "containers": [{"name": "main", "image": containers["main"]}],
                },
            },
        },
    )


def recorded(program: Callable[[], None]) -> Plan:
    return record("test", program)


def chart(values: dict[str, Any], source: str = "oci://charts.example/thing") -> Plan:
    def program() -> None:
        kubernetes.helm.v4.Chart("chart", name="release", chart=source, version="4.5.6", values=values)

    return recorded(program)


def test_every_container_s_image_is_listed_with_what_runs_it() -> None:
    plan = recorded(lambda: deployment(first="other.example/first:1", main="registry.example/team/server:1.2.3"))

    pulls = pulls_of(plan, not_at_hand, [PIN])

    assert [(pulled.reference, pulled.used_by) for pulled in pulls.artifacts] == [
        ("other.example/first:1", ("Deployment place/server",)),
        ("registry.example/team/server:1.2.3", ("Deployment place/server",)),
    ]


def test_an_image_from_a_mirror_is_shown_with_where_it_is_mirrored_from_and_why_it_is_pinned() -> None:
    plan = recorded(lambda: deployment(first="m.example/x/team/server:1.2.3", main="m.example/x/team/server:1.2.3"))

    (pulled,) = pulls_of(plan, not_at_hand, [PIN]).artifacts

    assert pulled.upstream == "registry.example/team/server:1.2.3"
    assert pulled.reason == "the one that was reviewed"


def test_a_chart_from_a_mirror_is_shown_with_where_it_is_mirrored_from_and_why_it_is_pinned() -> None:
    mirrored = chart({}, "oci://m.example/x/team/charts/thing")
    pin = ChartPin("charts.example", "team/charts/thing", "4.5.6", "the one that was reviewed")

    (pulled,) = pulls_of(mirrored, not_at_hand, [], [pin]).artifacts

    assert pulled.reference == "oci://m.example/x/team/charts/thing:4.5.6"
    assert pulled.upstream == "oci://charts.example/team/charts/thing:4.5.6"
    assert pulled.reason == "the one that was reviewed"


def test_a_chart_is_an_artifact_and_its_objects_images_are_listed() -> None:
    def rendered(_chart: PlannedResource) -> list[dict[str, Any]]:
        pod = {"containers": [{"name": "main", "image": "default.example/of-the-chart:9"}]}
        return [{"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": pod}]

    pulls = pulls_of(chart({}), rendered, [])

    assert [(pulled.kind, pulled.reference) for pulled in pulls.artifacts] == [
        (PulledKind.IMAGE, "default.example/of-the-chart:9"),
        (PulledKind.CHART, "oci://charts.example/thing:4.5.6"),
    ]
    assert pulls.unread == ()


def test_a_chart_that_is_not_at_hand_is_named_and_gives_the_images_that_its_values_set() -> None:
    values = {"manager": {"image": {"registry": "r.example", "repository": "team/manager", "tag": "v1"}}}

    pulls = pulls_of(chart(values), not_at_hand, [])

    assert "r.example/team/manager:v1" in [pulled.reference for pulled in pulls.artifacts]
    assert pulls.unread == ("oci://charts.example/thing 4.5.6: it is elsewhere",)


def test_what_several_objects_run_is_one_entry() -> None:
    plan = recorded(lambda: deployment(first="a.example/b:1", main="a.example/b:1"))

    assert len(pulls_of(plan, not_at_hand, []).artifacts) == 1
