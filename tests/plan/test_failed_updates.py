"""What a stack claims of itself after an update that failed: nothing that the update did not come to."""

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.runtime.proto import resource_pb2

from infra.plan import Answer, PlannedResource, plan, planner, record
from infra.plan.recorder import Provider, Recorder
from infra.program import register, secrets_from_values
from tests.plan.stacks import EVERY_SECRET, document_of
from tests.plan.ways import edited, platform_at

FORMER: Mapping[str, Any] = {
    "posture": {"tier": "governed", "controls": []},
    "deployed": {"keys": {"tenant research": 1}},
}
DOCUMENT = {
    **edited(document_of("local"), "tenants", 0, key_generation=2),
    "bulkhead:observability": {"kind": "prometheus"},
}
LATE = ("tenants-deployment", "prometheus-stateful-set")
"""None of these has anything after it that the stack's other outputs are made from."""


class Engine(Recorder):
    """Keeps every recorder that was made, since a program that fails hands out none."""

    made: list["Engine"]

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self.made.append(self)


class GoingOn(Engine):
    """An engine that goes on past a failure, as with `--continue-on-error`."""

    failing = ""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = super().RegisterResource(request)
        if request.name != self.failing:
            return answer
        return resource_pb2.RegisterResourceResponse(urn=answer.urn, result=resource_pb2.FAIL)


def with_engine(monkeypatch: pytest.MonkeyPatch, engine: type[Engine]) -> list[Engine]:
    engine.made = []
    monkeypatch.setattr(planner, "Recorder", engine)
    return engine.made


def updated(provider: Provider, former: Mapping[str, Any] = FORMER) -> Mapping[str, Any]:
    """The outputs of an update."""

    def program() -> None:
        register(platform_at("local", DOCUMENT), secrets_from_values(EVERY_SECRET), former=former)

    return record("local", program, provider).outputs


def answers(_: PlannedResource) -> Answer:
    return Answer()


def test_an_update_in_which_all_is_made_claims_what_it_made() -> None:
    outputs = updated(answers)

    assert outputs["deployed"]["keys"]["tenant research"] == 2
    assert outputs["posture"]["tier"] == "trusted"


@pytest.mark.parametrize("late", LATE)
def test_an_update_that_fails_late_leaves_the_outputs_of_the_one_before_it(
    monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Key 1 is the one that tenants hold until the reconciler has made key 2, whatever the engine knows already."""
    engines = with_engine(monkeypatch, Engine)

    def fails(resource: PlannedResource) -> Answer:
        if resource.name == late:
            raise RuntimeError("it does not come up")
        return Answer()

    with pytest.raises(RuntimeError, match="it does not come up"):
        updated(fails)

    (engine,) = engines
    assert late in {resource.name for resource in engine.planned}
    assert engine.stack_outputs == {}


@pytest.mark.parametrize("late", LATE)
def test_where_the_engine_goes_on_past_a_failure_the_former_claim_holds(
    monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    with_engine(monkeypatch, GoingOn)
    monkeypatch.setattr(GoingOn, "failing", late)

    outputs = updated(answers)

    assert (outputs["posture"], outputs["deployed"]) == (FORMER["posture"], FORMER["deployed"])


def test_a_first_update_that_went_on_past_a_failure_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_engine(monkeypatch, GoingOn)
    monkeypatch.setattr(GoingOn, "failing", LATE[0])

    outputs = updated(answers, former={})

    assert outputs.get("posture") is outputs.get("deployed") is None


def test_a_preview_shows_what_an_update_will_claim() -> None:
    outputs = plan(platform_at("local", DOCUMENT), EVERY_SECRET).outputs

    assert outputs["deployed"]["keys"]["tenant research"] == 2  # pyright: ignore[reportIndexIssue, reportArgumentType, reportOptionalSubscript, reportCallIssue]
