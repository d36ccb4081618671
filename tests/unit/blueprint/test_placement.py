"""Who may use which GPUs: what HW1 leaves to each tenant, and that no two meet where it is in force."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.blueprint.caches import served_by
from infra.blueprint.model import Blueprint, MigPart, TimeSlicingPart
from infra.blueprint.placement import PoolPlacement, placement_of
from infra.config.engine_pools import obstacle
from infra.config.stack import StackConfig
from infra.config.trust import ControlId, Tier
from infra.controls import hw1_hard_gpu_partition
from infra.posture import Platform, platform_of
from tests.strategies import TODAY, configurations
from tests.unit.trust.stacks import Document, config_of, document, mig, model, pool, tenant

H100 = "nvidia-h100-80gb"
HARDWARE = ("HW1", "HW2", "HW3")
GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}


def platform(pools: Iterable[Document], tenants: Iterable[Document], *models: Document, **trust: object) -> Platform:
    parts = document(
        trust={"enable": ["SR1", "SR2", "SR3", *HARDWARE], **trust},
        pools=[pool("cpu", "cpu"), *pools],
        models=[model("small", "cpu"), *models],
        tenants=tenants,
    )
    return platform_of("test", config_of(parts), TODAY)


def use_of(made: Platform, name: str) -> PoolPlacement:
    return made.placement.of(name)


def jobs(made: Platform, name: str) -> list[str]:
    return sorted(use_of(made, name).working)


def errors(made: Platform) -> list[tuple[str | None, str, str]]:
    return [(finding.control, finding.path, finding.message) for finding in made.posture.errors]


# --- what HW1 leaves to each tenant -----------------------------------------------------------------------------


def test_mig_instances_are_for_all_and_may_be_borrowed():
    made = platform(
        [pool("gpu", H100, partition=mig())], [tenant("one", "small", quota={"gpu": 2}), tenant("two", "small")]
    )

    assert jobs(made, "gpu") == ["one", "two"]
    assert not use_of(made, "gpu").tenants_meet_on_a_gpu
    assert made.posture.sound


def test_a_dedicated_pool_is_its_owners_alone():
    made = platform(
        [pool("one-own", dedicated_to="one"), pool("two-own", dedicated_to="two")],
        [tenant("one", "small", quota={"one-own": 2}), tenant("two", "small", quota={"two-own": 2})],
    )

    assert jobs(made, "one-own") == ["one"]
    assert jobs(made, "two-own") == ["two"]
    assert made.posture.sound


def test_whole_gpus_of_an_open_pool_are_for_the_only_one_with_quota_and_nobody_borrows_them():
    made = platform([pool("gpu")], [tenant("one", "small", quota={"gpu": 2}), tenant("two", "small")])

    assert jobs(made, "gpu") == ["one"]
    assert made.posture.sound


def test_whole_gpus_with_engines_of_several_tenants_run_no_jobs():
    """An engine is the platform's own code; a job could look at what it has left in the GPU."""
    made = platform([pool("gpu")], [tenant("one", "m"), tenant("two", "m")], model("m", "gpu"))

    assert jobs(made, "gpu") == []
    assert made.posture.sound


def test_whole_gpus_with_the_engines_of_one_tenant_run_its_jobs_as_well():
    made = platform([pool("gpu")], [tenant("one", "m"), tenant("two", "small")], model("m", "gpu"))

    assert jobs(made, "gpu") == ["one"]


def test_a_sensitive_tenants_jobs_keep_to_nodes_of_its_own():
    pools = [pool("gpu", H100, partition=mig()), pool("own", H100, partition=mig(), dedicated_to="secret")]
    made = platform(pools, [tenant("open", "small"), tenant("secret", "small", quota={"own": 1}, sensitive=True)])

    assert jobs(made, "gpu") == ["open"]
    assert jobs(made, "own") == ["secret"]


def test_a_single_tenant_keeps_every_pool():
    made = platform([pool("gpu")], [tenant("one", "m", quota={"gpu": 1})], model("m", "gpu"))

    assert jobs(made, "gpu") == ["one"]
    assert made.posture.sound


def test_the_platforms_own_queue_keeps_every_flavor():
    made = platform([pool("gpu")], [tenant("one", "m"), tenant("two", "m")], model("m", "gpu"))
    (serving,) = [queue for queue in made.blueprint.quota.cluster_queues if queue.tenant is None]

    assert [quota.flavor for group in serving.groups for quota in group.flavors] == ["gpu-whole"]


