"""What the benchmark of the hooks times is the way of requests that are served, with all that is done to them."""

import asyncio
import json

import pytest

from benchmarks import hook
from benchmarks.hook import ANSWERS, ASKED, EVENTS, KEY, InLiteLLMsPlace, domains, layers_around, one_request
from components.gateway.hooks.callback import make_callback
from components.gateway.hooks.fairness import FAIRNESS_HEADER
from components.gateway.hooks.isolation import Isolation
from components.gateway.hooks.salts import derive_salt

TENANT = "bulkhead-tenant-7"


def place(model: str, answered: str = "a whole answer") -> InLiteLLMsPlace:
    known = domains()
    callback = make_callback(object, Isolation(known, KEY), lambda _, reason: RuntimeError(reason))
    inner = InLiteLLMsPlace(callback, hook.deployments_of(known, model), *ANSWERS[answered])
    inner.tenant, inner.request = TENANT, hook.request_for(model)
    return inner


@pytest.mark.parametrize(("model", "engines"), ASKED)
def test_a_request_that_is_timed_is_salted_sent_to_its_engine_and_signed(model: str, engines: int) -> None:
    inner = place(model)
    milliseconds, answer = asyncio.run(one_request(layers_around(inner), json.dumps(inner.request).encode()))

    assert milliseconds > 0
    assert answer[0]["status"] == 200
    assert len(inner.deployments) == engines
    assert inner.sent is not None
    assert "cache_salt" not in inner.sent
    assert inner.sent["extra_body"]["cache_salt"] == derive_salt(KEY, TENANT, model)
    assert inner.sent["extra_headers"][FAIRNESS_HEADER] == TENANT


def test_a_body_that_the_layer_refuses_is_read_and_goes_no_further() -> None:
    inner = place("salted-0")
    content = json.dumps({**hook.request_for("salted-0"), "extra_body": {}}).encode()
    _, answer = asyncio.run(one_request(layers_around(inner), content))

    assert answer[0]["status"] == 400
    assert inner.sent is None


def test_a_stream_is_passed_on_whole() -> None:
    (streamed,) = (answered for answered in ANSWERS if "stream" in answered)
    inner = place("salted-0", streamed)
    _, answer = asyncio.run(one_request(layers_around(inner), json.dumps(inner.request).encode()))

    assert b"".join(message["body"] for message in answer[1:]).count(b"data: ") == EVENTS
