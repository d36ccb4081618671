"""The headers by which a picker is told whose a request is and how urgent (llm-d-router's `pkg/epp/metadata`)."""

FAIRNESS_HEADERS = ("x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id")
"""The one in use first, which the gateway sets, then its older name, which is still read."""
OBJECTIVE_HEADERS = ("x-llm-d-inference-objective", "x-gateway-inference-objective")
"""The same."""