def test_without_hw1_all_may_borrow_whole_gpus():
    made = platform([pool("gpu")], [tenant("one", "small", quota={"gpu": 2}), tenant("two", "small")], enable=[])

    assert jobs(made, "gpu") == ["one", "two"]
    assert use_of(made, "gpu").tenants_meet_on_a_gpu


# --- what cannot be satisfied -----------------------------------------------------------------------------------


def test_quota_on_whole_gpus_that_others_use_is_refused_by_its_key():
    made = platform(
        [pool("gpu")],
        [tenant("one", "small", quota={"gpu": 2}), tenant("two", "small", quota={"gpu": 1})],
    )

    assert [(control, path) for control, path, _ in errors(made)] == [
        ("HW1", "bulkhead:tenants[0].gpu_quota"),
        ("HW1", "bulkhead:tenants[1].gpu_quota"),
    ]
    _, _, message = errors(made)[0]
    assert "keeps jobs of one off pool gpu" in message
    assert "pass from one to others (two)" in message
    assert "dedicated_to: one" in message
    assert "kind: mig" in message


def test_the_limits_on_gpus_follow_the_queue_off_a_closed_pool():
    made = platform(
        [pool("gpu"), pool("one-own", dedicated_to="one")],
        [tenant("one", "small", quota={"gpu": 2, "one-own": 1}), tenant("two", "small", quota={"gpu": 1})],
        enable=["NS2", *HARDWARE],
    )

    limits = {space.tenant: space.limits for space in made.blueprint.tenant_spaces}
    asked = {name: part.hard["requests.nvidia.com/gpu"] for name, part in limits.items() if part is not None}
    assert asked == {"one": "1", "two": "0"}


def test_quota_beside_a_shared_engine_is_refused():
    made = platform([pool("gpu")], [tenant("one", "m", quota={"gpu": 1}), tenant("two", "m")], model("m", "gpu"))

    assert [path for _, path, _ in errors(made)] == ["bulkhead:tenants[0].gpu_quota"]


def test_a_sensitive_tenants_quota_on_open_mig_nodes_is_refused():
    made = platform(
        [pool("gpu", H100, partition=mig())],
        [tenant("open", "small"), tenant("secret", "small", quota={"gpu": 1}, sensitive=True)],
    )

    assert [(control, path) for control, path, _ in errors(made)] == [("HW1", "bulkhead:tenants[1].gpu_quota")]
    assert "kind: mig" not in errors(made)[0][2]


def test_a_sensitive_tenants_engine_on_open_mig_nodes_is_refused():
    made = platform(
        [pool("gpu", H100, partition=mig())],
        [tenant("open", "small"), tenant("secret", "m", sensitive=True)],
        model("m", "gpu"),
    )

    assert [(control, path) for control, path, _ in errors(made)] == [("HW1", "bulkhead:tenants[1].sensitive")]
    assert "dedicated_to: secret" in errors(made)[0][2]


def common(*pools: Document, quota: Mapping[str, int] | None = None, **of_model: object) -> Platform:
    """A model that two tenants call in the highest tier, of which one, `secret`, is sensitive."""
    return platform(
        pools,
        [tenant("open", "m"), tenant("secret", "m", quota=quota, sensitive=True)],
        model("m", "gpu", **of_model),
        tier="adversarial",
        enable=[],
    )


@pytest.mark.parametrize("home", [pool("gpu"), pool("gpu", H100), pool("gpu", H100, partition=mig())])
def test_a_sensitive_tenants_own_engine_of_a_common_model_runs_on_its_own_pool(home: Document):
    made = common(home, pool("own", H100, dedicated_to="secret"))
    shared, own = (engine for engine in made.blueprint.engines if engine.model == "m")
    (serving,) = [queue for queue in made.blueprint.quota.cluster_queues if queue.tenant is None]

    assert made.posture.sound
    assert (shared.tenant, shared.name, own.tenant) == (None, "m", "secret")
    assert [engine.name for engine in use_of(made, "own").engines] == [own.name]
    assert use_of(made, "gpu").served == {"open"}
    assert meetings_on_a_node(made.blueprint) == []
    assert own.devices is not None and own.devices.resource == "nvidia.com/gpu"
    assert own.flavor == "own-whole"
    nominal = {quota.flavor: quota.nominal for group in serving.groups for quota in group.flavors}
    assert nominal == {use_of(made, "gpu").pool.flavor: 1, "own-whole": 1}


