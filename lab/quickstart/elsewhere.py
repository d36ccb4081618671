"""The local stack on a cluster that the user already has: the same file, less what only the lab can give."""

from pathlib import Path
from typing import Any

import yaml

from lab.paths import private_directory, pulumi_directory

SMALL_HUB_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Small enough for a CPU; the lab's own model exists in the lab's image only."""


def stack_file_for(project: Path, stack: str, kube_context: str) -> Path:
    """Write the stack file for another context beside the engine's state, and return it.

    The committed file stays as it is: which context somebody tried is nobody else's concern.
    """
    document = yaml.safe_load((project / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    adapted = adapt(document, kube_context)
    target = private_directory(pulumi_directory()) / f"Pulumi.{stack}.{kube_context.replace('/', '_')}.yaml"
    target.write_text(yaml.safe_dump(adapted, sort_keys=False), encoding="utf-8")
    return target


def adapt(document: dict[str, Any], kube_context: str) -> dict[str, Any]:
    """The stack file's document with another context, the charts' own registries, and a model from the hub."""
    config = dict(document["config"])
    config["bulkhead:cluster"] = {**config["bulkhead:cluster"], "context": kube_context}
    config.pop("bulkhead:sources", None)
    config["bulkhead:models"] = [_from_hub(model) for model in config["bulkhead:models"]]
    return {**document, "config": config}


def _from_hub(model: dict[str, Any]) -> dict[str, Any]:
    if not str(model["source"]).startswith("/"):
        return model
    return {**model, "source": SMALL_HUB_MODEL, "weights_gibibytes": 2}
