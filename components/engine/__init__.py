"""vLLM: one model's engines, their Service and their API key."""

from components.engine.engine import Engine, EngineArgs

__all__ = ["Engine", "EngineArgs"]
