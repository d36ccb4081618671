"""What to write: pure."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from .model import OWN_METADATA, Json, State, Tenant, Write, is_ours, mapping, own_metadata, tenant_of


def plan(tenants: Sequence[Tenant], state: State) -> list[Write]:
    """The writes that bring `state` to what the tenants have to be; removed tenants first.

    A key is made once its team is seen to be there: one whose team was refused would have no budget. So this is asked
    again with the state that its writes have led to, until there is nothing to write.
    """
    return [
        *(write for team in removed_teams(tenants, state) for write in _block_team(team, state)),
        *(write for key in _astray(tenants, state) for write in _block_key(tenant_of(key), key, "it is nobody's")),
        *(write for tenant in sorted(tenants, key=lambda tenant: tenant.name) for write in _settle(tenant, state)),
    ]


def removed_teams(tenants: Sequence[Tenant], state: State) -> list[Json]:
    """The teams of tenants that are no longer listed."""
    wanted = {tenant.team_id for tenant in tenants}
    return [team for _, team in sorted(state.teams.items()) if is_ours(team) and team["team_id"] not in wanted]


def _astray(tenants: Sequence[Tenant], state: State) -> Iterator[Json]:
    """Keys of ours that no tenant holds, in teams that are not ours or in none: there, no team's end is theirs."""
    held = {token for tenant in tenants for token in tenant.keys}
    teams = {tenant.team_id for tenant in tenants} | {str(team["team_id"]) for team in removed_teams(tenants, state)}
    for token, key in sorted(state.keys.items()):
        if is_ours(key) and token not in held and key.get("team_id") not in teams:
            yield key


def _block_team(team: Json, state: State) -> Iterator[Write]:
    team_id, tenant = str(team["team_id"]), tenant_of(team)
    if not team.get("blocked"):
        body = {"team_id": team_id, "blocked": True}
        yield Write(tenant, "/team/update", body, f"team {team_id}: blocked, no longer listed")
    for key in state.keys_of(team_id):
        yield from _block_key(tenant, key, "its tenant is no longer listed")


def _block_key(tenant: str, key: Json, reason: str) -> Iterator[Write]:
    if not key.get("blocked"):
        body = {"key": key["token"], "blocked": True}
        yield Write(tenant, "/key/update", body, f"key {key.get('key_alias') or 'without alias'}: blocked, {reason}")


def _settle(tenant: Tenant, state: State) -> Iterator[Write]:
    team = state.teams.get(tenant.team_id)
    if team is None:
        body = {"team_id": tenant.team_id, **tenant.team_fields}
        yield Write(tenant.name, "/team/new", body, f"team {tenant.team_id}: created")
    elif changes := differences(tenant.team_fields, team):
        body = {"team_id": tenant.team_id, **changes}
        yield Write(tenant.name, "/team/update", body, f"team {tenant.team_id}: set {', '.join(sorted(changes))}")
    for token in tenant.keys:
        yield from _settle_key(tenant, token, state, has_team=team is not None)
    for key in state.keys_of(tenant.team_id):
        if key["token"] not in tenant.keys and is_ours(key):
            yield from _block_key(tenant.name, key, "another key has taken its place")


def _settle_key(tenant: Tenant, token: str, state: State, *, has_team: bool) -> Iterator[Write]:
    key, wanted = state.keys.get(token), tenant.key_fields(token)
    alias = wanted["key_alias"]
    if key is None:
        given = {field: value for field, value in wanted.items() if value is not None}
        if has_team:
            yield Write(tenant.name, "/key/generate", {"key": tenant.keys[token], **given}, f"key {alias}: created")
    elif changes := differences(wanted, key):
        body = {"key": token, **_as_told(changes)}
        yield Write(tenant.name, "/key/update", body, f"key {alias}: set {', '.join(sorted(changes))}")


def _as_told(changes: Json) -> Json:
    """The fields of an update of a key: LiteLLM takes its end as how long it lives from now, and passes over `expires`.

    An explicit null clears a field, and a null duration the end (LiteLLM 1.106.2, `prepare_key_update_data`).
    """
    return {"duration" if field == "expires" else field: value for field, value in changes.items()}


def differences(wanted: Json, found: Json) -> Json:
    """The wanted fields that are otherwise in `found`.

    Only those are sent: LiteLLM starts a budget's period anew whenever it is told the period, even the same one.
    Metadata that others added are kept; what a record once said and says no more is taken out.
    """
    changes: Json = {}
    for field, value in wanted.items():
        current = found.get(field)
        if field == "metadata":
            held = mapping(current)
            from_records = {OWN_METADATA, *own_metadata(held)}
            settled = {**{name: item for name, item in held.items() if name not in from_records}, **value}
            if settled != held:
                changes[field] = settled
        elif field == "blocked":
            if bool(current) != value:
                changes[field] = value
        elif isinstance(value, list):
            listed = [str(item) for item in _list(current)]
            if sorted(listed) != sorted(str(item) for item in _list(value)):
                changes[field] = value
        elif current != value:
            changes[field] = value
    return changes


def _list(value: Any) -> list[Any]:
    return list(cast("list[Any]", value)) if isinstance(value, list) else []


def strangers(tenants: Sequence[Tenant], state: State) -> Iterator[str]:
    """Keys that spend a tenant's budget and were not made here."""
    for tenant in tenants:
        for key in state.keys_of(tenant.team_id):
            if key["token"] not in tenant.keys and not is_ours(key) and not key.get("blocked"):
                yield f"team {tenant.team_id}: has a key that was made by hand, {key.get('key_alias') or 'no alias'}"
