"""What a tenant may ask of the gateway: one list for the keys, for the edge and for a route into the cluster.

LiteLLM counts hundreds of paths as inference, pass-through ones among them on which no hook runs. A key's own list is
matched by prefix (`/v1/responses` opens `/v1/responses/ID/cancel`), so what stands in front has to match exactly.
"""

from dataclasses import dataclass
from enum import StrEnum

MODEL_NAME = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""A model's name in a path, as a regular expression: names are DNS labels, without the colon that LiteLLM reads as a
method of another provider's API."""


class Method(StrEnum):
    """HTTP methods."""

    GET = "GET"
    POST = "POST"


@dataclass(frozen=True)
class TenantRoute:
    """One path and the only method it takes.

    Attributes:
        path: The exact path.
        names_model: Whether a model's name follows as one more segment, as in `/v1/models/NAME`.
    """

    method: Method
    path: str
    names_model: bool = False

    @property
    def expression(self) -> str:
        """The path as an anchored regular expression."""
        return f"^{self.path}/{MODEL_NAME}$" if self.names_model else f"^{self.path}$"


TENANT_ROUTES = (
    TenantRoute(Method.POST, "/v1/chat/completions"),
    TenantRoute(Method.POST, "/v1/completions"),
    TenantRoute(Method.POST, "/v1/embeddings"),
    TenantRoute(Method.GET, "/v1/models"),
    TenantRoute(Method.GET, "/v1/models", names_model=True),
    TenantRoute(Method.POST, "/v1/responses"),
)
"""OpenAI's inference API under its own base path, and no more. Left out on purpose: stored responses by id (engines
keep none), other vendors' dialects, which answer errors in shapes of their own, and paths without `/v1`, under which
LiteLLM serves a second API."""

TENANT_KEY_ROUTES = tuple(sorted({route.path for route in TENANT_ROUTES}))
"""The same list as LiteLLM's `allowed_routes` takes it: each path once, matched by prefix."""
