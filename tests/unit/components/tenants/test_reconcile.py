"""However the gateway was left, it ends up with what the records say, and nothing is written twice."""

import copy
import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.tenants.reconciler import admin as admin_module
from components.tenants.reconciler import loop as loop_module
from components.tenants.reconciler.__main__ import ONCE, main
from components.tenants.reconciler.admin import observe
from components.tenants.reconciler.errors import GatewayError, InputError, WriteRefusedError
from components.tenants.reconciler.inputs import read_tenants
from components.tenants.reconciler.model import NONE_OF_A_KEYS_OWN, Tenant
from components.tenants.reconciler.passes import reconcile
from components.tenants.reconciler.plan import plan
from components.tenants.records import records
from infra.blueprint.routes import KEY_PATHS
from tests.unit.components.parts import RESEARCH, SUPPORT
from tests.unit.components.tenants.fake_gateway import ConnectionLostError, FakeGateway, serve

MASTER = "sk-master-of-this-test"


def tenant(name: str = "research", generation: int = 1, **team: Any) -> Tenant:
    fields = {"models": ["tiny"], "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60, "tpm_limit": 1000}
    return Tenant(name, f"sk-key-of-{name}-{generation:04}", {**fields, **team}, KEY_PATHS)


RESEARCHERS, SUPPORTERS = tenant("research"), tenant("support", models=["llama-8b", "tiny"])


def settle(gateway: FakeGateway, *tenants: Tenant) -> list[str]:
    said: list[str] = []
    gateway.writes.clear()
    settled = reconcile(tenants, gateway, said.append)
    return [*said, *settled.strangers]


def test_a_new_tenant_gets_a_team_with_its_limits_and_one_key() -> None:
    gateway = FakeGateway()

    settle(gateway, RESEARCHERS)

    team = gateway.teams["bulkhead-research"]
    (key,) = gateway.keys.values()
    assert (team["max_budget"], team["budget_duration"], team["rpm_limit"], team["tpm_limit"]) == (5.0, "30d", 60, 1000)
    assert team["models"] == key["models"] == ["tiny"]
    assert key["team_id"] == "bulkhead-research"
    assert key["token"] == RESEARCHERS.token
    assert key["allowed_routes"] == list(KEY_PATHS)


def test_a_repeated_run_writes_nothing() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS, SUPPORTERS)

    settle(gateway, RESEARCHERS, SUPPORTERS)

    assert gateway.writes == []


def test_a_changed_limit_is_the_only_thing_that_is_written() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, tenant("research", rpm_limit=120))

    assert gateway.writes == [("/team/update", {"team_id": "bulkhead-research", "rpm_limit": 120})]


def test_a_budget_s_period_does_not_start_anew_because_something_else_changed() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, tenant("research", max_budget=50.0, rpm_limit=7, models=["tiny", "llama-8b"]))

    assert gateway.budget_periods_started == ["bulkhead-research"]


def test_a_removed_tenant_is_blocked_at_once_with_all_its_keys_and_keeps_its_spend() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS, SUPPORTERS)
    gateway.teams["bulkhead-research"]["spend"] = 3.5
    gateway.keys["by-hand"] = {"token": "by-hand", "key_alias": "hand", "team_id": "bulkhead-research", "blocked": None}

    settle(gateway, SUPPORTERS)

    assert gateway.teams["bulkhead-research"]["blocked"] is True
    assert gateway.keys[RESEARCHERS.token]["blocked"] is True
    assert gateway.keys["by-hand"]["blocked"] is True
    assert gateway.keys[SUPPORTERS.token]["blocked"] is False
    assert gateway.spend()["bulkhead-research"] == 3.5


@pytest.mark.parametrize("moved_to", ["theirs", None])
def test_a_removed_tenants_key_is_blocked_wherever_somebody_has_moved_it(moved_to: str | None) -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS, SUPPORTERS)
    gateway.keys[RESEARCHERS.token]["team_id"] = moved_to

    settle(gateway, SUPPORTERS)

    assert gateway.keys[RESEARCHERS.token]["blocked"] is True
    assert gateway.keys[SUPPORTERS.token]["blocked"] is False


