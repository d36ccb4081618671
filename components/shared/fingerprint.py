"""Short names for contents, so that a change of what a pod reads also changes the pod."""

import hashlib
import hmac
import json
from typing import Any

LENGTH = 10
"""Hexadecimal digits: 40 bits tell apart every version that one object will ever have."""


def fingerprint(*contents: Any) -> str:
    """A digest of plain data, the same for equal data whatever order its mappings have."""
    text = json.dumps(contents, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def secret_fingerprint(key: str, *secrets: str) -> str:
    """A digest of secrets that may be shown: without `key`, a long random secret, no guess can be tried against it."""
    message = json.dumps(secrets).encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:LENGTH]
