"""Bring the gateway's teams and virtual keys to what the stack file says.

Runs in a Job beside the gateway, in its image, with the standard library alone. It looks at what the gateway has,
works out what differs, writes only that, and looks again until nothing differs; so it may be repeated, run beside
itself, or be killed half way, and the next run goes on. A run that finds nothing to do writes nothing.

- A tenant has the team `bulkhead-NAME` and one key, found by its hash. What was changed by hand is put back.
- A tenant that is no longer listed is known by its team's `managed_by`. Its team and every key of it are blocked, and
  kept, since the spend is recorded on them. A tenant that comes back is unblocked.
- A key that was replaced is blocked; one that somebody else made for the team is left alone and told.

Environment: GATEWAY_URL, LITELLM_MASTER_KEY. Files: `tenants.json` in RECORDS_DIRECTORY, one file for each tenant's key
in KEYS_DIRECTORY.

Exit codes: 0 the gateway has what the records say; 1 it could not be reached, refused a write, or did not settle, so
that another try may help; 2 the records, the keys or the master key are wrong, so that none will.
"""

import hashlib
import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlencode, urlsplit

MANAGED_BY = "bulkhead"
PAGE_SIZE = 100
"""The most that LiteLLM lists at once."""
KEY_PREFIX = "sk-"
SHORTEST_KEY = 16
ROUNDS = 4
"""One to write, one to see that it is done, and two for whoever writes at the same time."""
READY_SECONDS = 300
REQUEST_SECONDS = 30
ATTEMPTS = 5
PAUSE_SECONDS = 2.0

ALIAS_DIGITS = 8
CLIENT_ERROR, UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 400, 401, 403, 429, 500

Json = dict[str, Any]


class InputError(Exception):
    """The records, the keys or the master key are wrong; trying again changes nothing."""


class GatewayError(Exception):
    """The gateway could not be reached, or it refused something."""


@dataclass(frozen=True)
class Tenant:
    """What a tenant's account has to be.

    Attributes:
        name: The tenant's name.
        key: Its virtual key; never shown.
        team: The team's fields as LiteLLM names them, without its id.
        routes: The paths that the key may call.
    """

    name: str
    key: str
    team: Mapping[str, Any]
    routes: tuple[str, ...]

    @property
    def team_id(self) -> str:
        """The id of its team."""
        return f"{MANAGED_BY}-{self.name}"

    @property
    def token(self) -> str:
        """What LiteLLM keeps of the key: its SHA-256."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    @property
    def metadata(self) -> Json:
        """What tells our teams and keys from everybody else's."""
        return {"managed_by": MANAGED_BY, "tenant": self.name}

    @property
    def team_fields(self) -> Json:
        """The team as it has to be."""
        return {"team_alias": self.team_id, **self.team, "metadata": self.metadata, "blocked": False}

    @property
    def key_fields(self) -> Json:
        """The key as it has to be; it names its models itself, since a team's limit does not hold for fallbacks."""
        return {
            # Aliases are unique, and a key that replaces another must not need the other's.
            "key_alias": f"{self.team_id}-{self.token[:ALIAS_DIGITS]}",
            "team_id": self.team_id,
            "models": self.team["models"],
            "allowed_routes": list(self.routes),
            "metadata": self.metadata,
            "blocked": False,
        }


@dataclass(frozen=True)
class Write:
    """One request that changes the gateway; `says` is what may be shown of it."""

    path: str
    body: Json
    says: str


@dataclass(frozen=True)
class State:
    """What the gateway has: teams by id, and keys by hash."""

    teams: Mapping[str, Json]
    keys: Mapping[str, Json]

    def keys_of(self, team_id: str) -> Iterator[Json]:
        """The keys of a team, in a fixed order."""
        return (key for _, key in sorted(self.keys.items()) if key.get("team_id") == team_id)


class Admin(Protocol):
    """LiteLLM's administration interface."""

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        """Read; raises GatewayError."""
        ...

    def post(self, path: str, body: Json) -> int:
        """Write and return the status; raises GatewayError unless it is a success or a conflict."""
        ...


# --- what to write: pure ----------------------------------------------------------------------------------------


def plan(tenants: Sequence[Tenant], state: State) -> list[Write]:
    """The writes that turn `state` into what the tenants have to be; removed tenants first."""
    wanted = {tenant.team_id for tenant in tenants}
    removed = [team for _, team in sorted(state.teams.items()) if is_ours(team) and team["team_id"] not in wanted]
    return [
        *(write for team in removed for write in _block_team(team, state)),
        *(write for tenant in sorted(tenants, key=lambda tenant: tenant.name) for write in _settle(tenant, state)),
    ]


