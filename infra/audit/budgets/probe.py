"""AC1, AC2 and SR3 on a running platform: what keys open, that budgets and limits bind, and that both fail closed.

What a caller can try is tried, at the gateway's own ports, with the tenants' keys; what only an outage would show is
read from what the replicas run with.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence

from infra.audit.budgets.attempts import MODELS, UNKNOWN_KEY, Attempt, attempts_of, chat, judged
from infra.audit.budgets.door import BudgetDoor, Port, Reply, Request
from infra.audit.budgets.settings import configuration_shown
from infra.audit.budgets.trial import trial
from infra.audit.budgets.verdict import Shown, observed
from infra.audit.results import Observation, Outcome
from infra.blueprint.model import Blueprint, TenantPart
from infra.blueprint.routes import KEY_PATHS
from infra.config.trust import ControlId
from infra.live.model import Account, KeyState, Standing

NO_KEY = "it has no key yet"
CLOSED = "not asked for, since its record does not open it"
_REFUSED_WORK = frozenset({401, 403, 404, 405})
_TEAMS = Request("GET", "/v2/team/list?page=1&page_size=1", port=Port.ADMINISTRATION)


def probe_budgets(
    door: BudgetDoor,
    blueprint: Blueprint,
    claimed: frozenset[ControlId],
    run: str,
    tenants: frozenset[str] | None = None,
) -> tuple[Observation, ...]:
    """Look at the platform's settings, and at what each tenant gets with its key.

    Args:
        door: The platform.
        blueprint: What the stack file says of it.
        claimed: The controls that the stack claims; what is about others is tried too, and judged by nobody.
        run: What tells this audit from others.
        tenants: Only these; None: all. The platform's own settings are looked at in any case.

    Raises:
        CommandFailedError: The platform cannot be asked.
    """
    replicas = door.replicas()
    names = [replica.name for replica in replicas]
    shared = tuple(model.name for model in blueprint.gateway.models if model.tenant is None)
    accounts = {account.name: account for account in door.accounts()}
    asked = [part for part in blueprint.tenants if tenants is None or part.name in tenants]
    return (
        *(observed(shown, claimed) for shown in configuration_shown(replicas, blueprint.gateway)),
        *(observed(shown, claimed) for shown in _strangers(door, blueprint, names)),
        *(observed(shown, claimed) for shown in trial(door, shared, names, run)),
        *(
            observed(shown, claimed, part.name)
            for part in asked
            for shown in (
                _allowance(part, accounts.get(part.name)),
                *_with_its_key(door, blueprint, part, names, accounts.get(part.name)),
            )
        ),
    )


def _strangers(door: BudgetDoor, blueprint: Blueprint, replicas: Sequence[str]) -> Iterator[Shown]:
    """Callers without a tenant's key, and beside them who administers."""
    model = blueprint.gateway.model_names[0]
    made_up = f"sk-{secrets.token_urlsafe(36)}"
    for case, key, identity in (
        ("without-a-key", None, "a caller without a key"),
        ("made-up-key", made_up, "a caller with a made-up key"),
    ):
        attempt = Attempt(case, ControlId.AC1, f"a request to {model}", chat(model), UNKNOWN_KEY)
        yield _tried(door, attempt, replicas[0], key, identity)
    reply = door.ask(replicas[0], door.master_key, _TEAMS)
    yield Shown("administers", ControlId.AC1, False, "the list of accounts", _worked(reply), reply.words)


def _with_its_key(
    door: BudgetDoor, blueprint: Blueprint, tenant: TenantPart, replicas: Sequence[str], account: Account | None
) -> Iterable[Shown]:
    """What a tenant gets, and does not get; its refusals mean nothing where its key opens nothing."""
    identity = f"tenant {tenant.name}, by its key"
    key = door.key_of(tenant.name)
    work = _listed(tenant, Reply(0) if key is None else door.ask(replicas[0], key, MODELS), identity)
    attempts = list(attempts_of(tenant, blueprint.gateway.model_names))
    if key is None:
        return [work, *(_untried(attempt, identity, NO_KEY) for attempt in attempts)]
    closed = frozenset(KEY_PATHS) - frozenset(tenant.paths)
    found = [
        _untried(attempt, identity, CLOSED)
        if attempt.request.path in closed
        else _tried(door, attempt, replicas[index % len(replicas)], key, identity)
        for index, attempt in enumerate(attempts)
    ]
    doubt = _doubt(tenant, work, account)
    return [work, *(_doubted(shown, doubt) if doubt else shown for shown in found)]


