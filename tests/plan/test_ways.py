"""From what is deployed to what shall be: the reviewed steps, each valid by itself, and told anew at any time."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

import pytest

from infra.config.loader import parse
from infra.config.stack import StackConfig
from infra.config.trust import Tier
from infra.posture import platform_of
from infra.transition.state import deployed_state, state_document
from infra.transition.steps import steps
from infra.transition.way import with_way
from tests.plan.golden_files import REGENERATE, WAYS
from tests.plan.stacks import TODAY, document_of
from tests.plan.ways import REPARTITIONED, Change, changes, deployed_at, edited, platform_at, ways_text, with_tier

DIVIDED = Change("divided", "prod", document_of("prod"), REPARTITIONED)
OLD, NEW = "h100-mig-1g-20gb", "h100-mig-1g-10gb"


def step_document(change: Change, number: int) -> dict[str, Any]:
    """The document of one step."""
    step = change.way()[number]
    retiring = {"bulkhead:retiring_pools": list(step.retiring)} if step.retiring else {}
    return {**change.after, **retiring, **({"bulkhead:emptied_pools": list(step.empty)} if step.empty else {})}


def test_the_ways_are_the_reviewed_ones() -> None:
    reviewed = WAYS.read_text(encoding="utf-8") if WAYS.exists() else ""
    if (now := ways_text()) != reviewed:
        shown = "\n".join(
            list(difflib.unified_diff(reviewed.splitlines(), now.splitlines(), "reviewed", "now", n=1))[:60]
        )
        pytest.fail(f"Another way would be gone. If that is meant: {REGENERATE}\n{shown}")


def test_a_change_of_the_tier_is_one_update_whichever_way_it_goes() -> None:
    assert {
        change.name: len(change.way()) for change in changes() if " > " in change.name and len(change.way()) > 1
    } == {}


def test_a_pool_on_which_jobs_may_run_is_left_before_it_goes() -> None:
    move, remove = DIVIDED.way()

    assert [record["name"] for record in move.retiring] == ["h100"]
    assert move.empty == ()
    assert remove.retiring == ()
    assert remove.empty == (OLD,)


def test_every_step_is_a_stack_file_that_is_valid_by_itself_and_sound() -> None:
    for number in (0, 1):
        parsed = parse(step_document(DIVIDED, number), TODAY)
        assert isinstance(parsed, StackConfig), parsed
        assert platform_of("prod", parsed, TODAY).posture.sound


def test_after_the_first_update_the_second_is_left_and_after_both_nothing() -> None:
    first = DIVIDED.way(step_document(DIVIDED, 0))
    done = DIVIDED.way(step_document(DIVIDED, 1))

    assert [step.title for step in first] == ["remove"]
    assert [(step.title, step.adds, step.moves, step.removes) for step in done] == [("update", (), (), ())]


def test_what_else_changed_meanwhile_is_a_first_update_again() -> None:
    changed = dataclasses.replace(DIVIDED, after=edited(DIVIDED.after, "models", 0, cache_isolation="off"))

    assert [step.title for step in changed.way(step_document(DIVIDED, 0))] == ["move", "remove"]


def test_an_update_that_would_take_jobs_along_is_refused_with_the_command() -> None:
    state, _ = deployed_at("prod", DIVIDED.before)
    errors = with_way(DIVIDED.target, state).errors
    (error,) = errors

    assert f"Node pool {OLD} is deployed and wanted no more" in error.message
    assert "bulkhead transition --stack prod" in error.message


@pytest.mark.parametrize("number", [0, 1])
def test_each_step_is_let_through_where_the_one_before_it_is_deployed(number: int) -> None:
    deployed = DIVIDED.before if number == 0 else step_document(DIVIDED, 0)
    state, _ = deployed_at("prod", deployed)

    assert with_way(platform_at("prod", step_document(DIVIDED, number)), state).sound


def test_a_pool_that_is_being_emptied_goes_by_no_plain_update() -> None:
    state, _ = deployed_at("prod", step_document(DIVIDED, 0))
    (error,) = with_way(DIVIDED.target, state).errors

    assert error.path == "bulkhead:retiring_pools"
    assert f"Node pool {OLD} is retiring" in error.message
    assert "bulkhead transition --stack prod" in error.message
    assert f"bulkhead:emptied_pools: [{OLD}]" in error.message
    assert "`kubectl get pods -A -o wide` shows nothing but DaemonSets' pods on its nodes" in error.message
    assert f"`kubectl get nodes -l bulkhead.dev/pool={OLD}`" in error.message


def test_a_pool_is_not_said_to_be_empty_before_it_is_retiring() -> None:
    early = platform_at("prod", {**DIVIDED.after, "bulkhead:emptied_pools": [OLD]})
    in_use, _ = deployed_at("prod", DIVIDED.before)
    retiring, _ = deployed_at("prod", step_document(DIVIDED, 0))
    gone, _ = deployed_at("prod", step_document(DIVIDED, 1))

    (error,) = [one for one in with_way(early, in_use).errors if one.path == "bulkhead:emptied_pools"]
    assert f"Node pool {OLD} is not retiring yet" in error.message
    assert "Take the word out" in error.message
    assert with_way(early, retiring).sound
    assert with_way(early, gone).sound


def test_a_word_for_a_pool_that_is_not_deployed_is_warned_of_with_those_that_are() -> None:
    slip = platform_at("prod", {**DIVIDED.after, "bulkhead:emptied_pools": ["h100-mig-1g-20g"]})
    state, _ = deployed_at("prod", step_document(DIVIDED, 0))

    (said,) = [one for one in with_way(slip, state).warnings if "is deployed, so" in one.message]
    assert said.path == "bulkhead:emptied_pools"
    assert "No node pool h100-mig-1g-20g is deployed, so that the word permits nothing" in said.message
    assert f"`{OLD} (retiring)`" in said.message
    assert f"Write: {OLD}, if that is meant" in said.message


def test_a_word_for_the_pool_that_is_left_is_not_said_to_be_idle() -> None:
    state, _ = deployed_at("prod", step_document(DIVIDED, 0))

    said = [one.message for one in with_way(platform_at("prod", step_document(DIVIDED, 1)), state).warnings]
    assert not any("permits nothing" in message for message in said)


def test_a_retiring_pool_may_be_taken_into_use_again() -> None:
    state, _ = deployed_at("prod", step_document(DIVIDED, 0))

    said = [error.path for error in with_way(platform_at("prod", DIVIDED.before), state).errors]
    assert "bulkhead:retiring_pools" not in said


def test_once_the_pool_is_gone_nothing_asks_for_it_again() -> None:
    state, _ = deployed_at("prod", step_document(DIVIDED, 1))

    assert with_way(DIVIDED.target, state).sound


def with_cpu_pool_leaving(document: Mapping[str, Any]) -> dict[str, Any]:
    leaving = {"name": "old-cpu", "accelerator": "cpu", "nodes": {"min": 0, "max": 2}}
    return {**document, "bulkhead:retiring_pools": [leaving]}


@pytest.mark.parametrize("wanted", [with_cpu_pool_leaving(DIVIDED.before), DIVIDED.before], ids=["unchanged", "gone"])
def test_a_pool_without_gpus_on_which_no_job_runs_stays_and_goes_by_plain_updates(wanted: dict[str, Any]) -> None:
    state, _ = deployed_at("prod", with_cpu_pool_leaving(DIVIDED.before))

    assert with_way(platform_at("prod", wanted), state).sound


def test_what_an_earlier_version_told_of_pools_without_gpus_refuses_nothing() -> None:
    state, _ = deployed_at("prod", DIVIDED.before)
    told = {**state_document(state), "retiring": ["old-cpu"]}
    earlier = deployed_state(told)

    assert with_way(platform_at("prod", with_cpu_pool_leaving(DIVIDED.before)), earlier).sound


def test_a_pool_without_gpus_that_the_file_keeps_stays_while_another_is_emptied() -> None:
    kept = with_cpu_pool_leaving(DIVIDED.before)
    move, remove = dataclasses.replace(DIVIDED, before=kept, after=with_cpu_pool_leaving(DIVIDED.after)).way()

    assert [record["name"] for record in move.retiring] == ["old-cpu", "h100"]
    assert remove.empty == (OLD,)


BOUNDED = with_tier("prod", Tier.PARTITIONED)
"""A tier in which nobody borrows what others leave."""


def without_jobs_on_h100(document: Mapping[str, Any]) -> dict[str, Any]:
    """Nobody has a quota on the pool any more, which is an update like any other."""
    tenants = [
        {**tenant, "gpu_quota": {pool: count for pool, count in tenant["gpu_quota"].items() if pool != "h100"}}
        for tenant in document["bulkhead:tenants"]
    ]
    return {**document, "bulkhead:tenants": tenants}


def without_h100(document: Mapping[str, Any]) -> dict[str, Any]:
    moved = edited(without_jobs_on_h100(document), "models", 2, pool="l4")
    return {**moved, "bulkhead:pools": [pool for pool in moved["bulkhead:pools"] if pool["name"] != "h100"]}


def test_a_pool_whose_quota_went_first_is_left_before_it_goes_all_the_same() -> None:
    """Two merges: the first takes the quota and ends no job that was admitted by it, the second the pool."""
    state, _ = deployed_at("prod", without_jobs_on_h100(BOUNDED))
    assert OLD not in state.jobs

    (error,) = with_way(platform_at("prod", without_h100(BOUNDED)), state).errors

    assert error.path == "bulkhead:pools"
    assert "jobs that were admitted while it had a quota may run on it" in error.message
    assert "bulkhead transition --stack prod" in error.message


def test_the_way_lets_a_pool_without_a_quota_go_in_two_updates() -> None:
    change = Change("gone", "prod", without_jobs_on_h100(BOUNDED), without_h100(BOUNDED))
    state, _ = deployed_at("prod", change.before)

    assert [step.title for step in change.way()] == ["move", "remove"]
    assert with_way(platform_at("prod", step_document(change, 0)), state).sound


OTHER_GPUS = edited(DIVIDED.before, "pools", 1, accelerator="nvidia-h100-80gb")


def test_other_gpus_under_the_same_name_are_refused_with_another_name_as_the_way() -> None:
    state, _ = deployed_at("prod", DIVIDED.before)

    (error,) = with_way(platform_at("prod", OTHER_GPUS), state).errors

    assert error.path == "bulkhead:pools"
    assert "Node pool l4-whole-x2 is deployed with nvidia-l4 and shall have nvidia-h100-80gb" in error.message
    assert "Write: another `name` than l4" in error.message


def test_other_gpus_under_the_same_name_are_refused_on_a_pool_that_is_left_too() -> None:
    leaving = {"name": "old", "accelerator": "nvidia-l4", "nodes": {"max": 2}}
    state, _ = deployed_at("prod", {**DIVIDED.before, "bulkhead:retiring_pools": [leaving]})
    mistaken = {**DIVIDED.before, "bulkhead:retiring_pools": [{**leaving, "accelerator": "nvidia-tesla-t4"}]}

    (error,) = with_way(platform_at("prod", mistaken), state).errors

    assert "Node pool old-whole is deployed with nvidia-l4 and shall have nvidia-tesla-t4" in error.message


def test_other_gpus_on_a_pool_of_another_name_are_a_way_like_any_other() -> None:
    pools = [*OTHER_GPUS["bulkhead:pools"]]
    pools[1] = {**pools[1], "name": "h100s"}
    renamed: dict[str, Any] = {**OTHER_GPUS, "bulkhead:pools": pools}
    for index in (0, 1):
        renamed = edited(renamed, "models", index, pool="h100s")
    for index, tenant in enumerate(renamed["bulkhead:tenants"]):
        quota = {"h100s" if pool == "l4" else pool: count for pool, count in tenant["gpu_quota"].items()}
        renamed = edited(renamed, "tenants", index, gpu_quota=quota)
    change = Change("other GPUs", "prod", DIVIDED.before, renamed)
    state, _ = deployed_at("prod", DIVIDED.before)

    assert [step.title for step in change.way()] == ["move", "remove"]
    assert with_way(platform_at("prod", step_document(change, 0)), state).sound


RENEWED = {
    "weights": (
        edited(DIVIDED.before, "models", 2, weights_gibibytes=40),
        f"Node pool {OLD}: GKE renews its nodes, one after another, since their boot disk, sized by the engines",
    ),
    "a machine": (
        edited(DIVIDED.before, "pools", 1, machine_type="g2-custom-24-110592"),
        "Node pool l4-whole-x2: GKE renews its nodes, one after another, since their machine type goes from"
        " g2-standard-24 to g2-custom-24-110592.",
    ),
}


@pytest.mark.parametrize(("after", "said"), RENEWED.values(), ids=RENEWED)
def test_nodes_that_are_renewed_are_told_with_what_ends_with_them(after: dict[str, Any], said: str) -> None:
    (step,) = Change("renewed", "prod", DIVIDED.before, after).way()
    state, _ = deployed_at("prod", DIVIDED.before)
    posture = with_way(platform_at("prod", after), state)

    (moved,) = [line for line in step.moves if line.startswith(said)]
    assert "Engines and jobs (of research, search" in moved
    assert "some nodes are renewed on the way" in step.because
    assert posture.sound
    assert any(one.message.startswith(moved) for one in posture.warnings)


def test_a_machine_that_is_named_as_it_is_anyway_renews_nothing() -> None:
    named = edited(DIVIDED.before, "pools", 1, machine_type="g2-standard-24")
    (step,) = Change("named", "prod", DIVIDED.before, named).way()

    assert step.moves == ()


def test_a_number_as_the_engine_hands_it_out_is_no_other_number() -> None:
    state, _ = deployed_at("prod", DIVIDED.before)
    floats = {
        name: {**record, "boot_disk_gigabytes": float(record["boot_disk_gigabytes"])}
        for name, record in state.pools.items()
    }

    assert (
        with_way(platform_at("prod", DIVIDED.before), dataclasses.replace(state, pools=floats))
        == platform_at("prod", DIVIDED.before).posture
    )


def test_a_deployment_that_told_nothing_refuses_nothing() -> None:
    assert with_way(DIVIDED.target, None) == DIVIDED.target.posture


@pytest.mark.parametrize(
    ("deployed", "wanted", "errors", "warnings"),
    [(1, 1, 0, 0), (1, 2, 0, 0), (2, 3, 0, 0), (1, 3, 1, 0), (3, 2, 0, 1)],
)
def test_a_key_in_use_ends_by_no_number_that_was_left_out(
    deployed: int, wanted: int, errors: int, warnings: int
) -> None:
    document = document_of("local")
    state, _ = deployed_at("local", edited(document, "tenants", 0, key_generation=deployed))
    target = platform_at("local", edited(document, "tenants", 0, key_generation=wanted))
    posture = with_way(target, state)

    assert len(posture.errors) == errors
    assert len(posture.warnings) - len(target.posture.warnings) == warnings


@pytest.mark.parametrize(
    ("deployed", "wanted", "said"),
    [
        ({"key_generation": 3}, {"key_generation": 2}, "Key 2 has gone on working and is the newest again."),
        ({"key_generation": 3, "oldest_key_generation": 3}, {"key_generation": 2}, "Key 2 is drawn anew: nothing"),
        ({}, {"key_generation": 2, "oldest_key_generation": 2}, "whoever sends it is refused until it has key 2."),
        ({}, {"key_generation": 3}, "before key 3 is known. Write: key_generation: 2, one at a time."),
    ],
)
def test_what_a_tenant_loses_is_said_as_it_is(deployed: dict[str, int], wanted: dict[str, int], said: str) -> None:
    document = document_of("local")
    state, _ = deployed_at("local", edited(document, "tenants", 0, **deployed))
    target = platform_at("local", edited(document, "tenants", 0, **wanted))

    (finding,) = [one for one in with_way(target, state).findings if "(tenant research)" in one.message]
    assert said in finding.message


def test_a_version_that_told_the_newest_keys_alone_claims_nothing_of_those_before_them() -> None:
    document = document_of("local")
    state, _ = deployed_at("local", edited(document, "tenants", 0, key_generation=3))
    told = {key: value for key, value in state_document(state).items() if key != "oldest_keys"}
    older = deployed_state(told)
    assert older is not None

    assert older.taken("tenant research") == {3}
    posture = with_way(platform_at("local", edited(document, "tenants", 0, key_generation=2)), older)
    assert any("Key 2 is drawn anew, unless it goes on working" in one.message for one in posture.warnings)


@pytest.mark.parametrize(
    ("deployed", "wanted", "adds", "removes"),
    [
        (
            {"key_generation": 3},
            {"key_generation": 2},
            ["Key 1 (tenant research)."],
            ["Key 3 (tenant research)."],
        ),
        (
            {"key_generation": 3},
            {"key_generation": 2, "oldest_key_generation": 2},
            [],
            ["Key 3 (tenant research)."],
        ),
        (
            {"key_generation": 3, "oldest_key_generation": 3},
            {"key_generation": 2},
            ["Key 1 (tenant research).", "Key 2 (tenant research)."],
            ["Key 3 (tenant research)."],
        ),
        ({"key_generation": 2}, {"key_generation": 3}, ["Key 3 (tenant research)."], ["Key 1 (tenant research)."]),
        ({"key_generation": 2}, {"key_generation": 2}, [], []),
    ],
    ids=["back while it works", "back to it alone", "back once it has ended", "on", "unchanged"],
)
def test_keys_that_come_are_those_that_were_not_taken(
    deployed: dict[str, int], wanted: dict[str, int], adds: list[str], removes: list[str]
) -> None:
    document = document_of("local")
    change = Change(
        "keys", "local", edited(document, "tenants", 0, **deployed), edited(document, "tenants", 0, **wanted)
    )
    (step,) = change.way()

    assert list(step.adds) == adds
    assert [said for said in step.removes if said.startswith("Key ")] == removes


@pytest.mark.parametrize(("wanted", "adds"), [(2, ("Key 2 (tenant research).",)), (3, ())])
def test_where_the_newest_keys_alone_were_told_another_newest_one_counts_as_new(
    wanted: int, adds: tuple[str, ...]
) -> None:
    document = document_of("local")
    state, posture = deployed_at("local", edited(document, "tenants", 0, key_generation=3))
    earlier = dataclasses.replace(state, oldest_keys={})
    (step,) = steps(earlier, posture, platform_at("local", edited(document, "tenants", 0, key_generation=wanted)))

    assert step.adds == adds


@pytest.mark.parametrize(("wanted", "away"), [(3, []), (4, ["away"])])
def test_where_the_newest_keys_alone_were_told_engines_restart_for_another_newest_one(
    wanted: int, away: list[str]
) -> None:
    state, posture = deployed_at("prod", with_engine_keys("prod", engine_key_generation=3))
    earlier = dataclasses.replace(state, oldest_keys={})
    target = platform_at("prod", with_engine_keys("prod", engine_key_generation=wanted))
    (step,) = steps(earlier, posture, target)

    assert ["away" for said in step.moves if said.startswith("embeddings is away")] == away


def test_where_no_caches_were_told_no_engine_is_said_to_restart_for_its_prefixes() -> None:
    prod = document_of("prod")
    state, posture = deployed_at("prod", prod)
    names = [model["name"] for model in prod["bulkhead:models"]]
    target = platform_at("prod", edited(prod, "models", names.index("qwen-14b"), cache_isolation="off"))

    assert any("qwen-14b" in said for said in steps(state, posture, target)[0].moves)
    assert steps(dataclasses.replace(state, caches={}), posture, target)[0].moves == ()


def with_engine_keys(stack: str, **numbers: int) -> dict[str, Any]:
    document = document_of(stack)
    return {**document, "bulkhead:gateway": {**document.get("bulkhead:gateway", {}), **numbers}}


def restarts(change: Change, deployed: Any = None) -> list[str]:
    return [said for said in change.way(deployed)[0].moves if " is away " in said or " fewer " in said]


def test_a_model_whose_only_engine_on_gpus_moves_is_said_to_be_away() -> None:
    (said,) = restarts(DIVIDED)

    assert said.startswith("embeddings is away until its new engine has loaded")


def test_a_successor_that_is_asked_for_with_the_pool_that_it_moves_to_keeps_the_model_there_and_renews_no_node() -> (
    None
):
    """Asked for before, it renews the nodes of the old pool, whose boot disk has to hold one more engine."""
    with_it = dataclasses.replace(DIVIDED, after=model_edited(dict(DIVIDED.after), "embeddings", surge=True))
    before_it = dataclasses.replace(DIVIDED, after=model_edited(dict(DIVIDED.before), "embeddings", surge=True))

    move, _ = with_it.way()
    (word,) = before_it.way()

    assert move.moves == (f"Engines embeddings: from {OLD} to {NEW}.",)
    assert move.retiring == DIVIDED.way()[0].retiring
    assert "boot disk" in " ".join(word.moves)
    assert "With `surge: true` in the same change," in restarts(DIVIDED)[0]


def test_a_model_with_devices_for_a_successor_is_never_away() -> None:
    document = with_engine_keys("prod", engine_key_generation=2)
    names = [model["name"] for model in document["bulkhead:models"]]
    kept_free = edited(document, "models", names.index("embeddings"), surge=True)

    assert [said.partition(" ")[0] for said in restarts(Change("keys", "prod", document_of("prod"), kept_free))] == [
        "llama-8b",
        "qwen-14b",
    ]


def test_new_keys_for_engines_take_one_engine_of_each_model_on_gpus_away() -> None:
    change = Change("keys", "prod", document_of("prod"), with_engine_keys("prod", engine_key_generation=2))

    assert [said.partition(" ")[0] for said in restarts(change)] == ["embeddings", "llama-8b", "qwen-14b"]
    assert "llama-8b has one engine fewer of 2 while they restart by turns." in restarts(change)


def test_engines_on_cpus_and_engines_that_stay_as_they_are_are_never_away() -> None:
    on_cpus = Change("keys", "local", document_of("local"), with_engine_keys("local", engine_key_generation=2))
    tenants = edited(document_of("prod"), "tenants", 0, key_generation=2)

    assert restarts(on_cpus) == []
    assert restarts(Change("a tenant's key", "prod", document_of("prod"), tenants)) == []


def model_edited(document: dict[str, Any], name: str, **values: Any) -> dict[str, Any]:
    names = [model["name"] for model in document["bulkhead:models"]]
    return edited(document, "models", names.index(name), **values)


def test_an_engine_that_ends_to_keep_prefixes_is_away_and_one_whose_prefixes_are_salted_is_not() -> None:
    prod = model_edited(document_of("prod"), "embeddings", engine={"media_per_request": 0})
    off, salted = (model_edited(prod, "embeddings", cache_isolation=isolation) for isolation in ("off", "salted"))

    assert [said.partition(" ")[0] for said in restarts(Change("off", "prod", prod, off))] == ["embeddings"]
    assert restarts(Change("salted", "prod", prod, salted)) == []


def test_an_engine_that_is_salted_and_ends_to_take_media_is_away_and_told() -> None:
    prod = document_of("prod")
    change = Change("salted", "prod", prod, model_edited(prod, "embeddings", cache_isolation="salted"))

    assert [said.partition(" ")[0] for said in restarts(change)] == ["embeddings"]
    assert "Media of embeddings: from 8 of each kind in a request to none." in change.way()[0].moves


def test_where_no_media_were_told_no_engine_is_said_to_restart_for_them() -> None:
    state, posture = deployed_at("prod", document_of("prod"))
    target = platform_at("prod", model_edited(document_of("prod"), "qwen-14b", engine={"media_per_request": 2}))

    assert any("qwen-14b" in said for said in steps(state, posture, target)[0].moves)
    assert steps(dataclasses.replace(state, media={}), posture, target)[0].moves == ()


def test_a_former_key_that_ends_is_told_among_what_goes() -> None:
    document = edited(document_of("local"), "tenants", 0, key_generation=2)
    ended = edited(document, "tenants", 0, oldest_key_generation=2)
    (step,) = Change("ended", "local", document, ended).way()

    assert step.removes == ("Key 1 (tenant research).",)


@pytest.mark.parametrize(
    ("wanted", "sound"),
    [
        ({"engine_key_generation": 2}, False),
        ({"engine_key_generation": 3}, True),
        ({"engine_key_generation": 4}, True),
        ({"engine_key_generation": 4, "oldest_engine_key_generation": 4}, False),
        ({"engine_key_generation": 4, "oldest_engine_key_generation": 3}, True),
        ({"engine_key_generation": 5}, False),
    ],
)
def test_the_engines_go_on_taking_the_key_that_the_gateway_shows(wanted: dict[str, int], sound: bool) -> None:
    document = document_of("local")
    gateway = document["bulkhead:gateway"]
    state, _ = deployed_at("local", {**document, "bulkhead:gateway": {**gateway, "engine_key_generation": 3}})
    target = platform_at("local", {**document, "bulkhead:gateway": {**gateway, **wanted}})

    said = [finding.message for finding in with_way(target, state).errors]
    assert ([message for message in said if "every request is refused until" in message] == []) is sound


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_the_output_reads_back_as_what_it_was_made_from(stack: str) -> None:
    state, _ = deployed_at(stack, document_of(stack))

    assert deployed_state(state_document(state)) == state


def test_what_an_older_version_did_not_tell_refuses_nothing() -> None:
    told = deployed_state({})

    assert told is not None
    assert with_way(DIVIDED.target, told) == DIVIDED.target.posture


@pytest.mark.parametrize("told", ["text", {"pools": []}, {"pools": {}, "retiring": None}, {"keys": {"engine": "two"}}])
def test_an_output_that_is_not_known_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="`deployed`"):
        deployed_state(told)


@pytest.mark.parametrize("generation", [1, 4])
def test_another_root_of_the_salts_is_told_and_refused_by_nothing(generation: int) -> None:
    local = document_of("local")
    gateway = local.get("bulkhead:gateway", {})
    was, now = ({**local, "bulkhead:gateway": {**gateway, "cache_salt_generation": one}} for one in (2, generation))
    change = Change("salts", "local", was, now)
    state, _ = deployed_at("local", was)

    (step,) = change.way()

    assert (step.adds, step.removes) == ((f"Key {generation} (salts).",), ("Key 2 (salts).",))
    assert with_way(change.target, state).sound


def test_what_an_earlier_version_told_without_the_salts_is_no_change_of_them() -> None:
    state, _ = deployed_at("local", document_of("local"))
    told = state_document(state)
    earlier = deployed_state({**told, "keys": {kind: one for kind, one in told["keys"].items() if kind != "salts"}})

    assert earlier is not None
    (step,) = steps(earlier, deployed_at("local", document_of("local"))[1], platform_at("local", document_of("local")))

    assert (step.adds, step.removes) == ((), ())
