"""Tenants' accounts as they are: the stack file, what was deployed of it, and what the gateway has, side by side."""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from components.tenants.accounts import KEYS_SECRET
from components.tenants.pod import OBJECT_NAME, RECORDS_KEY
from components.tenants.reconciler.admin import observe
from components.tenants.reconciler.errors import InputError
from components.tenants.reconciler.inputs import tenants_of
from components.tenants.reconciler.model import (
    Json,
    State,
    Tenant,
    is_ours,
    mapping,
    own_metadata,
    team_id,
    tenant_of,
)
from components.tenants.reconciler.plan import differences
from components.tenants.records import records
from infra.blueprint.model import Blueprint
from infra.blueprint.routes import route_name
from infra.live.cluster import LiveCluster
from infra.live.errors import failure
from infra.live.gateway import gateway_admin, not_deployed
from infra.live.model import Account, KeyState, Standing

RECORDS_VOLUME = "records"
AT_THE_GATEWAY = "at the gateway"
EVERY_ROUTE = "every path of LiteLLM's"
DEPLOYED = "deployed"

_WORDS = {
    "max_budget": "budget in US dollars",
    "budget_duration": "budget period",
    "models": "models",
    "rpm_limit": "requests per minute",
    "tpm_limit": "tokens per minute",
    "max_parallel_requests": "parallel requests",
    "expires": "end",
    "team_alias": "team's alias",
    "key_alias": "key's alias",
    "team_id": "key's team",
    "allowed_routes": "routes",
    "metadata": "metadata",
    "blocked": "blocked",
}


@dataclass(frozen=True)
class Deployed:
    """What the reconciler was given: the tenants' records by name, and their keys."""

    records: Mapping[str, Json]
    keys: Mapping[str, str]


def read_accounts(cluster: LiveCluster, blueprint: Blueprint) -> tuple[Account, ...]:
    """Every tenant's account, sorted by name; tenants that were removed are among them.

    Raises:
        CommandFailedError: The cluster or the gateway cannot be asked, or the platform is not deployed.
    """
    deployed = read_deployed(cluster, blueprint.gateway.namespace)
    with gateway_admin(cluster, blueprint.gateway) as admin:
        state = observe(admin)
    return accounts(listed_records(blueprint), deployed, state)


def read_deployed(cluster: LiveCluster, namespace: str) -> Deployed:
    """What the reconciler of a platform was given.

    Raises:
        CommandFailedError: The cluster cannot be asked, or the platform is not deployed.
    """
    maps = cluster.mounted_config_maps(namespace, OBJECT_NAME)
    if maps is None or RECORDS_VOLUME not in maps:
        raise not_deployed(namespace, f"Deployment {OBJECT_NAME}")
    content = cluster.config_map(namespace, maps[RECORDS_VOLUME])
    if content is None or RECORDS_KEY not in content:
        raise not_deployed(namespace, f"ConfigMap {maps[RECORDS_VOLUME]}")
    return Deployed(_by_name(content[RECORDS_KEY]), read_keys(cluster, namespace))


def read_keys(cluster: LiveCluster, namespace: str) -> Mapping[str, str]:
    """Tenant's name → its virtual key, which must not be shown unless it was asked for.

    A former key that still works stands there by the name and `FORMER_KEY`.

    Raises:
        CommandFailedError: The cluster cannot be asked, or the platform is not deployed.
    """
    keys = cluster.secret(namespace, KEYS_SECRET)
    if keys is None:
        raise not_deployed(namespace, f"Secret {KEYS_SECRET}")
    return keys


def listed_records(blueprint: Blueprint) -> Mapping[str, Json]:
    """The records that the stack file asks for, by tenant."""
    return _by_name(records(blueprint.tenants))


def _by_name(document: str) -> Mapping[str, Json]:
    return {str(record["name"]): record for record in json.loads(document)["tenants"]}


def accounts(listed: Mapping[str, Json], deployed: Deployed, state: State) -> tuple[Account, ...]:
    """Every tenant that the stack file, the reconciler or the gateway knows, sorted by name. Pure."""
    tenants = {tenant.name: tenant for tenant in _tenants(deployed)}
    names = sorted({*listed, *tenants, *tenants_at_gateway(state)})
    return tuple(
        _account(name, listed.get(name), deployed.records.get(name), tenants.get(name), state) for name in names
    )


def tenants_at_gateway(state: State) -> set[str]:
    """The names of all that ever had an account, removed ones included."""
    return {tenant_of(team) for team in state.teams.values() if is_ours(team)}


def _tenants(deployed: Deployed) -> tuple[Tenant, ...]:
    found = [record for name, record in deployed.records.items() if name in deployed.keys]
    try:
        return tenants_of(found, deployed.keys)
    except InputError as error:
        raise failure(
            "tenants' records", str(error), "the accounts cannot be compared", "pulumi up for this stack"
        ) from None


