"""Namespaces and the Pod Security level that each enforces."""

from components.namespaces.namespaces import Namespaces, NamespacesArgs

__all__ = ["Namespaces", "NamespacesArgs"]
