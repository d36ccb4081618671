"""Tenants' accounts and usage as JSON, for programs."""

import json
from collections.abc import Iterable
from typing import TypedDict

from infra.live.model import Account, Usage


class AccountDocument(TypedDict):
    """One tenant's account; see `Account` for what each field means. Times are ISO 8601 with their zone."""

    name: str
    standing: str
    key: str
    models: list[str]
    routes: list[str]
    metadata: dict[str, str]
    budget_usd: float | None
    budget_period: str | None
    spent_usd: float
    left_usd: float | None
    resets_at: str | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    drift: list[str]
    pending: list[str]
    strange_keys: int


class UsageDocument(TypedDict):
    """What one tenant spent on one model in one day; see `Usage`."""

    tenant: str
    day: str
    model: str
    requests: int
    failed_requests: int
    prompt_tokens: int
    completion_tokens: int
    spent_usd: float


def account_document(account: Account) -> AccountDocument:
    """`account` as plain lists, dictionaries, strings and numbers."""
    return {
        "name": account.name,
        "standing": str(account.standing),
        "key": str(account.key),
        "models": list(account.models),
        "routes": list(account.routes),
        "metadata": dict(account.metadata),
        "budget_usd": account.budget_usd,
        "budget_period": account.budget_period,
        "spent_usd": account.spent_usd,
        "left_usd": account.left_usd,
        "resets_at": account.resets_at.isoformat() if account.resets_at else None,
        "requests_per_minute": account.requests_per_minute,
        "tokens_per_minute": account.tokens_per_minute,
        "drift": list(account.drift),
        "pending": list(account.pending),
        "strange_keys": account.strange_keys,
    }


def accounts_json(accounts: Iterable[Account]) -> str:
    """`{"tenants": [...]}` in ASCII; no final line break."""
    return json.dumps({"tenants": [account_document(account) for account in accounts]}, indent=2)


def account_json(account: Account) -> str:
    """One account in ASCII; no final line break."""
    return json.dumps(account_document(account), indent=2)


def key_json(tenant: str, key: str) -> str:
    """A tenant's key, which is a secret; no final line break."""
    return json.dumps({"name": tenant, "key": key}, indent=2)


def usage_json(rows: Iterable[Usage]) -> str:
    """`{"usage": [...]}` in ASCII; no final line break."""
    return json.dumps({"usage": [_usage_document(row) for row in rows]}, indent=2)


def _usage_document(row: Usage) -> UsageDocument:
    return {
        "tenant": row.tenant,
        "day": row.day.isoformat(),
        "model": row.model,
        "requests": row.requests,
        "failed_requests": row.failed_requests,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "spent_usd": row.spent_usd,
    }
