"""KV1 on the lab: real vLLM behind real LiteLLM, and whose prompts are found again by whom.

Two assertions belong together: another tenant finds nothing again, and the same tenant does. The first alone would hold
with the cache switched off. The same questions are put to the platform without the control, where they must show the
leak: else they could not see one.
"""

import json
import random
import time
import uuid
from collections.abc import Generator
from typing import Any

import pytest

from components.gateway.hooks.fairness import FAIRNESS_HEADER, PREFIXES
from components.tenants.reconciler.model import team_id
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.caches import (
    DROPPED_BY_LITELLM,
    EMBEDDINGS,
    FORGED,
    FORGED_HEADERS,
    HEEDED,
    OVERRIDES,
    REFUSED_OVERRIDES,
    SURFACES,
    Caches,
    audited_caches,
    prompt,
    watching,
)
from tests.lab.embedding import embedder, watching_embedder
from tests.lab.isolated import IsolatedPlatform
from tests.lab.partitioned import PartitionedPlatform
from tests.lab.platform import ENGINES, GATEWAY, MODEL, OTHER_TENANT, TENANT
from tests.lab.recorder import recording
from tests.lab.two_samples import Comparison, compare

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]


SAMPLES = 260
"""Calls of each kind."""
ROUNDS = 13
"""In which they are made: the lab's engine holds 70 of these prompts, and a round asks 60."""
TOLD_APART = 0.001
WAYS = [(override, surface) for override in OVERRIDES for surface in SURFACES]
WAYS_IN = [way for way in WAYS if way[0] in HEEDED and way[1] not in DROPPED_BY_LITELLM]
WAYS_NOWHERE = [way for way in WAYS if way not in WAYS_IN]


@pytest.fixture(scope="module")
def open_caches(partitioned: PartitionedPlatform, access: ClusterAccess) -> Generator[Caches]:
    """The platform without the control."""
    with watching(partitioned.stack, access) as caches:
        yield caches


@pytest.fixture(scope="module")
def caches(isolated: IsolatedPlatform, access: ClusterAccess) -> Generator[Caches]:
    """The platform with the control."""
    with watching(isolated.stack, access) as found:
        yield found


# --- the leak, so that the tests are known to see it ------------------------------------------------------------


@pytest.mark.parametrize("surface", SURFACES)
def test_without_the_control_one_tenant_finds_again_what_another_has_asked(open_caches: Caches, surface: str) -> None:
    question = prompt()

    assert open_caches.found_again(TENANT, surface, question) == 0
    assert open_caches.found_again(OTHER_TENANT, surface, question) > 0


@pytest.mark.parametrize(("override", "surface"), WAYS_IN)
def test_without_the_control_a_caller_chooses_whose_cache_it_looks_into(
    open_caches: Caches, override: str, surface: str
) -> None:
    question, as_the_other = prompt(), OVERRIDES[override](uuid.uuid4().hex)

    assert open_caches.found_again(TENANT, surface, question, **as_the_other) == 0
    assert open_caches.found_again(OTHER_TENANT, surface, question) == 0
    assert open_caches.found_again(OTHER_TENANT, surface, question, **as_the_other) > 0


@pytest.mark.parametrize(("override", "surface"), WAYS_NOWHERE)
def test_without_the_control_what_engines_do_not_read_names_no_salt_either(
    open_caches: Caches, override: str, surface: str
) -> None:
    """With the control these pass in any case: they are tried for the day on which an engine reads them."""
    question = prompt()

    assert open_caches.found_again(TENANT, surface, question, **OVERRIDES[override](uuid.uuid4().hex)) == 0
    assert open_caches.found_again(OTHER_TENANT, surface, question) > 0


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("override", REFUSED_OVERRIDES)
def test_without_the_control_what_leads_past_the_gateway_is_refused_as_well(
    open_caches: Caches, surface: str, override: str
) -> None:
    open_caches.assert_refused(OTHER_TENANT, surface, **REFUSED_OVERRIDES[override](uuid.uuid4().hex))


def test_the_audit_sees_the_leak_where_the_control_is_claimed_and_not_deployed(
    partitioned: PartitionedPlatform, open_caches: Caches
) -> None:
    done = audited_caches(partitioned.stack, "--tier", "adversarial")
    (scoped,) = (one for one in json.loads(done.stdout)["controls"] if one["id"] == "KV1")

    assert done.returncode == 1, done.stderr + done.stdout
    assert scoped["verdict"] == "does not hold"
    assert {case["case"] for case in scoped["failures"]} == {"another-tenants-prefix"}


# --- with the control -------------------------------------------------------------------------------------------