def test_a_replaced_key_is_blocked_wherever_somebody_has_moved_it() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    gateway.keys[RESEARCHERS.token]["team_id"] = "theirs"
    again = tenant("research", generation=2)

    settle(gateway, again)

    assert gateway.keys[RESEARCHERS.token]["blocked"] is True
    assert gateway.keys[again.token]["blocked"] is False


def test_two_tenants_that_take_each_others_names_keep_to_their_names() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS, SUPPORTERS)
    gateway.teams["bulkhead-research"]["spend"] = 3.5
    swapped = (
        dataclasses.replace(RESEARCHERS, team=SUPPORTERS.team),
        dataclasses.replace(SUPPORTERS, team=RESEARCHERS.team),
    )

    settle(gateway, *swapped)

    assert gateway.teams["bulkhead-research"]["spend"] == 3.5
    for each in swapped:
        key = gateway.keys[each.token]
        assert (key["team_id"], key["models"], key["blocked"]) == (each.team_id, each.team["models"], False)
        assert gateway.teams[each.team_id]["models"] == each.team["models"]


def test_blocking_comes_before_everything_else() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, tenant("archive"))

    assert gateway.writes[0] == ("/team/update", {"team_id": "bulkhead-research", "blocked": True})


def test_a_tenant_that_comes_back_is_unblocked_and_its_old_key_is_not() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    settle(gateway)
    again = tenant("research", generation=2)

    settle(gateway, again)

    assert gateway.teams["bulkhead-research"]["blocked"] is False
    assert gateway.keys[again.token]["blocked"] is False
    assert gateway.keys[RESEARCHERS.token]["blocked"] is True


def test_a_replaced_key_is_blocked() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, tenant("research", generation=2))

    assert gateway.keys[RESEARCHERS.token]["blocked"] is True


@pytest.mark.parametrize(
    ("thing", "drift"),
    [
        ("team", {"max_budget": None}),
        ("team", {"models": []}),
        ("team", {"rpm_limit": 9999}),
        ("team", {"blocked": True}),
        ("team", {"metadata": {}}),
        ("key", {"models": []}),
        ("key", {"allowed_routes": []}),
        ("key", {"blocked": True}),
        ("key", {"team_id": "somebody-else"}),
        ("key", {"key_alias": "renamed"}),
        ("key", {"expires": "2026-12-01T00:00:00Z"}),
        ("key", {"max_budget": 0.01}),
        ("key", {"max_parallel_requests": 1}),
        ("key", {"rpm_limit": 0}),
        ("key", {"tpm_limit": 1, "expires": "2026-12-01T00:00:00Z"}),
    ],
)
def test_what_was_changed_by_hand_is_put_back(thing: str, drift: dict[str, Any]) -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    before = copy.deepcopy((gateway.teams, gateway.keys))
    record = gateway.teams["bulkhead-research"] if thing == "team" else gateway.keys[RESEARCHERS.token]
    record.update(drift)

    settle(gateway, RESEARCHERS)

    assert (gateway.teams, gateway.keys) == before


def test_a_new_key_is_given_nothing_to_end_by() -> None:
    gateway = FakeGateway()

    settle(gateway, RESEARCHERS)

    (body,) = (body for path, body in gateway.writes if path == "/key/generate")
    assert not {"duration", *NONE_OF_A_KEYS_OWN} & body.keys()


def noted(**metadata: str) -> Tenant:
    """The tenant with metadata in its record."""
    return dataclasses.replace(RESEARCHERS, own_metadata=metadata)


def metadata_at(gateway: FakeGateway) -> list[dict[str, Any]]:
    """What the team and the key of the one tenant hold."""
    return [thing["metadata"] for thing in (*gateway.teams.values(), *gateway.keys.values())]


MARKS = {"managed_by": "bulkhead", "tenant": "research"}


def test_a_records_metadata_are_written_to_team_and_key_beside_what_marks_them_and_once() -> None:
    gateway = FakeGateway()
    settle(gateway, noted(centre="4711"))

    assert metadata_at(gateway) == [{**MARKS, "centre": "4711", "managed_metadata": ["centre"]}] * 2
    assert settle(gateway, noted(centre="4711")) == []


