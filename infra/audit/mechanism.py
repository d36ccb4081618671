"""Which part of a cluster refused a request, read from the API server's answer.

A refusal proves a control only when the control's own mechanism gave it: a missing role or a misspelt field refuses an
attack as well, and says nothing about what would happen without them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mechanism(StrEnum):
    """What can refuse a request."""

    POLICY = "policy"
    """An admission policy: a ValidatingAdmissionPolicy, or a webhook of Kyverno's."""
    WEBHOOK = "webhook"
    """Any other admission webhook, as Kueue's."""
    POD_SECURITY = "pod_security"
    """The Pod Security level of the namespace."""
    QUOTA = "quota"
    """A ResourceQuota."""
    UNCOUNTED = "uncounted"
    """A ResourceQuota that has not counted the kind yet: a kind that is new to the cluster is counted when the quota
    changes, or within five minutes (kube-controller-manager, `--resource-quota-sync-period`)."""
    LIMITS = "limits"
    """A LimitRange."""
    ROLE = "role"
    """RBAC: no role grants the verb, or it would grant more than the requester has."""
    CORE = "core"
    """The API server's own rules for the kind."""
    ABSENT = "absent"
    """The kind, or what the request names, does not exist in this cluster."""
    OUTAGE = "outage"
    """A webhook that has to answer did not: nothing of its kind passes, good or bad."""
    BUSY = "busy"
    """The API server had no room for it, or no time: what it would have said otherwise is not known."""
    IMPERSONATION = "impersonation"
    """Whoever audits may not ask as somebody else: the request itself was never looked at."""
    UNCLEAR = "unclear"
    """None of these can be told from the answer."""


@dataclass(frozen=True)
class Refusal:
    """One refusal.

    Attributes:
        mechanism: What refused.
        message: The API server's words.
    """

    mechanism: Mechanism
    message: str


_BUSY = frozenset({429, 500, 502, 503, 504})
"""Throttled, a failure inside, no answer from behind, not available, and timed out (Kubernetes' API conventions)."""

_PATTERNS: tuple[tuple[Mechanism, re.Pattern[str]], ...] = (
    (Mechanism.POLICY, re.compile(r"ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request")),
    (Mechanism.POLICY, re.compile(r'admission webhook "[^"]*kyverno[^"]*" denied the request')),
    (Mechanism.WEBHOOK, re.compile(r'admission webhook "[^"]*" denied the request')),
    (Mechanism.POD_SECURITY, re.compile(r"violates PodSecurity ")),
    (Mechanism.QUOTA, re.compile(r"exceeded quota: |failed quota: |insufficient quota to match these scopes")),
    (Mechanism.UNCOUNTED, re.compile(r"status unknown for quota: ")),
    (Mechanism.LIMITS, re.compile(r"(maximum|minimum) \S+ usage per (Container|Pod|PersistentVolumeClaim)")),
    (Mechanism.IMPERSONATION, re.compile(r"is forbidden: User \"[^\"]*\" cannot impersonate resource ")),
    (Mechanism.ROLE, re.compile(r"is forbidden: User \"[^\"]*\" cannot \S+ resource ")),
    (Mechanism.ROLE, re.compile(r"is attempting to grant RBAC permissions not currently held")),
    (Mechanism.OUTAGE, re.compile(r"failed calling webhook")),
    (Mechanism.ABSENT, re.compile(r'RuntimeClass "[^"]*" not found|no PriorityClass with name')),
)
"""In the order in which they are tried; the words are those of Kubernetes 1.30 to 1.36 and Kyverno 1.19."""


def refusal_of(status: int, document: Mapping[str, Any]) -> Refusal:
    """Who refused, from an answer of HTTP status 400 or above and its `Status` document.

    A status of 404 is `ABSENT`; 400 and 422 without a known message are the API server's own checks, and of a server
    that is `BUSY` nothing is known.
    """
    message = str(document.get("message", "")) or f"HTTP {status}"
    for mechanism, pattern in _PATTERNS:
        if pattern.search(message):
            return Refusal(mechanism, message)
    if status == 404:
        return Refusal(Mechanism.ABSENT, message)
    if status in _BUSY:
        return Refusal(Mechanism.BUSY, message)
    if status in {400, 409, 422} or "is forbidden" in message:
        return Refusal(Mechanism.CORE, message)
    return Refusal(Mechanism.UNCLEAR, message)