@pytest.mark.parametrize("home", [pool("gpu", H100), pool("gpu", H100, partition=mig())], ids=["whole", "mig"])
def test_without_a_pool_for_it_one_error_says_what_it_takes(home: Document):
    made = common(home, pool("own", "nvidia-tesla-t4", dedicated_to="secret"), replicas=2, surge=True)

    ((control, path, message),) = errors(made)
    assert (control, path) == ("HW1", "bulkhead:tenants[1].sensitive")
    assert "a pool with dedicated_to: secret" in message
    assert "3 devices (m: 3 engines x 1, a successor among them)" in message
    assert "accelerator: nvidia-h100-80gb" in message
    assert "own for m, since" in message


def test_without_room_on_it_the_error_shows_the_sum():
    made = common(
        pool("gpu", H100),
        pool("own", H100, dedicated_to="secret", nodes={"max": 1}),
        quota={"own": 1},
    )

    ((control, path, message),) = errors(made)
    assert (control, path) == ("AC3", "bulkhead:pools[2].nodes.max")
    assert "1 (quota of secret)" in message
    assert "x 1) + " in message
    assert "max: 2 or more" in message


@pytest.mark.parametrize("owner", [{}, {"dedicated_to": "one"}], ids=["open", "dedicated"])
def test_time_slicing_is_refused_by_hw2_wherever_it_is(owner: Document):
    sliced = pool("gpu", H100, partition={"kind": "time_slicing", "clients": 4}, **owner)
    made = platform([sliced], [tenant("one", "small"), tenant("two", "small")])

    ((control, path, message),) = errors(made)
    assert (control, path) == ("HW2", "bulkhead:pools[1].partition")
    assert "among 4 clients" in message


def test_hw1_alone_refuses_time_slicing_where_tenants_meet():
    sliced = pool("gpu", H100, partition={"kind": "time_slicing", "clients": 4})
    made = platform(
        [sliced], [tenant("one", "m"), tenant("two", "m")], model("m", "gpu"), enable=["SR1", "SR2", "SR3", "HW1"]
    )

    assert [control for control, _, _ in errors(made)] == ["HW1"]


def test_more_promised_than_there_is_is_refused_with_the_arithmetic():
    parts = document(
        pools=[pool("cpu", "cpu"), pool("gpu", H100, partition=mig(), nodes={"max": 1})],
        models=[model("small", "cpu"), model("m", "gpu", replicas=4)],
        tenants=[tenant("one", "m", quota={"gpu": 5})],
    )
    made = platform_of("test", config_of(parts), TODAY)

    ((control, path, message),) = errors(made)
    assert (control, path) == ("AC3", "bulkhead:pools[1].nodes.max")
    assert "take 9 devices = 5 (quota of one) + 4 (m: 4 engines x 1), and" in message
    assert "at most 7 (1 node x 1 GPU x 7 devices)" in message
    assert "max: 2 or more" in message