def test_metadata_that_changed_in_the_record_change_and_those_taken_out_go() -> None:
    gateway = FakeGateway()
    settle(gateway, noted(centre="4711", contact="alice"))
    gateway.teams["bulkhead-research"]["metadata"]["by-hand"] = "stays"

    settle(gateway, noted(centre="4712"))

    team, key = metadata_at(gateway)
    assert key == {**MARKS, "centre": "4712", "managed_metadata": ["centre"]}
    assert team == {**key, "by-hand": "stays"}


def test_a_record_without_metadata_leaves_none_of_its_former_ones() -> None:
    gateway = FakeGateway()
    settle(gateway, noted(centre="4711"))

    settle(gateway, RESEARCHERS)

    assert metadata_at(gateway) == [MARKS, MARKS]


@pytest.mark.parametrize("drift", [{"centre": "9"}, {"managed_metadata": []}, {"tenant": "support"}])
@pytest.mark.parametrize("thing", ["team", "key"])
def test_metadata_that_were_changed_by_hand_are_put_back(thing: str, drift: dict[str, Any]) -> None:
    gateway = FakeGateway()
    settle(gateway, noted(centre="4711"))
    before = copy.deepcopy((gateway.teams, gateway.keys))
    record = gateway.teams["bulkhead-research"] if thing == "team" else gateway.keys[RESEARCHERS.token]
    record["metadata"].update(drift)

    settle(gateway, noted(centre="4711"))

    assert (gateway.teams, gateway.keys) == before


def test_no_metadata_of_a_record_take_the_place_of_what_marks_the_team() -> None:
    gateway = FakeGateway()
    settle(gateway, noted(managed_by="somebody", tenant="support"))

    assert all(metadata.items() >= MARKS.items() for metadata in metadata_at(gateway))


def test_a_route_that_leaves_the_record_is_the_only_thing_that_is_written() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, dataclasses.replace(RESEARCHERS, routes=("/v1/chat/completions",)))

    assert gateway.writes == [("/key/update", {"key": RESEARCHERS.token, "allowed_routes": ["/v1/chat/completions"]})]


def test_metadata_that_somebody_added_stays() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    gateway.teams["bulkhead-research"]["metadata"] = {"cost_centre": "42"}

    settle(gateway, RESEARCHERS)

    assert gateway.teams["bulkhead-research"]["metadata"] == {
        "cost_centre": "42",
        "managed_by": "bulkhead",
        "tenant": "research",
    }


def test_teams_of_others_are_never_touched() -> None:
    gateway = FakeGateway()
    gateway.teams["theirs"] = {"team_id": "theirs", "metadata": {"managed_by": "terraform"}, "blocked": False}
    gateway.keys["theirs"] = {"token": "theirs", "key_alias": None, "team_id": "theirs", "metadata": {}}
    before = copy.deepcopy((gateway.teams["theirs"], gateway.keys["theirs"]))

    settle(gateway, RESEARCHERS)

    assert (gateway.teams["theirs"], gateway.keys["theirs"]) == before


def test_a_key_made_by_hand_for_a_tenant_is_told_and_left() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    gateway.keys["hand"] = {"token": "hand", "key_alias": "alice", "team_id": "bulkhead-research", "metadata": {}}

    said = settle(gateway, RESEARCHERS)

    assert gateway.writes == []
    assert said == ["team bulkhead-research: has a key that was made by hand, alice"]


@pytest.mark.parametrize("writes", range(6))
def test_a_run_that_is_lost_half_way_is_finished_by_the_next(writes: int) -> None:
    gateway = FakeGateway()
    settle(gateway, tenant("archive"))
    gateway.writes.clear()
    gateway.fail_after = writes
    with pytest.raises(ConnectionLostError):
        reconcile((RESEARCHERS, SUPPORTERS), gateway, lambda _: None)
    gateway.fail_after = None

    settle(gateway, RESEARCHERS, SUPPORTERS)

    whole = FakeGateway()
    settle(whole, tenant("archive"))
    settle(whole, RESEARCHERS, SUPPORTERS)
    assert (gateway.teams, gateway.keys) == (whole.teams, whole.keys)


