"""LiteLLM: the one door to the models."""

from components.gateway.gateway import Gateway, GatewayArgs

__all__ = ["Gateway", "GatewayArgs"]