def _account(name: str, wanted: Json | None, deployed: Json | None, tenant: Tenant | None, state: State) -> Account:
    team = state.teams.get(team_id(name), {})
    key = state.keys.get(tenant.token) if tenant else None
    record = wanted or {}
    fields = team or mapping(record.get("team"))
    metadata = own_metadata(mapping(team.get("metadata"))) if team else mapping(record.get("metadata"))
    return Account(
        name=name,
        standing=_standing(wanted, deployed),
        key=_key_state(team, key),
        models=tuple(sorted(str(model) for model in fields.get("models") or ())),
        routes=tuple(_routes(key.get("allowed_routes") if key else record.get("routes"))),
        metadata={name: str(value) for name, value in sorted(metadata.items())},
        budget_usd=_number(fields.get("max_budget")),
        budget_period=_text(fields.get("budget_duration")),
        spent_usd=_number(team.get("spend")) or 0.0,
        resets_at=_moment(team.get("budget_reset_at")),
        requests_per_minute=_whole(fields.get("rpm_limit")),
        tokens_per_minute=_whole(fields.get("tpm_limit")),
        drift=tuple(_drift(tenant, team, state)) if tenant else (),
        pending=tuple(_pending(wanted, deployed)) if wanted and deployed else (),
        strange_keys=sum(1 for other in state.keys_of(team_id(name)) if not is_ours(other)),
    )


def _standing(wanted: Json | None, deployed: Json | None) -> Standing:
    if wanted:
        return Standing.LISTED if deployed else Standing.NOT_DEPLOYED
    return Standing.TO_BE_REMOVED if deployed else Standing.REMOVED


def _key_state(team: Json, key: Json | None) -> KeyState:
    if key is None:
        return KeyState.BLOCKED if team.get("blocked") else KeyState.MISSING
    return KeyState.BLOCKED if key.get("blocked") or team.get("blocked") else KeyState.WORKS


def _drift(tenant: Tenant, team: Json, state: State) -> Iterator[str]:
    """What the next pass of the reconciler will write, in words."""
    if not team:
        yield "the team is missing"
        return
    for field, value in differences(tenant.team_fields, team).items():
        yield from _sentences(field, value, team.get(field))
    yield from _key_drift("key", tenant, tenant.token, state)
    for token in tenant.keys:
        if token != tenant.token:
            yield from _key_drift("former key", tenant, token, state)


def _key_drift(what: str, tenant: Tenant, token: str, state: State) -> Iterator[str]:
    key = state.keys.get(token)
    if key is None:
        yield f"the {what} is missing"
        return
    for field, value in differences(tenant.key_fields(token), key).items():
        for sentence in _sentences(field, value, key.get(field)):
            yield f"{what}: {sentence}"


def _pending(wanted: Json, deployed: Json) -> Iterator[str]:
    changes: Iterable[tuple[str, Any]] = differences(wanted["team"], deployed["team"]).items()
    for field, value in changes:
        yield from _sentences(field, value, deployed["team"].get(field), DEPLOYED)
    if sorted(wanted["routes"]) != sorted(deployed["routes"]):
        yield from _sentences("allowed_routes", wanted["routes"], deployed["routes"], DEPLOYED)
    yield from _metadata_sentences(mapping(wanted.get("metadata")), mapping(deployed.get("metadata")), DEPLOYED)


def _sentences(field: str, wanted: Any, found: Any, place: str = AT_THE_GATEWAY) -> Iterator[str]:
    name = _WORDS.get(field, field)
    if field == "metadata":
        sentences = tuple(_metadata_sentences(own_metadata(wanted), own_metadata(mapping(found)), place))
        yield from sentences or ("metadata that mark it as the platform's are missing",)
    elif field == "blocked":
        yield "blocked by hand"
    elif field == "allowed_routes":
        yield f"{name}: {_shown(list(_routes(wanted)))} is wanted, {_shown(list(_routes(found)))} {place}"
    else:
        yield f"{name}: {_shown(wanted)} is wanted, {_shown(found)} {place}"


def _metadata_sentences(wanted: Json, found: Json, place: str) -> Iterator[str]:
    """What came from records alone: what others have added may be none of a reader's business."""
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"metadata {name}: {_shown(wanted.get(name))} is wanted, {_shown(found.get(name))} {place}"


def _routes(paths: Any) -> Iterator[str]:
    """What a stack file calls the paths that a key opens, sorted; LiteLLM takes a key without a list to open all."""
    listed = cast("list[Any]", paths) if isinstance(paths, list) else []
    yield from sorted(route_name(str(path)) for path in listed) or (EVERY_ROUTE,)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(str(item) for item in cast("list[Any]", value))) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _moment(value: Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