def is_ours(thing: Json) -> bool:
    """Whether a team or key was made by this program."""
    metadata = thing.get("metadata")
    return isinstance(metadata, dict) and _mapping(metadata).get("managed_by") == MANAGED_BY


def _mapping(value: Any) -> Json:
    return dict(cast("Json", value)) if isinstance(value, dict) else {}


def _block_team(team: Json, state: State) -> Iterator[Write]:
    team_id = str(team["team_id"])
    if not team.get("blocked"):
        yield Write("/team/update", {"team_id": team_id, "blocked": True}, f"team {team_id}: blocked, no longer listed")
    for key in state.keys_of(team_id):
        yield from _block_key(key, "its tenant is no longer listed")


def _block_key(key: Json, reason: str) -> Iterator[Write]:
    if not key.get("blocked"):
        body = {"key": key["token"], "blocked": True}
        yield Write("/key/update", body, f"key {key.get('key_alias') or 'without alias'}: blocked, {reason}")


def _settle(tenant: Tenant, state: State) -> Iterator[Write]:
    team = state.teams.get(tenant.team_id)
    if team is None:
        body = {"team_id": tenant.team_id, **tenant.team_fields}
        yield Write("/team/new", body, f"team {tenant.team_id}: created")
    elif changes := differences(tenant.team_fields, team):
        body = {"team_id": tenant.team_id, **changes}
        yield Write("/team/update", body, f"team {tenant.team_id}: set {', '.join(sorted(changes))}")
    yield from _settle_key(tenant, state)
    for key in state.keys_of(tenant.team_id):
        if key["token"] != tenant.token and is_ours(key):
            yield from _block_key(key, "another key has taken its place")


def _settle_key(tenant: Tenant, state: State) -> Iterator[Write]:
    key = state.keys.get(tenant.token)
    alias = tenant.key_fields["key_alias"]
    if key is None:
        yield Write("/key/generate", {"key": tenant.key, **tenant.key_fields}, f"key {alias}: created")
    elif changes := differences(tenant.key_fields, key):
        yield Write("/key/update", {"key": tenant.token, **changes}, f"key {alias}: set {', '.join(sorted(changes))}")


def differences(wanted: Json, found: Json) -> Json:
    """The wanted fields that are otherwise in `found`.

    Only those are sent: LiteLLM starts a budget's period anew whenever it is told the period, even the same one.
    Metadata that others added are kept.
    """
    changes: Json = {}
    for field, value in wanted.items():
        current = found.get(field)
        if field == "metadata":
            held = _mapping(current)
            if any(held.get(name) != item for name, item in value.items()):
                changes[field] = {**held, **value}
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
            if key["token"] != tenant.token and not is_ours(key) and not key.get("blocked"):
                yield f"team {tenant.team_id}: has a key that was made by hand, {key.get('key_alias') or 'no alias'}"


# --- what there is to read and write ----------------------------------------------------------------------------


