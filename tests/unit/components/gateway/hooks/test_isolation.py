"""Which engines a tenant's request reaches, and that none reaches one unsalted."""

import asyncio
import json
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from components.gateway.hooks.callback import make_callback
from components.gateway.hooks.errors import Problem
from components.gateway.hooks.fairness import FAIRNESS_HEADER, PREFIXES
from components.gateway.hooks.isolation import (
    COVERED,
    Domains,
    Engine,
    Isolation,
    RefusedError,
    read_domains,
)
from components.gateway.hooks.salts import derive_salt
from components.gateway.hooks.usage import CALL

KEY = b"k" * 48
OPEN, SALTED, A, B = (f"http://engine-{name}:8000/v1" for name in ("open", "salted", "own-a", "own-b"))
DOMAINS = Domains(
    {
        OPEN: Engine("open", None),
        SALTED: Engine("salted", None),
        A: Engine("own", "team-a"),
        B: Engine("own", "team-b"),
    },
    frozenset({"salted", "own"}),
)
OWN = [{"litellm_params": {"api_base": address}} for address in (A, B)]


def isolation() -> Isolation:
    return Isolation(DOMAINS, KEY)


def begun(
    model: str = "salted", tenant: str | None = "team-a", call: str = "acompletion"
) -> tuple[Isolation, dict[str, Any]]:
    judge, request = isolation(), {"model": model, "cache_salt": "theirs"}
    judge.begin(tenant, call, request)
    return judge, request


def refused(judged: Callable[[], object]) -> Problem:
    with pytest.raises(RefusedError) as refusal:
        judged()
    return refusal.value.problem


def addresses(deployments: Iterable[Any]) -> list[str]:
    return [each["litellm_params"]["api_base"] for each in deployments]


def sent(request: dict[str, Any], address: str) -> dict[str, Any]:
    """The request as LiteLLM hands it over last, with the address that it goes to."""
    return {**request, "model": f"hosted_vllm/{request['model']}", "api_base": address}


@pytest.mark.parametrize("call", sorted(COVERED))
def test_a_tenant_s_request_gets_the_tenant_s_salt_on_every_path(call: str) -> None:
    judge, request = begun(call=call)

    assert request == {"model": "salted", "extra_body": {"cache_salt": derive_salt(KEY, "team-a", "salted")}}
    judge.verify(sent(request, SALTED))


@pytest.mark.parametrize("call", ["arerank", "amoderation", "allm_passthrough_route", "aget_responses", ""])
def test_a_kind_of_call_that_is_not_covered_is_refused(call: str) -> None:
    assert refused(lambda: begun(call=call)).status == 404


@pytest.mark.parametrize("tenant", [None, ""])
def test_a_caller_without_a_tenant_is_refused(tenant: str | None) -> None:
    assert refused(lambda: begun(tenant=tenant)).status == 403


@pytest.mark.parametrize(
    "model", ["nothing", "salted,own", "hosted_vllm/salted", "", ["salted"], derive_salt(KEY, "team-b", "salted")]
)
def test_a_model_that_is_not_one_of_the_platform_s_is_refused(model: Any) -> None:
    assert refused(lambda: begun(model=model)).code == "model_not_found"


@pytest.mark.parametrize("address", [SALTED, A])
def test_a_request_without_a_model_is_left_to_litellm_and_granted_no_isolated_engine(address: str) -> None:
    judge = isolation()
    judge.begin("team-a", "acompletion", {"user": "somebody"})

    assert refused(lambda: judge.verify(sent({"model": "salted"}, address))).status == 500


def test_a_model_that_tenants_share_is_left_alone() -> None:
    judge, request = begun("open", None, "arerank")

    assert request == {"model": "open", "cache_salt": "theirs"}
    judge.verify(sent(request, OPEN))


