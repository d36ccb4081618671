"""KV1 on the lab where tenants are kept apart by other engines or by none of a cache, on real vLLM.

Salts under which several tenants share engines: `test_cache_isolation.py`. Each way is deployed once, in the order of
this file: at no time are there more engines than the lab's node has room for.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from infra.blueprint.caches import engine_name
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.caches import OVERRIDES, SURFACES, Caches, audited_caches, prompt, watching
from tests.lab.embedding import OPENED_SECONDS
from tests.lab.faults import wait_old_replicas_gone, wait_until
from tests.lab.isolated import IsolatedPlatform
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

SENSITIVE_TENANT = "clinic"
SHARED = f"engine-{MODEL}"


def engine_of(tenant: str) -> str:
    """The Deployment of the engines that are a tenant's own."""
    return f"engine-{engine_name(MODEL, tenant)}"


@dataclass(frozen=True)
class Regrouped:
    """The platform whose tenants are kept apart in one way after the other.

    Attributes:
        platform: Where.
        before: Its stack file, which every way begins with.
    """

    platform: IsolatedPlatform
    access: ClusterAccess
    before: str

    @contextmanager
    def kept_apart(self, **values: object) -> Generator[Caches]:
        """Deploy the stack file with these values; yields its caches once every tenant is answered."""
        stack = self.platform.stack
        stack.file.write_text(self.before)
        stack.edit(**values)
        stack.deploy()
        wait_old_replicas_gone(self.platform.kubectl)
        with watching(stack, self.access) as caches:

            def are_answered() -> bool:
                return all(caches.ask(tenant, "chat", "hello").status == 200 for tenant in caches.keys)

            wait_until(are_answered, "every tenant's key opens the model", OPENED_SECONDS)
            yield caches

    def model(self, isolation: str) -> list[dict[str, Any]]:
        """The lab's model, with its cache isolated in this way."""
        (model,) = self.platform.stack.value("models")
        return [{**model, "cache_isolation": isolation}]


@pytest.fixture(scope="module")
def regrouped(isolated: IsolatedPlatform, access: ClusterAccess) -> Generator[Regrouped]:
    """The platform, to be deployed in one way after the other; as it was afterwards."""
    before = isolated.stack.file.read_text()
    try:
        yield Regrouped(isolated, access, before)
    finally:
        isolated.stack.file.write_text(before)
        isolated.stack.deploy()
        wait_old_replicas_gone(isolated.kubectl)


def reached(caches: Caches, tenant: str, surface: str) -> set[str]:
    """The engines that worked on one question of a tenant's."""
    before = {engine: caches.queries(engine) for engine in caches.engines}
    # Once it is counted anywhere, it is counted where it went.
    caches.found_again(tenant, surface, prompt())
    return {engine for engine in caches.engines if caches.queries(engine) > before[engine]}


def assert_the_audit_holds(platform: IsolatedPlatform, *tenants: str) -> None:
    """The audit finds the caches of each tenant scoped, and the tenant's own work answered."""
    done = audited_caches(platform.stack)
    assert done.returncode == 0, done.stderr + done.stdout
    (scoped,) = (one for one in json.loads(done.stdout)["controls"] if one["id"] == "KV1")
    assert scoped["verdict"] == "holds"
    assert {(case["tenant"], case["case"]) for case in scoped["held"]} == {
        (tenant, case) for tenant in tenants for case in ("another-tenants-prefix", "own-prefix")
    }


# --- a sensitive tenant beside two that share -------------------------------------------------------------------


@pytest.fixture(scope="module")
def beside(regrouped: Regrouped) -> Generator[Caches]:
    """One model for three tenants: two share its engine under salts, and the sensitive one has an engine of its own."""
    first, other = regrouped.platform.stack.value("tenants")
    subjects = [{"kind": "group", "name": f"{SENSITIVE_TENANT}-team"}]
    third: dict[str, Any] = {**other, "name": SENSITIVE_TENANT, "sensitive": True, "subjects": subjects}
    with regrouped.kept_apart(tenants=[first, other, third]) as caches:
        yield caches


