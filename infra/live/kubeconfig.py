"""Whether the user's kubeconfig has the context that the stack names: asked before anything is registered.

The provider would tell as much, but once for each of the first resources, and only when it comes to them.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import yaml

from infra.faults import Fault

CONTEXT_KEY = "bulkhead:cluster.context"
FOLLOWS = "the cluster cannot be reached, so nothing can be deployed"
CONTEXTS_SHOWN = 8


def context_fault(context: str, environment: Mapping[str, str]) -> Fault | None:
    """What is wrong with the context of an existing cluster, if anything.

    Args:
        context: The context that the stack file names.
        environment: The process's environment; `KUBECONFIG` names files, else it is `~/.kube/config`, as for kubectl.
    """
    files = kubeconfig_files(environment)
    readable = [path for path in files if path.is_file()]
    if not readable:
        looked = ", ".join(str(path) for path in files)
        return Fault(CONTEXT_KEY, f"there is no kubeconfig: {looked}", FOLLOWS, "KUBECONFIG=PATH before the command")
    contexts = sorted({name for path in readable for name in _contexts(path)})
    if context in contexts:
        return None
    shown = ", ".join(contexts[:CONTEXTS_SHOWN]) + (", ..." if len(contexts) > CONTEXTS_SHOWN else "")
    return Fault(
        CONTEXT_KEY,
        f"the kubeconfig has no context {context}",
        FOLLOWS,
        f"one of its contexts: {shown}" if contexts else "a context, once the kubeconfig has one",
    )


def kubeconfig_files(environment: Mapping[str, str]) -> list[Path]:
    """The files that kubectl would read, in its order."""
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return named or [Path(environment.get("HOME", "~")).expanduser() / ".kube" / "config"]


def _contexts(path: Path) -> Iterator[str]:
    """The names of a file's contexts; none when it is no kubeconfig, of which the provider has more to say."""
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    entries: object = cast("dict[str, object]", document).get("contexts") if isinstance(document, dict) else None
    for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            yield str(cast("dict[str, object]", entry).get("name"))
