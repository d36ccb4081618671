"""Whose a request is, said to what shares engines out behind the gateway. Pure.

llm-d's endpoint picker tells flows apart by a header, and urgency by another one (llm-d-router's `pkg/epp/metadata`).
A caller's never come this far: the edge passes headers by name, and these are not among them.
"""

from collections.abc import MutableMapping
from typing import Any, cast
from urllib.parse import quote

FAIRNESS_HEADER = "x-llm-d-inference-fairness-id"
PREFIXES = ("x-llm-d-inference-", "x-gateway-inference-")
"""How every header begins by which whose a request is, or how urgent, can be said: today's names and the older ones."""
NOBODY = "platform"
"""Stands for requests of no tenant, as the master key's; no team of a tenant's is called so."""
EXTRA_HEADERS = "extra_headers"
"""What LiteLLM sends beside its own headers; it does on every kind of call (seen on LiteLLM 1.106.2)."""


def name_tenant(request: MutableMapping[str, Any], tenant: str | None) -> None:
    """Have `request` say that it is `tenant`'s, whatever it said before, and nothing of how urgent it is."""
    before = cast("dict[str, Any]", request.get(EXTRA_HEADERS) or {})
    kept = {name: value for name, value in before.items() if not name.lower().startswith(PREFIXES)}
    # A team that somebody made by hand may be called anything, and a header holds few characters.
    request[EXTRA_HEADERS] = {**kept, FAIRNESS_HEADER: quote(tenant or NOBODY, safe="")}
