"""What a change has lost of a platform's records, and whose they are."""

from decimal import Decimal

from components.tenants.accounts import KEYS_SECRET
from tests.lab.platform import GATEWAY
from tests.lab.records import Records, Row


def found(*tenants: str, blocked: str = "", spent: str = "0") -> Records:
    """A team and a key for each of the tenants."""
    teams: list[Row] = [{"id": f"bulkhead-{one}", "blocked": one == blocked} for one in tenants]
    keys: list[Row] = [{"id": f"token of {one}", "team": f"bulkhead-{one}"} for one in tenants]
    return Records(
        rows={"teams": teams, "keys": keys},
        spend={
            f"{table}/{row['id']}": Decimal(spent) for table, rows in (("teams", teams), ("keys", keys)) for row in rows
        },
        requests=1,
        secrets={f"{GATEWAY}/{KEYS_SECRET}/{one}": "digest" for one in tenants},
        objects={},
    )


def test_a_tenant_who_comes_or_leaves_is_a_change_of_what_is_there() -> None:
    assert found("one", "two").lost_since(found("one")) == ["rows of teams", "rows of keys"]
    assert f"secret {GATEWAY}/{KEYS_SECRET}/two" in found("one").lost_since(found("one", "two"))


def test_but_for_its_own_account_nothing_is_lost_by_it() -> None:
    before, after = found("one", "two"), found("one")

    assert after.but_for("two").lost_since(before.but_for("two")) == []


def test_what_another_tenant_loses_is_lost_all_the_same() -> None:
    before, after = found("one", "two", spent="2"), found("one", blocked="one", spent="1")

    lost = after.but_for("two").lost_since(before.but_for("two"))

    assert lost == ["rows of teams", "spend of teams/bulkhead-one", "spend of keys/token of one"]


def test_without_a_tenant_everything_counts() -> None:
    assert found("one").but_for("") == found("one")
