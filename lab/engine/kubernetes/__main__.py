"""The plugin's entry point: `python -m lab.engine.kubernetes ENGINE_ADDRESS`."""

from lab.engine.kubernetes.provider import KubernetesServicer
from lab.engine.plumbing import serve

serve(KubernetesServicer)