class Twin(FakeGateway):
    """A gateway to which another run makes the same first write just before ours."""

    def __init__(self) -> None:
        super().__init__()
        self.raced = False

    def post(self, path: str, body: dict[str, Any]) -> int:
        if not self.raced and path in ("/team/new", "/key/generate"):
            self.raced = path == "/key/generate"
            super().post(path, body)
        return super().post(path, body)


def test_two_runs_at_once_end_in_one_team_and_one_key() -> None:
    gateway = Twin()

    said = settle(gateway, RESEARCHERS)

    assert "team bulkhead-research: another run was first, looking again" in said
    assert len(gateway.teams) == len(gateway.keys) == 1
    settle(gateway, RESEARCHERS)
    assert gateway.writes == []


class Restless(FakeGateway):
    """A gateway where somebody undoes every write."""

    def team_update(self, body: dict[str, Any]) -> int:
        return 200


def test_a_gateway_that_never_settles_is_an_error() -> None:
    gateway = Restless()
    settle(gateway, RESEARCHERS)
    gateway.teams["bulkhead-research"]["rpm_limit"] = 1

    with pytest.raises(GatewayError, match="did not settle"):
        settle(gateway, RESEARCHERS)


class Refusing(FakeGateway):
    """A gateway that refuses some writes: those of which the path and the body hold both words."""

    def __init__(self, path: str, word: str) -> None:
        super().__init__()
        self.path, self.word = path, word

    def post(self, path: str, body: dict[str, Any]) -> int:
        if path == self.path and self.word in json.dumps(body):
            raise WriteRefusedError(f"POST {path} was answered 422: no")
        return super().post(path, body)


def test_one_tenant_that_is_refused_keeps_no_other_from_its_account() -> None:
    gateway = Refusing("/team/new", "bulkhead-archive")
    said: list[str] = []

    found = reconcile((tenant("archive"), RESEARCHERS), gateway, said.append)

    assert found.refused == ("archive",)
    assert "team bulkhead-archive: refused, POST /team/new was answered 422: no" in said
    assert set(gateway.teams) == {"bulkhead-research"}
    assert set(gateway.keys) == {RESEARCHERS.token}, "a key without its team would have no budget"


def test_who_was_refused_is_named_once_at_the_end_with_what_follows() -> None:
    gateway = Refusing("/team/new", "bulkhead-")
    found = reconcile((SUPPORTERS, RESEARCHERS), gateway, lambda _: None)

    with pytest.raises(GatewayError) as raised:
        found.require_all_written()

    assert str(raised.value).startswith("the gateway refused writes of research, support: their accounts are not as")
    reconcile((RESEARCHERS,), FakeGateway(), lambda _: None).require_all_written()


def test_a_key_that_is_refused_is_blocked_or_made_no_other_way_and_its_tenant_named() -> None:
    gateway = Refusing("/key/generate", "bulkhead-research")

    found = reconcile((RESEARCHERS, SUPPORTERS), gateway, lambda _: None)

    assert found.refused == ("research",)
    assert set(gateway.keys) == {SUPPORTERS.token}


def test_a_removed_tenants_keys_are_blocked_though_its_team_is_refused() -> None:
    gateway = Refusing("/team/update", "bulkhead-research")
    settle(gateway, RESEARCHERS)

    found = reconcile((SUPPORTERS,), gateway, lambda _: None)

    assert found.refused == ("research",)
    assert found.blocked
    assert gateway.keys[RESEARCHERS.token]["blocked"] is True
    assert gateway.keys[SUPPORTERS.token]["blocked"] is False


def test_a_write_that_was_made_though_its_answer_was_a_fault_is_no_refusal() -> None:
    class Made(FakeGateway):
        def post(self, path: str, body: dict[str, Any]) -> int:
            super().post(path, body)
            raise WriteRefusedError(f"POST {path} failed at every try (5), at last with 500: timeout")

    assert reconcile((RESEARCHERS,), Made(), lambda _: None).refused == ()


