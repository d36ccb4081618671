"""Who to talk to and as whom: a kubeconfig's context, resolved to an address and credentials."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from lab.errors import LabError

EXEC_TIMEOUT_SECONDS = 60


class KubeconfigError(LabError):
    """The kubeconfig cannot be used; the text says why and never quotes its content."""


@dataclass(frozen=True, repr=False)
class Access:
    """One cluster, reached as one user.

    Attributes:
        server: The API server's address without a trailing slash.
        certificate_authority: PEM text that the server's certificate is checked against, or None for the system's.
        verify: Whether the server's certificate is checked at all.
        client_certificate: PEM text of certificate and key, or None.
        token: A bearer token, or None.
        namespace: The context's default namespace, or None.
        context: The context's name, for messages.
    """

    server: str
    certificate_authority: str | None
    verify: bool
    client_certificate: str | None
    token: str | None
    namespace: str | None
    context: str


def kubeconfig_text(configured: Any) -> str:
    """Return a kubeconfig's text from the provider's `kubeconfig` input: content, a path, or None for the default.

    The default is the first file that `$KUBECONFIG` names, else `~/.kube/config`, as for kubectl.
    Raises KubeconfigError when the file cannot be read.
    """
    if isinstance(configured, dict):
        return json.dumps(configured)
    if isinstance(configured, str) and ("\n" in configured or configured.lstrip().startswith("{")):
        return configured
    named = configured or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
    path = Path(str(named)).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KubeconfigError(f"the kubeconfig {path} cannot be read: {reason}") from None


def resolve(text: str, context: str | None = None) -> Access:
    """Return the access that a kubeconfig gives under `context` (default: its current one).

    Raises KubeconfigError naming what is missing: a context, its cluster or its user.
    """
    config = _parse(text)
    wanted = context or cast("str | None", config.get("current-context"))
    if not wanted:
        raise KubeconfigError("the kubeconfig has no current-context; name a context")
    chosen = _named(config, "contexts", "context", wanted)
    cluster = _named(config, "clusters", "cluster", str(chosen.get("cluster")))
    user = _named(config, "users", "user", str(chosen.get("user")))
    certificate, key = _blob(user, "client-certificate"), _blob(user, "client-key")
    token = user.get("token")
    if token_file := user.get("tokenFile"):
        token = Path(token_file).read_text(encoding="utf-8").strip()
    if plugin := user.get("exec"):
        token, certificate, key = _run_credential_plugin(plugin)
    return Access(
        server=str(cluster.get("server", "")).rstrip("/"),
        certificate_authority=_blob(cluster, "certificate-authority"),
        verify=not cluster.get("insecure-skip-tls-verify"),
        client_certificate=f"{certificate}\n{key}" if certificate and key else None,
        token=token,
        namespace=chosen.get("namespace"),
        context=wanted,
    )


def _parse(text: str) -> Mapping[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise KubeconfigError(f"the kubeconfig is not valid YAML{place}") from None
    if not isinstance(config, dict):
        raise KubeconfigError("the kubeconfig is not a mapping")
    return cast("Mapping[str, Any]", config)


def _named(config: Mapping[str, Any], section: str, key: str, name: str) -> Mapping[str, Any]:
    entries = cast("list[Mapping[str, Any]]", config.get(section) or [])
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(key) or {}
    known = ", ".join(sorted(str(entry.get("name")) for entry in entries)) or "none"
    write = "; set bulkhead:cluster.context to one of them" if key == "context" else ""
    raise KubeconfigError(f'the kubeconfig has no {key} "{name}"; it has: {known}{write}')


def _blob(entry: Mapping[str, Any], key: str) -> str | None:
    try:
        if inline := entry.get(f"{key}-data"):
            return base64.b64decode(inline).decode()
        if named := entry.get(key):
            return Path(named).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"the kubeconfig's {key} cannot be read: {type(error).__name__}") from None
    return None


def _run_credential_plugin(plugin: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Run a client-go credential plugin: token, certificate and key, as `kubectl` would get them."""
    words = cast("list[Any]", plugin.get("args") or [])
    command = [str(plugin["command"]), *(str(word) for word in words)]
    given = cast("list[Mapping[str, str]]", plugin.get("env") or [])
    request = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {
        **os.environ,
        **{pair["name"]: pair["value"] for pair in given},
        "KUBERNETES_EXEC_INFO": json.dumps(request),
    }
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=EXEC_TIMEOUT_SECONDS, check=True)
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise KubeconfigError(
            f"the kubeconfig's credential plugin {command[0]} failed: {type(error).__name__}"
        ) from None
    return status.get("token"), status.get("clientCertificateData"), status.get("clientKeyData")