def assert_each_finds_again_its_own_alone(caches: Caches, surface: str) -> None:
    question = prompt()

    assert caches.found_again(TENANT, surface, question) == 0
    assert caches.found_again(OTHER_TENANT, surface, question) == 0
    assert caches.found_again(TENANT, surface, question) > 0
    assert caches.found_again(OTHER_TENANT, surface, question) > 0


@pytest.mark.parametrize("surface", SURFACES)
def test_a_tenant_finds_again_what_it_has_asked_itself_and_nothing_else(caches: Caches, surface: str) -> None:
    assert_each_finds_again_its_own_alone(caches, surface)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("override", OVERRIDES)
def test_not_even_another_tenant_s_own_salt_opens_its_cache(caches: Caches, surface: str, override: str) -> None:
    assert_no_way_in(caches, surface, override)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("override", REFUSED_OVERRIDES)
def test_what_leads_past_the_gateway_is_refused_and_reaches_no_engine(
    caches: Caches, surface: str, override: str
) -> None:
    caches.assert_refused(OTHER_TENANT, surface, **REFUSED_OVERRIDES[override](caches.salt(TENANT)))


def assert_no_way_in(caches: Caches, surface: str, override: str) -> None:
    """Whatever salt is named, a tenant's questions are kept under its own and found under no other."""
    question, stolen = prompt(), OVERRIDES[override](caches.salt(TENANT))

    assert caches.found_again(TENANT, surface, question) == 0
    assert caches.found_again(OTHER_TENANT, surface, question, **stolen) == 0
    assert caches.found_again(OTHER_TENANT, surface, question) > 0, "the forger's own cache was not used"
    assert caches.found_again(TENANT, surface, question, **OVERRIDES[override]("made up")) > 0


@pytest.mark.parametrize("surface", SURFACES)
def test_a_caller_without_a_tenant_is_refused(isolated: IsolatedPlatform, caches: Caches, surface: str) -> None:
    queries = caches.queries()
    answer = caches.send(
        isolated.master_key, SURFACES[surface].path, {"model": MODEL, **SURFACES[surface].body(prompt())}
    )

    assert answer.status == 403
    assert caches.queries() == queries


def test_several_models_at_once_are_none(caches: Caches) -> None:
    body = {"model": f"{MODEL},{MODEL}", "messages": [{"role": "user", "content": "hello"}]}

    assert caches.send(caches.keys[TENANT], "/v1/chat/completions", body).status == 404


# --- what an operator's own proof says --------------------------------------------------------------------------


def test_the_audit_finds_the_caches_scoped_and_costs_next_to_nothing(isolated: IsolatedPlatform) -> None:
    done = audited_caches(isolated.stack)
    row = json.loads(done.stdout)["controls"]
    (scoped,) = (one for one in row if one["id"] == "KV1")

    assert done.returncode == 0, done.stderr + done.stdout
    assert scoped["verdict"] == "holds"
    assert {case["case"] for case in scoped["held"]} == {"another-tenants-prefix", "own-prefix"}
    assert {case["tenant"] for case in scoped["held"]} == {TENANT, OTHER_TENANT}
    (expense,) = (line for line in done.stderr.splitlines() if "charged to the tenants" in line)
    print(expense)


# --- by the clock -----------------------------------------------------------------------------------------------


def test_without_the_control_the_clock_tells_what_another_tenant_has_asked(
    open_caches: Caches, record_property: Any
) -> None:
    found = timed(open_caches)

    tell("without_the_control", found, record_property)
    assert found.p_value < TOLD_APART


def test_with_the_control_the_clock_tells_nothing(caches: Caches, record_property: Any) -> None:
    found = timed(caches)

    tell("with_the_control", found, record_property)
    assert found.p_value >= TOLD_APART


def tell(name: str, found: Comparison, record_property: Any) -> None:
    figure = f"D = {found.distance:.3f}, p = {found.p_value:.2e}, {SAMPLES} calls a side"
    print(f"{name}: {figure}")
    record_property(name, figure)


