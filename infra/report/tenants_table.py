"""Tenants' accounts and usage as tables that a person reads at a glance."""

import datetime
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from infra.live.model import Account, KeyState, Standing, Usage
from infra.report.tables import plain_console, plain_list, plain_table, print_table
from infra.report.text import printable

NOTHING = "-"
_KEY_STYLES = {KeyState.WORKS: "green", KeyState.BLOCKED: "yellow", KeyState.MISSING: "bold red"}
_DRIFT_STYLE = "yellow"
_MODELS_SHOWN = 3


def print_accounts(accounts: Sequence[Account], stream: TextIO) -> None:
    """One row for each tenant; whatever is not as it should be is told below the table."""
    console = _console(stream)
    table = plain_table(console)
    for name, right in (
        ("Tenant", False),
        ("Models", False),
        ("Budget", True),
        ("Spent", True),
        ("Left", True),
        ("Resets (UTC)", False),
        ("Requests/min", True),
        ("Tokens/min", True),
        ("Key", False),
        ("State", False),
        ("Drift", False),
    ):
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "Models", overflow="fold")
    for account in accounts:
        table.add_row(
            Text(printable(account.name), style="bold"),
            printable(_models(account)),
            _budget(account),
            _usd(account.spent_usd),
            _usd(account.left_usd),
            _moment(account.resets_at),
            _whole(account.requests_per_minute),
            _whole(account.tokens_per_minute),
            Text(str(account.key), style=_KEY_STYLES[account.key]),
            str(account.standing),
            Text("yes" if account.drift else "no", style=_DRIFT_STYLE if account.drift else ""),
        )
    print_table(console, table)
    remarks = [f"{account.name}: {remark}" for account in accounts for remark in _remarks(account)]
    if remarks:
        console.print()
    for remark in remarks:
        console.print(Text(printable(remark), style=_DRIFT_STYLE))


def print_account(account: Account, stream: TextIO) -> None:
    """Everything about one tenant."""
    console = _console(stream)
    table = plain_list()
    for name, value in (
        ("tenant", account.name),
        ("state", str(account.standing)),
        ("key", f"{account.key} (bulkhead tenants key {account.name} prints it)"),
        ("models", ", ".join(account.models) or NOTHING),
        ("routes", ", ".join(account.routes) or NOTHING),
        ("metadata", ", ".join(f"{name}: {value}" for name, value in account.metadata.items()) or NOTHING),
        ("budget", _budget(account)),
        ("spent", _usd(account.spent_usd)),
        ("left", _usd(account.left_usd)),
        ("resets (UTC)", _moment(account.resets_at)),
        ("requests per minute", _whole(account.requests_per_minute)),
        ("tokens per minute", _whole(account.tokens_per_minute)),
    ):
        table.add_row(name, printable(value))
    print_table(console, table)
    for remark in _remarks(account):
        console.print(Text(printable(remark), style=_DRIFT_STYLE))


def print_usage(rows: Sequence[Usage], stream: TextIO) -> None:
    """One row for each tenant, day and model, and the sum."""
    console = _console(stream)
    if not rows:
        console.print("No spend was recorded in these days.")
        return
    table = plain_table(console)
    for name in ("Tenant", "Day (UTC)", "Model"):
        table.add_column(name, overflow="fold")
    for name in ("Requests", "Failed", "Prompt tokens", "Generated tokens", "Spent"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            printable(row.tenant),
            row.day.isoformat(),
            printable(row.model),
            f"{row.requests:,}",
            f"{row.failed_requests:,}",
            f"{row.prompt_tokens:,}",
            f"{row.completion_tokens:,}",
            _usd(row.spent_usd),
        )
    print_table(console, table)
    console.print()
    console.print(Text(f"Together: {_usd(sum(row.spent_usd for row in rows))} US dollars.", style="bold"))


def _remarks(account: Account) -> Iterator[str]:
    for drift in account.drift:
        yield f"drift: {drift}; the reconciler puts it back within a minute"
    for pending in account.pending:
        yield f"not deployed yet: {pending}; pulumi up makes it so"
    if account.strange_keys:
        yield f"its team has {account.strange_keys} key(s) that were made by hand and spend its budget"
    if account.standing is Standing.TO_BE_REMOVED:
        yield "it is no longer in the stack file; pulumi up blocks its key"
    if account.standing is Standing.NOT_DEPLOYED:
        yield "it has no account yet; pulumi up makes one"


def _console(stream: TextIO) -> Console:
    return plain_console(stream, width=None if stream.isatty() else 200)


def _models(account: Account) -> str:
    shown = ", ".join(account.models[:_MODELS_SHOWN])
    more = len(account.models) - _MODELS_SHOWN
    return f"{shown} +{more}" if more > 0 else shown or NOTHING


def _budget(account: Account) -> str:
    if account.budget_usd is None:
        return "none"
    return f"{account.budget_usd:,.2f}" + (f"/{account.budget_period}" if account.budget_period else "")


def _usd(value: float | None) -> str:
    """A cent is the least that a budget is judged by; a tenant's first calls cost much less and must not look free."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}" if value == 0 or value >= 1 else f"{value:.6f}"


def _moment(value: datetime.datetime | None) -> str:
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M") if value else NOTHING


def _whole(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"