def _tried(door: BudgetDoor, attempt: Attempt, replica: str, key: str | None, identity: str) -> Shown:
    reply = door.ask(replica, key, attempt.request)
    return Shown(attempt.case, attempt.control, True, attempt.about, judged(attempt, reply), reply.words, identity)


def _untried(attempt: Attempt, identity: str, why: str) -> Shown:
    return Shown(attempt.case, attempt.control, True, attempt.about, Outcome.UNPROVEN, why, identity)


def _doubt(tenant: TenantPart, work: Shown, account: Account | None) -> str:
    """Why refusals of a tenant's key mean nothing; empty where they do."""
    if work.outcome is Outcome.HOLDS or (MODELS.path not in tenant.paths and _works(account)):
        return ""
    return f"its models were {work.seen}"


def _doubted(shown: Shown, doubt: str) -> Shown:
    return shown.doubted(doubt) if shown.outcome is Outcome.HOLDS else shown


def _works(account: Account | None) -> bool:
    return account is not None and account.standing is Standing.LISTED and account.key is KeyState.WORKS


def _listed(tenant: TenantPart, reply: Reply, identity: str) -> Shown:
    """Whether a tenant's key opens what its record opens; one that opens no list cannot be asked for it."""
    case, about = "models-of-its-record", "the list of its models"
    if MODELS.path not in tenant.paths:
        return Shown(case, ControlId.AC1, False, about, Outcome.UNPROVEN, CLOSED, identity)
    missing = sorted(set(tenant.models) - set(reply.models)) if reply.granted else []
    outcome = Outcome.FAILS if missing else _worked(reply)
    seen = f"listed without {', '.join(missing)}" if missing else reply.words if reply.status else NO_KEY
    return Shown(case, ControlId.AC1, False, about, outcome, seen, identity)


def _worked(reply: Reply) -> Outcome:
    """Legitimate work that was not answered: refused, or not to be told apart from a gateway that is busy."""
    if reply.granted:
        return Outcome.HOLDS
    return Outcome.FAILS if reply.status in _REFUSED_WORK else Outcome.UNPROVEN


def _allowance(tenant: TenantPart, account: Account | None) -> Shown:
    """Whether the budget and the limits at the gateway are the stack file's, in force for its key."""
    if account is None or not _works(account):
        state = "not deployed" if account is None else f"{account.standing}, and its key {account.key}"
        return _account_shown(Outcome.UNPROVEN, f"its account is {state}")
    wanted = (tenant.budget_usd, tenant.budget_period, tenant.requests_per_minute, tenant.tokens_per_minute)
    found = (account.budget_usd, account.budget_period, account.requests_per_minute, account.tokens_per_minute)
    faults = list(account.drift) or list(account.pending)
    if found != wanted and not faults:
        faults = ["the limits at the gateway are not the stack file's"]
    if sorted(account.models) != sorted(tenant.models) and not faults:
        faults = ["the models at the gateway are not the stack file's"]
    budget = f"{account.budget_usd:g} USD in {account.budget_period}" if account.budget_usd is not None else "no budget"
    held = f"{budget}, {account.requests_per_minute} requests and {account.tokens_per_minute} tokens a minute"
    return _account_shown(Outcome.FAILS if faults else Outcome.HOLDS, "; ".join(faults) or held)


def _account_shown(outcome: Outcome, seen: str) -> Shown:
    """Nothing else that a tenant is refused shows its budget, so that this decides."""
    about = "spending beyond the budget and the limits of the stack file"
    return Shown("more-than-its-record", ControlId.AC2, True, about, outcome, seen, decisive=True)
