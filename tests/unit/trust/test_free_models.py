"""Where budgets fail closed, a posture names the models that no budget ever stops."""

import pytest

from infra.posture import posture_of
from infra.trust.posture import Finding, Severity
from tests.unit.config.documents import TODAY, document, sound

PRICED = document()["bulkhead:models"][0]


def told(
    tier: str = "governed", *enable: str, charged: float = 0, answers: float = 0, called: bool = True
) -> list[Finding]:
    price = {"input_usd_per_million_tokens": charged, "output_usd_per_million_tokens": answers}
    free = {**PRICED, "name": "free", "pool": "cpu", "price": price}
    changes = {"trust": {"tier": tier, "enable": list(enable)}, "models": [PRICED, free]}
    calls = {"tenants.1.models": ["llama", "free"]} if called else {}
    posture = posture_of("test", sound({**changes, **calls}), TODAY)
    return [finding for finding in posture.findings if "cost nothing" in finding.message]


@pytest.mark.parametrize(("tier", "enable"), [("governed", ()), ("adversarial", ()), ("trusted", ("SR3",))])
def test_a_free_model_is_named_with_its_callers_where_sr3_is_in_force(tier: str, enable: tuple[str, ...]) -> None:
    (finding,) = told(tier, *enable)

    assert (finding.severity, finding.control) == (Severity.WARNING, "SR3")
    assert finding.path == "bulkhead:models[1].price"
    assert "Calls of free cost nothing, so that no budget stops them" in finding.message
    assert "nothing but rate limits holds search back" in finding.message
    assert finding.message.endswith("or leave it, where the model is to be free.")


def test_without_sr3_nothing_is_said_of_it() -> None:
    assert not told("trusted")


def test_a_model_that_charges_for_prompts_or_for_answers_is_stopped_by_a_budget() -> None:
    assert not told(charged=0.2)
    assert not told(answers=0.2)


def test_a_free_model_that_nobody_calls_is_not_named() -> None:
    assert not told(called=False)
