"""Tenants' accounts at the gateway: a team, a budget and one virtual key each."""

from components.tenants.accounts import TenantAccounts, TenantAccountsArgs

__all__ = ["TenantAccounts", "TenantAccountsArgs"]