def test_one_model_has_an_engine_that_two_share_and_one_that_is_the_sensitive_tenants(beside: Caches) -> None:
    assert set(beside.engines) == {SHARED, engine_of(SENSITIVE_TENANT)}


@pytest.mark.parametrize("surface", SURFACES)
def test_a_sensitive_tenants_questions_reach_its_own_engine_alone_and_no_others_do(
    beside: Caches, surface: str
) -> None:
    assert reached(beside, SENSITIVE_TENANT, surface) == {engine_of(SENSITIVE_TENANT)}
    assert reached(beside, TENANT, surface) == reached(beside, OTHER_TENANT, surface) == {SHARED}


@pytest.mark.parametrize("surface", SURFACES)
def test_of_three_tenants_of_one_model_each_finds_again_its_own_alone(beside: Caches, surface: str) -> None:
    question, tenants = prompt(), (TENANT, OTHER_TENANT, SENSITIVE_TENANT)

    assert [beside.found_again(tenant, surface, question) for tenant in tenants] == [0, 0, 0]
    assert all(beside.found_again(tenant, surface, question) > 0 for tenant in tenants)


@pytest.mark.parametrize("override", OVERRIDES)
def test_not_even_a_sensitive_tenants_own_salt_leads_to_its_engine(beside: Caches, override: str) -> None:
    question, own = prompt(), engine_of(SENSITIVE_TENANT)
    assert beside.found_again(SENSITIVE_TENANT, "chat", question) == 0
    queries = beside.queries(own)

    stolen = OVERRIDES[override](beside.salt(SENSITIVE_TENANT))
    assert beside.found_again(TENANT, "chat", question, **stolen) == 0
    assert beside.queries(own) == queries


def test_the_audit_finds_a_sensitive_tenant_and_its_neighbours_kept_apart(
    beside: Caches, isolated: IsolatedPlatform
) -> None:
    del beside
    assert_the_audit_holds(isolated, TENANT, OTHER_TENANT, SENSITIVE_TENANT)


# --- no cache ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def without(regrouped: Regrouped) -> Generator[Caches]:
    """Two tenants at an engine that keeps nothing."""
    with regrouped.kept_apart(models=regrouped.model("off")) as caches:
        yield caches


@pytest.mark.parametrize("surface", SURFACES)
def test_an_engine_without_a_cache_answers_and_looks_for_nothing(without: Caches, surface: str) -> None:
    """Not even where a caller names a salt."""
    question, salted = prompt(), OVERRIDES["at the top"]("made up")

    for tenant, more in ((TENANT, {}), (OTHER_TENANT, {}), (TENANT, {}), (TENANT, salted), (OTHER_TENANT, salted)):
        assert without.ask(tenant, surface, question, **more).status == 200
    assert (without.queries(), without.hits()) == (0, 0)


def test_the_audit_finds_caches_that_are_off_scoped(without: Caches, isolated: IsolatedPlatform) -> None:
    del without
    assert_the_audit_holds(isolated, TENANT, OTHER_TENANT)


# --- engines of a tenant's own ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(regrouped: Regrouped) -> Generator[Caches]:
    """Two tenants, each with an engine of its own."""
    with regrouped.kept_apart(models=regrouped.model("engine_per_tenant")) as caches:
        yield caches


@pytest.mark.parametrize("surface", SURFACES)
def test_engines_of_a_tenant_s_own_work_on_its_prompts_alone(own: Caches, surface: str) -> None:
    assert set(own.engines) == {engine_of(TENANT), engine_of(OTHER_TENANT)}
    for tenant in (TENANT, OTHER_TENANT):
        assert reached(own, tenant, surface) == {engine_of(tenant)}


def test_nobody_names_an_engine_in_place_of_the_model(own: Caches) -> None:
    for engine in own.engines:
        body = {"model": engine.removeprefix("engine-"), "messages": [{"role": "user", "content": "hello"}]}
        assert own.send(own.keys[TENANT], "/v1/chat/completions", body).status == 404


def test_the_audit_finds_engines_of_each_tenant_s_own_scoped(own: Caches, isolated: IsolatedPlatform) -> None:
    del own
    assert_the_audit_holds(isolated, TENANT, OTHER_TENANT)
