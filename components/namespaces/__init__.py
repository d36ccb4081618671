"""Namespaces and the Pod Security level that each enforces."""

from components.namespaces.namespaces import Namespaces, NamespacesArgs, namespace_labels

__all__ = ["Namespaces", "NamespacesArgs", "namespace_labels"]