def on_gke(own: Document, of_model: Document, kind: str = "gke") -> Platform:
    """A model on large machines that `clinic`, which is sensitive, calls as well; `own` is a pool of its own."""
    clusters: dict[str, Document] = {
        "gke": {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"},
        "existing": {"kind": "existing", "context": "test", "enforces_network_policy": True},
    }
    parts = document(
        trust={"tier": "adversarial"},
        pools=[pool("cpu", "cpu"), pool("gpu", gpus_per_node=8), {**own, "name": "own", "dedicated_to": "clinic"}],
        models=[model("small", "cpu"), model("m", "gpu", **of_model)],
        tenants=[tenant("open", "m"), tenant("clinic", "m", sensitive=True)],
    )
    return platform_of("test", config_of({**parts, "cluster": clusters[kind]}), TODAY)


TOO_LARGE = pytest.mark.parametrize(
    ("of_model", "key", "lacking"),
    [
        (
            {"resources": {"memory": "100Gi"}},
            "resources",
            "takes 100Gi of memory, and a node (g2-standard-12) has 48 GiB",
        ),
        (
            {"resources": {"memory": "32Gi"}, "engine": {"kv_offload_gibibytes": 20}},
            "engine.kv_offload_gibibytes",
            "takes 32Gi of memory and 20 GiB that its cache spills over into, and a node (g2-standard-12) has 48 GiB",
        ),
        (
            {"resources": {"memory": "100Gi"}, "engine": {"kv_offload_gibibytes": 1}},
            "resources",
            "takes 100Gi of memory, and a node (g2-standard-12) has 48 GiB",
        ),
        ({"resources": {"cpu": "16"}}, "resources", "takes 16 CPUs, and a node (g2-standard-12) has 12"),
    ],
    ids=["memory", "memory with what spills over", "memory by itself, whatever spills over", "CPUs"],
)


@TOO_LARGE
def test_a_tenant_s_own_nodes_that_are_too_small_for_an_engine_that_goes_there_are_refused(
    of_model: Document, key: str, lacking: str
):
    ((control, path, message),) = errors(on_gke(pool("own"), of_model))

    assert (control, path) == ("AC3", f"bulkhead:models[1].{key}")
    assert f"An engine of m that is clinic's own runs on pool own and {lacking}: it would wait" in message


@TOO_LARGE
def test_nodes_that_are_too_small_for_an_engine_of_their_model_s_are_refused_once(
    of_model: Document, key: str, lacking: str
):
    parts = document(
        pools=[pool("cpu", "cpu"), pool("gpu")],
        models=[model("m", "gpu", **of_model)],
        tenants=[tenant("one", "m")],
    )
    ((control, path, message),) = errors(platform_of("test", config_of({**parts, "cluster": GKE}), TODAY))

    assert (control, path) == ("AC3", f"bulkhead:models[0].{key}")
    assert f"An engine of m runs on pool gpu and {lacking}: it would wait" in message


def test_nodes_with_room_and_nodes_of_which_nothing_is_known_are_not():
    large: Document = {"resources": {"memory": "100Gi", "cpu": "16"}}

    assert on_gke(pool("own", gpus_per_node=4), large).posture.sound
    assert on_gke(pool("own", machine_type="g2-custom-96"), large).posture.sound
    assert on_gke(pool("own"), large, "existing").posture.sound


def test_devices_for_a_successor_are_the_platform_s_own():
    made = platform(
        [pool("gpu", H100, partition=mig())], [tenant("one", "m")], model("m", "gpu", replicas=2, surge=True)
    )
    (engine,) = use_of(made, "gpu").engines
    (serving,) = (queue for queue in made.blueprint.quota.cluster_queues if queue.tenant is None)
    nominal = {flavor.flavor: flavor.nominal for group in serving.groups for flavor in group.flavors}

    assert (engine.replicas, engine.spare, engine.devices_in_all) == (2, 1, 3)
    assert set(nominal.values()) == {3}


def test_memory_that_gke_could_encrypt_is_warned_of_where_hw1_is_in_force():
    gke: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
    parts = document(
        trust={"enable": ["HW1"]},
        pools=[pool("cpu", "cpu", machine_type="n2d-standard-8"), pool("plain", "cpu")],
        tenants=[tenant("one", "small")],
    )
    parts["cluster"] = gke

    (warning,) = platform_of("test", config_of(parts), TODAY).posture.warnings
    assert (warning.control, warning.path) == ("HW1", "bulkhead:pools[0]")
    assert "n2d-standard-8 (SEV)" in warning.message
    parts["pools"] = [pool("cpu", "cpu", machine_type="n2d-standard-8", confidential=True)]
    assert platform_of("test", config_of(parts), TODAY).posture.warnings == ()


def warned_of_nodes(*controls: str, cluster: Document | None = None, audit: bool = False) -> list[tuple[str, str, str]]:
    """Control, path and message of what is said of whole pools: one without GPUs, an open one, a tenant's own."""
    trust: Document = {"enable": list(controls), "admission": {"enforcement": "audit" if audit else "deny"}}
    parts = document(
        trust=trust,
        pools=[pool("cpu", "cpu"), pool("split", H100, partition=mig()), pool("own", dedicated_to="two")],
        tenants=[tenant("one", "small", quota={"split": 1}), tenant("two", "small", quota={"own": 1})],
    )
    made = platform_of("test", config_of({**parts, **({"cluster": cluster} if cluster else {})}), TODAY)
    found = (one for one in made.posture.warnings if one.path in {f"bulkhead:pools[{index}]" for index in range(3)})
    return [(str(one.control), one.path, one.message) for one in found]


@pytest.mark.parametrize(("controls", "named"), [(("SR2",), "SR2"), (("HW1",), "HW1"), (("SR2", "HW1"), "SR2")])
def test_what_an_operator_has_to_set_on_nodes_that_are_not_made_here_is_said_of_each_pool(
    controls: tuple[str, ...], named: str
):
    split, own = warned_of_nodes(*controls)

    assert split[:2] == (named, "bulkhead:pools[1]")
    assert own[:2] == (named, "bulkhead:pools[2]")
    assert f"{named} rests on two settings of pool split's nodes" in split[2]
    assert "nvidia.com/gpu=present:NoSchedule" in split[2]
    assert "accept-nvidia-visible-devices-envvar-when-unprivileged = false" in split[2]


def test_nodes_that_are_made_here_and_controls_that_do_not_act_rest_on_nobody_s_word():
    assert warned_of_nodes("SR2", "HW1", cluster=GKE) == []
    assert warned_of_nodes("HW3") == []
    assert warned_of_nodes("SR2", audit=True) == []


CPU = pool("cpu", "cpu")
CLINIC_CPU = pool("clinic-cpu", "cpu", dedicated_to="clinic")


def warned_of_cpus(*pools: Document, calls: str = "m", tenants: tuple[str, ...] = ("open",)) -> list[str]:
    """What is said of a sensitive tenant that calls a model on GPUs of its own, unless another model is named."""
    parts = document(
        trust={"tier": "adversarial", "tenants": "untrusted"},
        pools=[CPU, *pools, pool("own", dedicated_to="clinic")],
        models=[model("small", "cpu"), model("m", "own"), *([model("near", "clinic-cpu")] if pools else [])],
        tenants=[*(tenant(name, "small") for name in tenants), tenant("clinic", calls, sensitive=True)],
    )
    warnings = platform_of("test", config_of(parts), TODAY).posture.warnings
    return [one.message for one in warnings if one.path == f"bulkhead:tenants[{len(tenants)}].sensitive"]


def test_what_a_sensitive_tenant_runs_without_a_gpu_is_warned_of_where_it_has_no_such_nodes():
    (message,) = warned_of_cpus()

    assert "clinic is sensitive, and its pods without a GPU run on nodes that others use as well" in message
    assert message.endswith("a pool with accelerator: cpu and dedicated_to: clinic, which those pods then select.")
    assert warned_of_cpus(CLINIC_CPU) == []


def test_a_sensitive_tenant_s_engine_stays_on_shared_nodes_without_gpus_and_is_warned_of():
    (message,) = warned_of_cpus(CLINIC_CPU, calls="small")

    assert "clinic is sensitive, and the engines that it calls of small run on nodes that others use" in message
    assert message.endswith("Write: small once more, under another name, with pool: clinic-cpu, for clinic to call.")
    assert warned_of_cpus(CLINIC_CPU, calls="near") == []


def test_with_neither_both_are_named_once():
    (message,) = warned_of_cpus(calls="small")

    assert "its pods without a GPU and the engines that it calls of small run on nodes" in message
    assert message.endswith("small once more, under another name, with that pool, for clinic to call.")


def test_the_only_tenant_shares_no_nodes():
    assert warned_of_cpus(calls="small", tenants=()) == []


# --- over generated stacks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Met:
    """Two tenants on one pool, `one` with its jobs."""

    pool: str
    one: str
    other: str


def may_run(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """(flavor, tenant) for every flavor that a tenant's queue would admit a job to."""
    for queue in blueprint.quota.cluster_queues:
        for group in queue.groups:
            for quota in group.flavors:
                if queue.tenant and (quota.nominal or quota.borrowing_limit != 0):
                    yield quota.flavor, queue.tenant


def served_on(blueprint: Blueprint, flavor: str) -> set[str]:
    return {name for engine in blueprint.engines if engine.flavor == flavor for name in served_by(blueprint, engine)}


def meetings_on_a_gpu(blueprint: Blueprint) -> list[Met]:
    """Every pair on one GPU without a boundary in hardware, read off the queues and the engines themselves."""
    admitted = list(may_run(blueprint))
    return [
        Met(part.name, one, other)
        for part in blueprint.pools
        if part.is_gpu and not isinstance(part.partition, MigPart)
        for flavor, one in admitted
        if flavor == part.flavor
        for other in served_on(blueprint, flavor) | {tenant for found, tenant in admitted if found == flavor}
        if other != one
    ]


def meetings_on_a_node(blueprint: Blueprint) -> list[Met]:
    """Every sensitive tenant on a pool with GPUs beside another tenant."""
    admitted = list(may_run(blueprint))
    found: list[Met] = []
    for part in blueprint.pools:
        here = served_on(blueprint, part.flavor) | {tenant for flavor, tenant in admitted if flavor == part.flavor}
        sensitive = here & {tenant.name for tenant in blueprint.tenants if tenant.sensitive}
        if part.is_gpu:
            found += [Met(part.name, one, other) for one in sensitive for other in here if other != one]
    return found


isolating = configurations(tenants=st.integers(1, 5), tiers=st.sampled_from([Tier.PARTITIONED, Tier.ADVERSARIAL]))
"""In the lower of the two HW1 is in force where the stack switches it on."""


@settings(deadline=None, max_examples=50)
@given(isolating)
def test_with_hw1_no_two_tenants_meet_on_one_gpu(config: StackConfig):
    made = platform_of("generated", config, TODAY)
    if ControlId.HW1 in made.posture.in_force:
        assert meetings_on_a_gpu(made.blueprint) == []


@settings(deadline=None, max_examples=50)
@given(isolating)
def test_with_hw1_a_sound_stack_lets_nobody_meet_a_sensitive_tenant_on_a_node(config: StackConfig):
    made = platform_of("generated", config, TODAY)
    errors_of_placement = [finding for finding in made.posture.errors if finding.control is ControlId.HW1]
    if ControlId.HW1 in made.posture.in_force and not errors_of_placement:
        assert meetings_on_a_node(made.blueprint) == []


@st.composite
def common_models(draw: st.DrawFn) -> tuple[Platform, bool]:
    """A platform in the highest tier whose open pools run common models, and whether sensitive callers have enough.

    They have where each has, for every open pool, one of its own with the same nodes; room there always is.
    """
    homes = [draw(_open_pool(f"open-{index}")) for index in range(draw(st.integers(1, 2)))]
    models = [draw(_common_model(f"m-{index}", homes)) for index in range(draw(st.integers(1, 3)))]
    people = [draw(_caller(f"team-{index}", models)) for index in range(draw(st.integers(2, 4)))]
    own: list[Document] = []
    enough = True
    for each in people:
        for index, home in enumerate(homes):
            like = draw(st.sampled_from(["same", "other", "none"]) if each["sensitive"] else st.just("none"))
            enough = enough and (like == "same" or not each["sensitive"])
            made = home if like == "same" else draw(_open_pool("other"))
            if like != "none":
                own.append({**made, "name": f"{each['name']}-{index}", "dedicated_to": each["name"]})
    return platform([*homes, *own], people, *models, tier="adversarial", enable=[]), enough


@st.composite
def _open_pool(draw: st.DrawFn, name: str) -> Document:
    accelerator = draw(st.sampled_from(["nvidia-l4", "nvidia-a100-80gb", H100]))
    sizes = [mig(size) for size in ("1g.10gb", "3g.40gb")] if accelerator != "nvidia-l4" else []
    partition: Document = draw(st.sampled_from([{"kind": "whole"}, *sizes]))
    guarded = {"confidential": draw(st.booleans()), "sandbox": draw(st.sampled_from([None, "gvisor"]))}
    on_each_node = draw(st.integers(1, 3))
    return pool(name, accelerator, partition=partition, gpus_per_node=on_each_node, nodes={"max": 99}, **guarded)


@st.composite
def _common_model(draw: st.DrawFn, name: str, homes: list[Document]) -> Document:
    home = draw(st.sampled_from(homes))
    whole = home["partition"] == {"kind": "whole"}
    isolation = draw(st.sampled_from([None, "salted", "off", "engine_per_tenant"]))
    return model(
        name,
        str(home["name"]),
        gpus=draw(st.integers(1, cast("int", home["gpus_per_node"]))) if whole else 1,
        replicas=draw(st.integers(1, 2)),
        surge=draw(st.booleans()),
        cache_isolation=isolation,
    )


@st.composite
def _caller(draw: st.DrawFn, name: str, models: list[Document]) -> Document:
    called = draw(st.lists(st.sampled_from([str(each["name"]) for each in models]), min_size=1, unique=True))
    return tenant(name, *called, sensitive=draw(st.booleans()))


@settings(deadline=None, max_examples=150)
@given(common_models())
def test_common_models_are_refused_to_sensitive_tenants_only_where_no_pool_of_theirs_can_run_them(
    made_and_enough: tuple[Platform, bool],
):
    made, enough = made_and_enough
    homes = {each.name: made.config.pool(each.pool) for each in made.config.models if each.name != "small"}
    sensitive = {each.name for each in made.config.tenants if each.sensitive}
    left = {
        (engine.model, engine.tenant)
        for engine in made.blueprint.engines
        if engine.tenant in sensitive and engine.flavor == homes[engine.model].node_pool_name
    }
    own = {name: [each for each in made.config.pools if each.dedicated_to == name] for name in sensitive}

    assert made.posture.sound == (not left)
    assert not (enough and left)
    assert {control for control, _, _ in errors(made)} <= {"HW1"}
    assert meetings_on_a_gpu(made.blueprint) == []
    if made.posture.sound:
        assert meetings_on_a_node(made.blueprint) == []
    flavors = {each.node_pool_name: each for each in made.config.gpu_pools}
    for engine in made.blueprint.engines:
        if engine.flavor is not None:
            home, runs_on = homes[engine.model], flavors[engine.flavor]
            assert runs_on.confidential or not home.confidential
            assert runs_on.sandbox is home.sandbox
    for name, owner in left:
        assert owner is not None
        assert all(obstacle(made.config.model(name), homes[name], each) for each in own[owner])


@settings(deadline=None, max_examples=50)
@given(isolating)
def test_engines_say_of_nodes_what_the_pool_of_their_flavor_says(config: StackConfig):
    blueprint = platform_of("generated", config, TODAY).blueprint
    pools = {part.flavor: part for part in blueprint.pools}
    flavors = {part.name: part for part in blueprint.quota.flavors}
    for engine in blueprint.engines:
        if engine.flavor is not None:
            part, flavor = pools[engine.flavor], flavors[engine.flavor]
            assert engine.runs_on.node_labels == part.node_labels
            assert engine.runs_on.runtime_class == part.runtime_class
            assert engine.runs_on.tolerations == flavor.tolerations
            assert part.dedicated_to is None or served_by(blueprint, engine) <= {part.dedicated_to}


@settings(deadline=None, max_examples=50)
@given(isolating)
def test_with_hw2_a_sound_stack_shares_no_gpu_in_time(config: StackConfig):
    made = platform_of("generated", config, TODAY)
    if ControlId.HW2 in made.posture.in_force and made.posture.sound:
        assert not [part for part in made.blueprint.pools if isinstance(part.partition, TimeSlicingPart)]


@settings(deadline=None, max_examples=50)
@given(isolating)
def test_hw1_keeps_what_a_tenant_was_guaranteed_or_says_that_it_does_not(config: StackConfig):
    made = platform_of("generated", config, TODAY)
    if ControlId.HW1 not in made.posture.in_force:
        return
    told = {finding.path for finding in made.posture.errors if finding.control is ControlId.HW1}
    kept = set(may_run(made.blueprint))
    for index, each in enumerate(config.tenants):
        for name, devices in config.gpu_quota(each).items():
            if devices and (config.pool(name).node_pool_name, each.name) not in kept:
                assert f"bulkhead:tenants[{index}].gpu_quota" in told


def test_the_same_look_at_a_trusted_stack_finds_both_kinds_of_meetings():
    """Otherwise the properties above could hold of anything."""
    parts = document(
        pools=[pool("cpu", "cpu"), pool("gpu"), pool("split", H100, partition=mig())],
        models=[model("small", "cpu"), model("m", "split")],
        tenants=[tenant("one", "small", quota={"gpu": 1}), tenant("two", "m", sensitive=True)],
    )
    blueprint = platform_of("test", config_of(parts), TODAY).blueprint

    assert Met("split", "two", "one") in meetings_on_a_node(blueprint)
    other = platform([pool("gpu")], [tenant("one", "small"), tenant("two", "small")], enable=[]).blueprint
    assert Met("gpu", "one", "two") in meetings_on_a_gpu(other)
    hardened = hw1_hard_gpu_partition.apply(other)
    assert meetings_on_a_gpu(hardened) == []
    assert placement_of(hardened).of("gpu").queues == ()