def test_more_than_a_page_of_tenants_is_seen_whole() -> None:
    gateway = FakeGateway()
    many = [tenant(f"t{number:03}") for number in range(250)]
    settle(gateway, *many)

    settle(gateway, *many)

    assert gateway.writes == []
    assert len(gateway.keys) == 250


NAMES = st.sets(st.sampled_from(["a", "b", "c", "d"]))


ROUTES = st.sets(st.sampled_from(KEY_PATHS), min_size=1).map(lambda paths: tuple(sorted(paths)))
METADATA = st.dictionaries(st.sampled_from(["centre", "contact", "region"]), st.text(max_size=3))
OPENED = st.tuples(ROUTES, METADATA)


@given(
    before=NAMES,
    after=NAMES,
    budget=st.floats(min_value=0.01, max_value=1e6),
    order=st.randoms(),
    opened=st.tuples(OPENED, OPENED),
)
def test_from_any_listing_to_any_other_exactly_the_listed_may_call(
    before: set[str], after: set[str], budget: float, order: Any, opened: Any
) -> None:
    was, becomes = opened
    gateway = FakeGateway()
    settle(gateway, *(opening(tenant(name), *was) for name in sorted(before)))
    listed = [opening(tenant(name, max_budget=budget), *becomes) for name in sorted(after)]
    order.shuffle(listed)

    settle(gateway, *listed)

    open_teams = {team["metadata"]["tenant"] for team in gateway.teams.values() if not team["blocked"]}
    open_keys = {key["metadata"]["tenant"] for key in gateway.keys.values() if not key["blocked"]}
    assert open_teams == open_keys == after
    assert set(gateway.teams) == {f"bulkhead-{name}" for name in before | after}
    for found in (*gateway.teams.values(), *gateway.keys.values()):
        if not found["blocked"]:
            kept = found["metadata"].keys() - {"managed_by", "managed_metadata", "tenant"}
            assert {name: found["metadata"][name] for name in kept} == becomes[1]
            assert found.get("allowed_routes", list(becomes[0])) == list(becomes[0])
    assert plan(listed, observe(gateway)) == []


def opening(tenant: Tenant, routes: tuple[str, ...], metadata: dict[str, str]) -> Tenant:
    return dataclasses.replace(tenant, routes=routes, own_metadata=metadata)


# --- files, exit codes, secrets ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tenants.json").write_text(records((SUPPORT, RESEARCH)), encoding="utf-8")
    for name in ("research", "support"):
        (tmp_path / name).write_text(f"sk-sentinel-key-of-{name}\n", encoding="utf-8")
    return tmp_path


def test_records_say_what_the_blueprint_says(folder: Path) -> None:
    research, support = read_tenants(folder, folder)

    assert research.team == {
        "budget_duration": "30d",
        "max_budget": 500.0,
        "models": ["llama-8b", "tiny"],
        "rpm_limit": 600,
        "tpm_limit": 200_000,
    }
    assert support.key == "sk-sentinel-key-of-support"


def test_records_say_what_a_tenants_key_opens_and_what_is_noted_of_it(folder: Path) -> None:
    part = dataclasses.replace(RESEARCH, paths=("/v1/chat/completions",), metadata=(("cost-centre", "4711"),))
    (folder / "tenants.json").write_text(records((part,)), encoding="utf-8")

    (found,) = read_tenants(folder, folder)

    assert found.routes == ("/v1/chat/completions",)
    assert found.own_metadata == {"cost-centre": "4711"}


def test_a_tenant_without_routes_is_refused_since_litellm_would_open_every_one(folder: Path) -> None:
    (folder / "tenants.json").write_text(records((dataclasses.replace(RESEARCH, paths=()),)), encoding="utf-8")

    with pytest.raises(InputError, match="routes"):
        read_tenants(folder, folder)


def test_records_do_not_depend_on_the_order_of_tenants() -> None:
    assert records((RESEARCH, SUPPORT)) == records((SUPPORT, RESEARCH))