def timed(caches: Caches) -> Comparison:
    """One tenant's latencies on prompts that the other has asked, against those on prompts that nobody has.

    Both kinds are asked in one random order, so that a slow minute of the machine falls on both.
    """
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        asked = [prompt() for _ in range(SAMPLES // ROUNDS)]
        for question in asked:
            caches.ask(TENANT, "completions", question)
        questions = [(question, True) for question in asked] + [(prompt(), False) for _ in asked]
        random.shuffle(questions)
        for question, known in questions:
            begun = time.perf_counter()
            answer = caches.ask(OTHER_TENANT, "completions", question)
            seconds[known].append(time.perf_counter() - begun)
            assert answer.status == 200
    return compare(seconds[True], seconds[False])


# --- what arrives -----------------------------------------------------------------------------------------------


def test_every_request_that_arrives_bears_its_tenant_s_salt_and_name_and_no_other(
    isolated: IsolatedPlatform, caches: Caches
) -> None:
    surfaces: dict[str, tuple[str, dict[str, Any]]] = {
        **{name: (way.path, way.body("hello")) for name, way in SURFACES.items() if "stream" not in name},
        "embeddings": ("/v1/embeddings", {"input": "hello"}),
    }
    stolen = caches.salt(TENANT)
    with recording(isolated.kubectl, ENGINES, f"engine-{MODEL}") as recorded:
        for path, body in surfaces.values():
            for override in OVERRIDES.values():
                asked = {"model": MODEL, **body, **override(stolen)}
                caches.send(caches.keys[OTHER_TENANT], path, asked, FORGED_HEADERS)
        arrived = recorded()

    assert len(arrived) == len(surfaces) * len(OVERRIDES)
    for request in arrived:
        content = {name: value for name, value in request.body.items() if name != "metadata"}
        assert request.body["cache_salt"] == caches.salt(OTHER_TENANT)
        assert stolen not in json.dumps(content)
        assert request.headers[FAIRNESS_HEADER] == team_id(OTHER_TENANT)
        assert [name for name in request.headers if name.startswith(PREFIXES)] == [FAIRNESS_HEADER]
        assert FORGED not in json.dumps([request.headers, request.body])


# --- the salt is a secret ---------------------------------------------------------------------------------------


def test_neither_salt_nor_key_is_in_a_log_or_in_the_database(isolated: IsolatedPlatform, caches: Caches) -> None:
    caches.ask(TENANT, "chat", "hello", temperature="wrong")
    caches.ask(TENANT, "chat", "hello")
    secrets = [caches.salt(TENANT), caches.salt_key.decode()]
    kubectl = isolated.kubectl
    told = [
        kubectl.run(
            "logs", "--namespace", GATEWAY, "--selector=app.kubernetes.io/name=gateway", "--all-containers", "--tail=-1"
        ),
        kubectl.run("logs", "--namespace", ENGINES, "--selector=app.kubernetes.io/name=engine", "--tail=-1"),
        isolated.database_dump(),
    ]

    assert TENANT in told[2], "the dump is not the gateway's database"
    assert not [secret for secret in secrets for text in told if secret in text]


def test_another_generation_of_the_key_makes_other_salts(isolated: IsolatedPlatform, access: ClusterAccess) -> None:
    question = prompt()
    with watching(isolated.stack, access) as before:
        assert before.found_again(TENANT, "chat", question) == 0
        assert before.found_again(TENANT, "chat", question) > 0
        old = before.salt(TENANT)
    gateway = isolated.stack.value("gateway")
    isolated.stack.edit(gateway={**gateway, "cache_salt_generation": gateway.get("cache_salt_generation", 1) + 1})
    isolated.stack.deploy()
    with watching(isolated.stack, access) as after:
        assert after.salt(TENANT) != old
        assert after.found_again(TENANT, "chat", question) == 0
        assert after.found_again(TENANT, "chat", question) > 0


# --- a model that embeds: last, since it is deployed from here to the end ---------------------------------------


@pytest.fixture(scope="module")
def embedding_caches(isolated: IsolatedPlatform, access: ClusterAccess) -> Generator[Caches]:
    """The platform with the control and a model that embeds, which is asked; without the control: `test_embeddings`."""
    with embedder(isolated.stack, isolated.kubectl), watching_embedder(isolated.stack, access) as found:
        yield found


def test_a_tenant_finds_again_what_it_has_had_embedded_itself_and_nothing_else(embedding_caches: Caches) -> None:
    assert_each_finds_again_its_own_alone(embedding_caches, EMBEDDINGS)


@pytest.mark.parametrize("override", OVERRIDES)
def test_not_even_another_tenant_s_own_salt_opens_its_cache_of_what_is_embedded(
    embedding_caches: Caches, override: str
) -> None:
    assert_no_way_in(embedding_caches, EMBEDDINGS, override)


@pytest.mark.parametrize("override", REFUSED_OVERRIDES)
def test_what_leads_past_the_gateway_is_refused_to_what_is_embedded_as_well(
    embedding_caches: Caches, override: str
) -> None:
    salt = embedding_caches.salt(TENANT)
    embedding_caches.assert_refused(OTHER_TENANT, EMBEDDINGS, **REFUSED_OVERRIDES[override](salt))