@pytest.mark.parametrize(("tenant", "address"), [("team-a", A), ("team-b", B)])
def test_a_tenant_reaches_its_own_engines_alone(tenant: str, address: str) -> None:
    judge, _ = begun("own", tenant)

    assert addresses(judge.choose(OWN)) == [address]


def test_a_tenant_without_engines_of_its_own_reaches_nobody_else_s() -> None:
    judge, _ = begun("own", "team-c")

    assert refused(lambda: judge.choose(OWN)).status == 403


def test_a_tenant_without_engines_of_its_own_reaches_the_shared_ones() -> None:
    judge, _ = begun("salted", "team-c")
    shared = {"litellm_params": {"api_base": SALTED}}

    assert judge.choose([*OWN, shared]) == [shared]


def test_a_request_for_another_s_engine_is_not_sent() -> None:
    judge, request = begun("own", "team-a")

    assert refused(lambda: judge.verify(sent(request, B))).status == 500


@pytest.mark.parametrize("address", ["http://elsewhere/v1", f"{SALTED}/", None])
def test_a_request_for_an_address_that_is_no_engine_s_is_not_sent(address: Any) -> None:
    judge, request = begun()

    assert refused(lambda: judge.verify(sent(request, address))).status == 500


@pytest.mark.parametrize(
    "change",
    [
        {"extra_body": {}},
        {"extra_body": None},
        {"extra_body": {"cache_salt": "theirs"}},
        {"cache_salt": "theirs"},
        {"extra_body": {"cache_salt": derive_salt(KEY, "team-b", "salted")}},
    ],
)
def test_a_request_that_lost_its_salt_on_the_way_is_not_sent(change: dict[str, Any]) -> None:
    judge, request = begun()

    assert refused(lambda: judge.verify(sent({**request, **change}, SALTED))).status == 500


def test_a_detour_to_another_model_is_not_sent() -> None:
    judge, request = begun("salted", "team-a")

    assert refused(lambda: judge.verify(sent(request, A))).status == 500


def test_a_request_that_nobody_has_judged_is_not_sent() -> None:
    request = {"model": "salted", "extra_body": {"cache_salt": derive_salt(KEY, "team-a", "salted")}}

    assert refused(lambda: isolation().verify(sent(request, SALTED))).status == 500


def test_requests_at_the_same_time_keep_their_tenants_apart() -> None:
    judge = isolation()

    async def one(tenant: str) -> str:
        request: dict[str, Any] = {"model": "own"}
        judge.begin(tenant, "acompletion", request)
        await asyncio.sleep(0)
        (chosen,) = judge.choose(OWN)
        await asyncio.create_task(asyncio.to_thread(judge.verify, sent(request, chosen["litellm_params"]["api_base"])))
        return chosen["litellm_params"]["api_base"]

    async def both() -> list[str]:
        return list(await asyncio.gather(*(one(tenant) for tenant in ["team-a", "team-b"] * 10)))

    assert asyncio.run(both()) == [A, B] * 10


def signed(judge: Isolation, request: dict[str, Any]) -> dict[str, str]:
    judge.sign(request)
    return request["extra_headers"]


@pytest.mark.parametrize("model", ["open", "salted", "own"])
def test_every_request_says_whose_it_is(model: str) -> None:
    assert signed(*begun(model)) == {FAIRNESS_HEADER: "team-a"}


@pytest.mark.parametrize(
    "name", [FAIRNESS_HEADER.upper(), "x-gateway-inference-fairness-id", f"{PREFIXES[0]}objective"]
)
def test_whose_a_request_is_and_how_urgent_is_not_taken_from_the_request(name: str) -> None:
    judge, request = begun("open")

    assert signed(judge, {**request, "extra_headers": {name: "team-b", "x-other": "1"}}) == {
        FAIRNESS_HEADER: "team-a",
        "x-other": "1",
    }


def test_a_request_of_no_tenant_takes_none_s_name() -> None:
    assert signed(*begun("open", None)) == {FAIRNESS_HEADER: "platform"}


