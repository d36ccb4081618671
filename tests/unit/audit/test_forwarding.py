"""Requests to a pod's port."""

import secrets

from infra.audit.forwarding import Sent, with_key


def test_no_key_is_shown_with_a_request() -> None:
    key, made = secrets.token_urlsafe(), secrets.token_urlsafe()

    shown = repr(Sent("POST", "/key/generate", {"key": made}, with_key(key)))

    assert "/key/generate" in shown
    assert key not in shown
    assert made not in shown