def read_tenants(records: Path, keys: Path) -> tuple[Tenant, ...]:
    """The tenants' records with their keys.

    Raises:
        InputError: A file is missing, is not what it should be, or would give a tenant more than it should have.
    """
    try:
        document = json.loads((records / "tenants.json").read_text(encoding="utf-8"))
        found = [_tenant(record, keys) for record in document["tenants"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the tenants' records cannot be read: {type(error).__name__}: {error}") from error
    if len({tenant.token for tenant in found}) != len(found):
        raise InputError("two tenants have one key: neither could be told from the other")
    return tuple(found)


def _tenant(record: Json, keys: Path) -> Tenant:
    name = str(record["name"])
    key = (keys / name).read_text(encoding="utf-8").strip()
    if not key.startswith(KEY_PREFIX) or len(key) < SHORTEST_KEY:
        raise InputError(f"tenant {name}: its key is not one that LiteLLM takes")
    tenant = Tenant(name, key, dict(record["team"]), tuple(record["routes"]))
    for field in ("models", "max_budget", "budget_duration", "rpm_limit", "tpm_limit"):
        # LiteLLM reads an empty list of models as all of them, and no limit as none.
        if not tenant.team.get(field):
            raise InputError(f"tenant {name}: {field} is missing or empty, which would mean that there is no limit")
    if not tenant.routes:
        raise InputError(f"tenant {name}: routes are missing, which would open every one")
    return tenant


def observe(admin: Admin) -> State:
    """What the gateway has now."""
    teams = _pages(admin, "/v2/team/list", "teams", {"page_size": PAGE_SIZE, "sort_by": "team_id"})
    keys = _pages(admin, "/key/list", "keys", {"size": PAGE_SIZE, "return_full_object": "true"})
    return State(
        {str(team["team_id"]): team for team in teams},
        {str(key["token"]): key for key in keys},
    )


def _pages(admin: Admin, path: str, field: str, query: Mapping[str, Any]) -> Iterator[Json]:
    page, last = 1, 1
    while page <= last:
        answer = admin.get(path, {**query, "page": page})
        yield from answer[field]
        last = int(answer.get("total_pages") or 0)
        page += 1


def reconcile(tenants: Sequence[Tenant], admin: Admin, say: Callable[[str], None]) -> int:
    """Write until nothing differs, and return how many writes it took.

    Raises:
        GatewayError: The gateway refused a write or did not settle.
    """
    written = 0
    for _ in range(ROUNDS):
        state = observe(admin)
        writes = plan(tenants, state)
        if not writes:
            for stranger in strangers(tenants, state):
                say(stranger)
            return written
        for write in writes:
            if admin.post(write.path, write.body) < CLIENT_ERROR:
                say(write.says)
                written += 1
            else:
                # Somebody else was first; the next round sees what there is now.
                say(f"{write.says.partition(':')[0]}: another run was first, looking again")
    raise GatewayError(f"the gateway did not settle in {ROUNDS} rounds; somebody else goes on changing it")


class HttpAdmin:
    """LiteLLM's administration interface over HTTP; tries again what may pass."""

    def __init__(self, url: str, master_key: str, secrets: Iterable[str], pause: float = PAUSE_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("GATEWAY_URL is not an address")
        self._parts = parts
        self._master_key = master_key
        self._secrets = sorted({master_key, *secrets}, key=len, reverse=True)
        self._pause = pause

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        """Read; raises GatewayError."""
        status, answer = self._send("GET", f"{path}?{urlencode(query)}", None)
        if status >= CLIENT_ERROR:
            raise GatewayError(f"GET {path} was answered {status}: {self._reason(answer)}")
        return _mapping(answer)

    def post(self, path: str, body: Json) -> int:
        """Write and return the status; raises GatewayError unless it is a success or a conflict."""
        status, answer = self._send("POST", path, body)
        if status < CLIENT_ERROR or (status == CLIENT_ERROR and "already exists" in json.dumps(answer)):
            return status
        raise GatewayError(f"POST {path} was answered {status}: {self._reason(answer)}")

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return once the gateway has its database; raises GatewayError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                status, answer = self._once("GET", "/health/readiness", None)
                if status < CLIENT_ERROR and _mapping(answer).get("db") == "connected":
                    return
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() >= deadline:
                raise GatewayError(f"the gateway had no database after {seconds:.0f} seconds")
            time.sleep(self._pause)

    def _send(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        failure = "no answer"
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self._pause * attempt)
            try:
                status, answer = self._once(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                failure = type(error).__name__
                continue
            if status in (UNAUTHORIZED, FORBIDDEN):
                raise InputError(f"the gateway refuses the master key ({status}): {self._reason(answer)}")
            if status < SERVER_ERROR and status != TOO_MANY:
                return status, answer
            failure = f"{status}: {self._reason(answer)}"
        raise GatewayError(f"{method} {path.partition('?')[0]} failed {ATTEMPTS} times, at last with {failure}")

    def _once(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        secure = self._parts.scheme == "https"
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = make(str(self._parts.hostname), self._parts.port, timeout=REQUEST_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self._master_key}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content.decode(errors="replace")

    def _reason(self, answer: Any) -> str:
        """What the gateway said, short and without any secret of ours."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text[:300]


def main(environment: Mapping[str, str]) -> int:
    """Reconcile the gateway that the environment names."""
    try:
        master_key = environment.get("LITELLM_MASTER_KEY", "")
        if not master_key:
            raise InputError("LITELLM_MASTER_KEY is not set")
        tenants = read_tenants(
            Path(environment.get("RECORDS_DIRECTORY", ".")), Path(environment.get("KEYS_DIRECTORY", "."))
        )
        admin = HttpAdmin(environment.get("GATEWAY_URL", ""), master_key, [tenant.key for tenant in tenants])
        admin.wait_until_ready()
        written = reconcile(tenants, admin, lambda text: print(text, flush=True))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except GatewayError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(tenants)} tenants as listed; {written} writes")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
