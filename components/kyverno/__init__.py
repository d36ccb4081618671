"""Kyverno, which turns admission policies into the API server's own and keeps them there."""

from components.kyverno.kyverno import Kyverno, KyvernoArgs

__all__ = ["Kyverno", "KyvernoArgs"]
