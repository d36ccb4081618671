"""Where LiteLLM calls the engines. Pure."""

from infra.blueprint.model import GatewayModelPart, GatewayPart

LINK_PORT = 4200
"""Of the way by mutual TLS, on the loopback address of the gateway's pod alone."""


def engine_address(part: GatewayPart, model: GatewayModelPart) -> str:
    """The address of a model's engines, up to `/v1`: that of the link where requests are encrypted, else their own.

    Engines without a door are called in clear text all the same: what is picked for them is carried by a data plane.
    """
    if not part.encrypts or model.door is None:
        return model.base_url
    return f"http://127.0.0.1:{LINK_PORT}{link_prefix(model)}/v1"


def link_prefix(model: GatewayModelPart) -> str:
    """What the paths begin with that lead to a model's engines."""
    return f"/engines/{model.engine}"