def test_a_tenant_without_models_is_refused_since_litellm_would_open_all(folder: Path) -> None:
    (folder / "tenants.json").write_text(records((dataclasses.replace(RESEARCH, models=()),)), encoding="utf-8")

    with pytest.raises(InputError, match="models"):
        read_tenants(folder, folder)


def test_one_key_for_two_tenants_is_refused(folder: Path) -> None:
    (folder / "support").write_text((folder / "research").read_text(encoding="utf-8"), encoding="utf-8")

    with pytest.raises(InputError, match="one key"):
        read_tenants(folder, folder)


@dataclasses.dataclass
class Server:
    """A running gateway, and the environment that leads to it."""

    gateway: FakeGateway
    failures: list[int]
    environment: dict[str, str]


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(loop_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(admin_module.HttpAdmin.__init__, "__defaults__", (0.001,))
    gateway, failures = FakeGateway(), list[int]()
    with serve(gateway, MASTER, failures) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Server(
            gateway,
            failures,
            {
                "GATEWAY_URL": f"http://127.0.0.1:{http.server_address[1]}",
                "LITELLM_MASTER_KEY": MASTER,
                "RECORDS_DIRECTORY": str(folder),
                "KEYS_DIRECTORY": str(folder),
            },
        )
        http.shutdown()
        thread.join()


def test_over_http_the_second_run_writes_nothing(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(server.environment, [ONCE]) == 0
    assert "2 tenants as listed; 4 writes" in capsys.readouterr().out
    assert main(server.environment, [ONCE]) == 0
    assert capsys.readouterr().out.startswith("2 tenants as listed; 0 writes")


def test_what_passes_is_tried_again(server: Server) -> None:
    server.failures.extend([503, 429])

    assert main(server.environment, [ONCE]) == 0


def test_a_gateway_that_goes_on_failing_is_worth_another_try_later(server: Server) -> None:
    server.failures.extend([500] * 50)

    assert main(server.environment, [ONCE]) == 1


WRONG_ANSWERS: list[Any] = [
    {},
    [],
    "<html>not me</html>",
    None,
    {"teams": None, "keys": None, "total_pages": 1},
    {"teams": [], "keys": []},
    {"teams": [], "keys": [], "total_pages": None},
    {"teams": ["x"], "keys": ["x"], "total_pages": 1},
    {"teams": [{"metadata": {}}], "keys": [{"metadata": {}}], "total_pages": 1},
]


@pytest.mark.parametrize("answer", WRONG_ANSWERS, ids=repr)
@pytest.mark.parametrize("path", ["/v2/team/list", "/key/list"])
def test_a_gateway_that_answers_wrongly_or_by_half_is_worth_another_try_later_and_nothing_is_written(
    server: Server, answer: Any, path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = server.gateway.get

    def wrong(asked: str, query: dict[str, str]) -> Any:
        return answer if asked == path else right(asked, query)

    monkeypatch.setattr(server.gateway, "get", wrong)

    assert main(server.environment, [ONCE]) == 1

    assert capsys.readouterr().err.startswith("error: ")
    assert server.gateway.writes == []


def test_a_gateway_that_does_not_answer_in_time_is_worth_another_try_later(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(admin_module, "REQUEST_SECONDS", 0.05)
    answered = threading.Event()

    def slow(path: str, query: Any) -> dict[str, Any]:
        answered.wait(5)
        return {}

    monkeypatch.setattr(server.gateway, "get", slow)

    assert main(server.environment, [ONCE]) == 1

    answered.set()
    assert "failed at every try (5), at last with TimeoutError" in capsys.readouterr().err


def test_a_refused_write_is_worth_another_try_later(server: Server) -> None:
    server.gateway.team_new = lambda body: 422

    assert main(server.environment, [ONCE]) == 1


def test_over_http_one_tenant_that_is_refused_keeps_no_other_from_its_account(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    make = server.gateway.team_new
    server.gateway.team_new = lambda body: 422 if "research" in body["team_id"] else make(body)

    assert main(server.environment, [ONCE]) == 1

    assert "error: the gateway refused writes of research: their accounts" in capsys.readouterr().err
    assert [key["team_id"] for key in server.gateway.keys.values()] == ["bulkhead-support"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_write_that_is_forbidden_for_what_it_is_about_is_no_wrong_master_key(
    server: Server, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """As LiteLLM does where somebody gave a key a user and moved it: its way back to its team is 403."""
    make = server.gateway.key_generate
    server.gateway.key_generate = lambda body: status if "research" in body["team_id"] else make(body)

    assert main(server.environment, [ONCE]) == 1

    assert "error: the gateway refused writes of research: their accounts" in capsys.readouterr().err
    assert [key["team_id"] for key in server.gateway.keys.values()] == ["bulkhead-support"]


def test_a_gateway_that_answers_every_write_with_a_fault_is_waited_for_once(server: Server) -> None:
    tries: list[str] = []

    def fault(body: dict[str, Any]) -> int:
        tries.append(body["team_id"])
        return 500

    server.gateway.team_new = fault

    assert main(server.environment, [ONCE]) == 1

    assert tries == ["bulkhead-research"] * 5 + ["bulkhead-support"]


@pytest.mark.parametrize(
    "change",
    [{"LITELLM_MASTER_KEY": "sk-another-master-key"}, {"LITELLM_MASTER_KEY": ""}, {"RECORDS_DIRECTORY": "/nowhere"}],
    ids=["wrong key", "no key", "no records"],
)
def test_what_no_other_try_mends_is_said_so(server: Server, change: dict[str, str]) -> None:
    assert main({**server.environment, **change}, [ONCE]) == 2
    assert server.gateway.writes == []


def test_no_secret_is_ever_shown(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.gateway.key_generate = lambda body: 422
    main(server.environment, [ONCE])
    server.failures.extend([500] * 50)
    main(server.environment, [ONCE])

    shown = "".join(capsys.readouterr())
    assert "422" in shown
    assert "sentinel" not in shown
    assert MASTER not in shown


def changed(former: Tenant, new: Tenant) -> Tenant:
    """The tenant with the new key, who may use the former one, too."""
    return dataclasses.replace(new, former=former.key)


def test_a_new_key_is_made_beside_the_one_in_use() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)
    new = tenant(generation=2)

    said = settle(gateway, changed(RESEARCHERS, new))

    assert [path for path, _ in gateway.writes] == ["/key/generate"]
    assert {token: bool(key["blocked"]) for token, key in gateway.keys.items()} == {
        RESEARCHERS.token: False,
        new.token: False,
    }
    assert RESEARCHERS.key not in " ".join(said)
    assert settle(gateway, changed(RESEARCHERS, new)) == []


def test_a_changed_list_of_models_holds_for_the_former_key_as_well() -> None:
    gateway = FakeGateway()
    settle(gateway, RESEARCHERS)

    settle(gateway, changed(RESEARCHERS, tenant(generation=2, models=["llama-8b"])))

    assert [key["models"] for key in gateway.keys.values()] == [["llama-8b"], ["llama-8b"]]


def test_the_former_key_is_blocked_once_it_is_given_no_more() -> None:
    gateway = FakeGateway()
    new = tenant(generation=2)
    settle(gateway, changed(RESEARCHERS, new))

    settle(gateway, new)

    assert gateway.writes == [("/key/update", {"key": RESEARCHERS.token, "blocked": True})]


def test_the_key_before_the_former_one_is_blocked_by_the_next_change() -> None:
    gateway = FakeGateway()
    first, second, third = (tenant(generation=number) for number in (1, 2, 3))
    settle(gateway, changed(first, second))

    settle(gateway, changed(second, third))

    assert {token for token, key in gateway.keys.items() if not key["blocked"]} == {second.token, third.token}


def test_both_keys_are_made_in_an_empty_database() -> None:
    gateway = FakeGateway()
    new = tenant(generation=2)

    settle(gateway, changed(RESEARCHERS, new))

    assert set(gateway.keys) == {RESEARCHERS.token, new.token}
    assert list(gateway.teams) == ["bulkhead-research"]
