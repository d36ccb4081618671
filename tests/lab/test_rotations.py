"""Every key that can be drawn anew is, while the model is in use: no request is lost, and what has ended is refused."""

import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from components.engine.arguments import ACCEPTED_KEYS
from components.engine.pod import API_KEY
from components.gateway.configuration import CLOCK_SECONDS, KEY_CACHE_SECONDS
from components.gateway.pod import CACHE_SALT_KEY, MASTER_KEY, engine_secret_name
from components.tenants.accounts import KEYS_SECRET
from components.tenants.reconciler.inputs import FORMER_KEY
from infra.cli.main import cli
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import openai_like
from tests.lab.platform import ENGINES, GATEWAY, MODEL, TENANT
from tests.lab.walk import Leg, Walker

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(3600)]

TENANTS_SECRET = f"secret {GATEWAY}/{KEYS_SECRET}/{TENANT}"
SHOWN_SECRET = f"secret {GATEWAY}/{engine_secret_name(MODEL)}/{API_KEY}"
TAKEN_SECRET = f"secret {ENGINES}/engine-{MODEL}"
MASTER_SECRET = f"secret {GATEWAY}/gateway/{MASTER_KEY}"
SALT_SECRET = f"secret {GATEWAY}/gateway/{CACHE_SALT_KEY}"
KEY_ROWS = "rows of keys"
"""A tenant's key is a row of the gateway's: one more when it is drawn, and a blocked one when it has ended."""
FORGET_SECONDS = 2 * KEY_CACHE_SECONDS + CLOCK_SECONDS
"""How long replicas that share a cache may act on what they know of a key; docs/how-to/rotate.md says the same."""
REFUSED = {400, 401, 403}
TENANTS_KEY = ("tenant-key", TENANT)


def rotate(walker: Walker, *arguments: str) -> None:
    """Edit the stack file by the command."""
    done = CliRunner().invoke(cli, ["rotate", *arguments, "--stack-file", str(walker.stack.file)])
    assert done.exit_code == 0, done.output


def rotated(walker: Walker, *arguments: str) -> Leg:
    """Edit the stack file and deploy it while the model is in use, with the key that the tenant has then."""
    with walker.in_use() as run:
        rotate(walker, *arguments)
        return walker.leg(" ".join(arguments), run, walker.stack.deploy)


def assert_lost(leg: Leg, *meant: str) -> None:
    """No request, and of the records what the rotation changes on purpose: all of that, and nothing else."""
    assert leg.unanswered == (), leg.row()
    assert sorted(leg.lost) == sorted(meant)


def tenants_key(walker: Walker) -> str:
    return walker.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]


def test_a_tenant_changes_its_key_in_its_own_time(walker: Walker, access: ClusterAccess) -> None:
    old = tenants_key(walker)
    drawn = rotated(walker, *TENANTS_KEY)
    new = tenants_key(walker)

    def statuses() -> tuple[int, int]:
        with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
            return openai_like.chat_status(port, old, MODEL), openai_like.chat_status(port, new, MODEL)

    assert old != new
    assert statuses() == (200, 200)
    ended = rotated(walker, *TENANTS_KEY, "--end-former")
    assert statuses() == (401, 200)
    assert tenants_key(walker) == new
    assert_lost(drawn, KEY_ROWS, TENANTS_SECRET)
    assert_lost(ended, KEY_ROWS, f"{TENANTS_SECRET}{FORMER_KEY}")


def test_engines_take_both_keys_until_the_former_one_is_ended(walker: Walker, access: ClusterAccess) -> None:
    def shown() -> str:
        return access.secret_value(GATEWAY, f"gateway-engine-{MODEL}", "api-key")

    def statuses(*keys: str) -> list[int]:
        with access.forwarded_port(ENGINES, f"engine-{MODEL}", 8000) as port:
            return [openai_like.status(port, key, "GET", "/v1/models") for key in keys]

    old = shown()
    drawn = rotated(walker, "engine-keys")
    new = shown()

    assert old != new
    assert statuses(old, new) == [200, 200]
    ended = rotated(walker, "engine-keys", "--end-former")
    assert shown() == new
    assert statuses(old, new) == [401, 200]
    # While they take both, engines have the former one where they have always had it, and both in a file beside it.
    assert_lost(drawn, SHOWN_SECRET)
    assert_lost(ended, f"{TAKEN_SECRET}/{API_KEY}", f"{TAKEN_SECRET}/{ACCEPTED_KEYS}")


def test_another_master_key_is_taken_by_every_replica_and_the_former_one_by_none(
    walker: Walker, access: ClusterAccess
) -> None:
    def key() -> str:
        return access.secret_value(GATEWAY, "gateway", "master-key")

    def statuses(*keys: str) -> list[int]:
        with access.forwarded_port(GATEWAY, "gateway-admin", 4001) as port:
            return [openai_like.status(port, key, "GET", "/v2/team/list") for key in keys]

    old = key()
    drawn = rotated(walker, "master-key")
    new = key()

    assert old != new
    assert statuses(new) == [200]
    # Replicas that share what they know of keys may know this one for as long as any other.
    deadline, asked = time.monotonic() + FORGET_SECONDS, time.monotonic()
    while statuses(old)[0] not in REFUSED:
        assert asked < deadline, "the former master key still administers"
        time.sleep(1)
        asked = time.monotonic()
    assert_lost(drawn, MASTER_SECRET)


def test_another_salt_root_costs_no_request(walker: Walker, access: ClusterAccess) -> None:
    def salted(change: Callable[[], None]) -> tuple[Leg, str]:
        with walker.in_use() as run:
            leg = walker.leg("salt", run, change)
        return leg, access.secret_value(GATEWAY, "gateway", "cache-salt-key")

    def isolate() -> None:
        walker.stack.edit(trust={**walker.stack.value("trust"), "enable": ["KV1"]})
        walker.stack.deploy()

    def draw_anew() -> None:
        rotate(walker, "salt")
        walker.stack.deploy()

    isolated, old = salted(isolate)
    drawn, new = salted(draw_anew)

    assert old != new
    assert_lost(isolated)
    assert_lost(drawn, SALT_SECRET)