def test_a_tenant_s_name_is_not_left_behind_for_whoever_comes_next() -> None:
    judge, _ = begun("open", "team-a")
    judge.begin(None, "acompletion", {"model": "open"})

    assert signed(judge, {}) == {FAIRNESS_HEADER: "platform"}


def test_a_team_with_any_name_fits_into_a_header() -> None:
    assert signed(*begun("open", "a\r\nx-other: ü")) == {FAIRNESS_HEADER: "a%0D%0Ax-other%3A%20%C3%BC"}


@pytest.mark.parametrize("key", [b"", b"short"])
def test_it_does_not_start_without_its_key_where_a_model_is_isolated(key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        Isolation(DOMAINS, key)
    Isolation(Domains({OPEN: Engine("open", None)}, frozenset()), key)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engines": {}}', '{"engines": {"http://e": {}}, "isolated": []}'])
def test_a_document_that_is_not_as_it_has_to_be_is_not_read(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_domains(text)


# --- as LiteLLM calls it ----------------------------------------------------------------------------------------


class Told(Exception):  # noqa: N818 - stands for LiteLLM's HTTPException
    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.status = problem.status


CALLBACK = make_callback(object, isolation(), Told)


def test_litellm_finds_each_method_in_the_class_itself() -> None:
    # Its walk over callbacks skips a method that a class merely inherits.
    assert {"async_pre_call_hook", "async_filter_deployments", "async_pre_call_deployment_hook"} <= set(
        CALLBACK.__class__.__dict__
    )


def test_the_engine_is_asked_for_the_usage_of_a_stream_of_completions() -> None:
    key = SimpleNamespace(team_id="team-a")
    request = asyncio.run(CALLBACK.async_pre_call_hook(key, None, {"model": "open", "stream": True}, CALL))
    assert request["stream_options"] == {"include_usage": True}


def test_a_request_passes_all_three_calls() -> None:
    async def passed() -> dict[str, Any]:
        key = SimpleNamespace(team_id="team-a")
        request = await CALLBACK.async_pre_call_hook(key, None, {"model": "own"}, "acompletion")
        (engine,) = await CALLBACK.async_filter_deployments("own", OWN, None, request)
        return await CALLBACK.async_pre_call_deployment_hook(sent(request, engine["litellm_params"]["api_base"]), None)

    found = asyncio.run(passed())
    assert found["extra_body"] == {"cache_salt": derive_salt(KEY, "team-a", "own")}
    assert found["extra_headers"] == {FAIRNESS_HEADER: "team-a"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: CALLBACK.async_pre_call_hook(SimpleNamespace(team_id=None), None, {"model": "own"}, "acompletion"),
        lambda: CALLBACK.async_pre_call_hook(object(), None, {"model": "own"}, "acompletion"),
        lambda: CALLBACK.async_pre_call_hook(SimpleNamespace(team_id=7), None, {"model": "own"}, "acompletion"),
        lambda: CALLBACK.async_pre_call_hook(SimpleNamespace(team_id="t"), None, None, "acompletion"),
        lambda: CALLBACK.async_filter_deployments("own", [{}], None, {}),
        lambda: CALLBACK.async_filter_deployments("own", None, None, {}),
        lambda: CALLBACK.async_pre_call_deployment_hook({}, None),
        lambda: CALLBACK.async_pre_call_deployment_hook(None, None),
    ],
)
def test_whatever_goes_wrong_refuses_the_request(call: Callable[[], Any]) -> None:
    with pytest.raises(Told):
        asyncio.run(call())


def test_a_failure_s_text_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @property
        def team_id(self) -> str:
            raise RuntimeError("the prompt of a tenant")

    with pytest.raises(Told) as told:
        asyncio.run(CALLBACK.async_pre_call_hook(Broken(), None, {"model": "own"}, "acompletion"))

    assert "prompt" not in json.dumps([caplog.text, str(told.value)])
