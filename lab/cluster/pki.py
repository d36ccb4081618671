"""The cluster's certificates and kubeconfigs, made by the `openssl` command and kept in the state folder.

Two authorities: one for the cluster, one for the API server's front-proxy header, as Kubernetes'
documentation of PKI certificates asks ("PKI certificates and requirements"): without the second, Kueue's
visibility API never becomes available and every namespace hangs while it is deleted.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from lab.cluster.addresses import API_SERVER, CLUSTER_DOMAIN, CONTEXT, KUBERNETES_SERVICE, NODE_ADDRESS, NODE_NAME
from lab.cluster.commands import run, succeeds
from lab.errors import LabError

_DAYS = "365"
_SECONDS_LEFT_AT_LEAST = "86400"


@dataclass(frozen=True)
class _Certificate:
    """A certificate to issue: who it names, which authority signs it, and for which servers it stands."""

    name: str
    subject: str
    usage: str = "clientAuth"
    authority: str = "ca"
    alternatives: str = ""


_KUBERNETES_NAMES = ",".join(
    f"DNS:kubernetes{suffix}" for suffix in ("", ".default", ".default.svc", f".default.svc.{CLUSTER_DOMAIN}")
)
_NODE = f"IP:{NODE_ADDRESS.ip}"

_CERTIFICATES = (
    _Certificate(
        "apiserver",
        "/CN=kube-apiserver",
        "serverAuth",
        alternatives=f"{_NODE},IP:127.0.0.1,IP:{KUBERNETES_SERVICE},{_KUBERNETES_NAMES}",
    ),
    _Certificate("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    _Certificate("front-proxy-client", "/CN=front-proxy-client", authority="front-proxy-ca"),
    _Certificate("kubelet-server", f"/CN={NODE_NAME}", "serverAuth", alternatives=f"{_NODE},DNS:{NODE_NAME}"),
    _Certificate("admin", "/O=system:masters/CN=bulkhead-lab-admin"),
    _Certificate("kube-controller-manager", "/CN=system:kube-controller-manager"),
    _Certificate("kube-scheduler", "/CN=system:kube-scheduler"),
    _Certificate("kubelet", f"/O=system:nodes/CN=system:node:{NODE_NAME}"),
    _Certificate("kube-proxy", "/CN=system:kube-proxy"),
    _Certificate("kube-router", "/CN=bulkhead-lab:kube-router"),
    _Certificate("kwok", "/CN=bulkhead-lab:kwok"),
)

KUBECONFIGS = (
    "admin",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
    "kwok",
)
"""The clients that get a kubeconfig of their own, each with its own identity."""


def ensure_certificates(folder: Path) -> None:
    """Make whatever is missing of keys, certificates and kubeconfigs in `folder` (mode 0700).

    Raises:
        LabError: When a certificate of a long-running lab is about to expire.
    """
    _require_not_expired(folder / "ca.crt")
    for authority in ("ca", "front-proxy-ca"):
        _ensure_authority(folder, authority)
    _ensure_service_account_key(folder)
    for certificate in _CERTIFICATES:
        _ensure_certificate(folder, certificate)
    for client in KUBECONFIGS:
        write_private(folder / f"{client}.kubeconfig", kubeconfig(folder, client))


def kubeconfig(folder: Path, client: str) -> str:
    """Return a kubeconfig (JSON, which is YAML) with everything embedded, so that it can be copied."""

    def embedded(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {"server": API_SERVER, "certificate-authority-data": embedded("ca.crt")},
                }
            ],
            "users": [
                {
                    "name": client,
                    "user": {
                        "client-certificate-data": embedded(f"{client}.crt"),
                        "client-key-data": embedded(f"{client}.key"),
                    },
                }
            ],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": client}}],
            "current-context": CONTEXT,
        },
        indent=1,
    )


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone, whole or not at all, and only when its text is new."""
    if path.exists() and path.read_text(encoding="ascii") == text:
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="ascii")
    unfinished.replace(path)


def _ensure_service_account_key(folder: Path) -> None:
    # The API server derives no public key from an elliptic-curve key in PKCS #8, so it gets a file of its own.
    private, public = folder / "service-account.key", folder / "service-account.pub"
    if not private.exists():
        _write_key(private)
    if not public.exists():
        unfinished = public.with_suffix(".unfinished")
        run(["openssl", "pkey", "-in", private, "-pubout", "-out", unfinished], doing="Writing the key of tokens")
        unfinished.replace(public)


def _require_not_expired(oldest: Path) -> None:
    # The authority is the first certificate of a lab and lasts as long as the others.
    if not oldest.exists():
        return
    if not succeeds(["openssl", "x509", "-noout", "-in", oldest, "-checkend", _SECONDS_LEFT_AT_LEAST]):
        raise LabError(
            "The lab's certificates have expired or soon will. Run `bulkhead lab down` and then `bulkhead lab up`: "
            "every lab starts with fresh certificates."
        )


def _ensure_authority(folder: Path, name: str) -> None:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    if certificate.exists():
        return
    _write_key(key)
    unfinished = certificate.with_suffix(".unfinished")
    named = ["-subj", f"/CN=bulkhead-lab-{name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    run(
        ["openssl", "req", "-x509", "-new", "-key", key, "-out", unfinished, "-days", _DAYS, *named],
        doing=f"Making the certificate authority {name}",
    )
    unfinished.replace(certificate)


def _ensure_certificate(folder: Path, wanted: _Certificate) -> None:
    certificate, key = folder / f"{wanted.name}.crt", folder / f"{wanted.name}.key"
    if certificate.exists():
        return
    _write_key(key)
    extensions = [f"extendedKeyUsage={wanted.usage}", "basicConstraints=CA:FALSE"]
    if wanted.alternatives:
        extensions.append(f"subjectAltName={wanted.alternatives}")
    unfinished = certificate.with_suffix(".unfinished")
    authority = ["-CA", folder / f"{wanted.authority}.crt", "-CAkey", folder / f"{wanted.authority}.key"]
    command: list[str | Path] = ["openssl", "req", "-new", "-x509", "-key", key, "-out", unfinished, "-days", _DAYS]
    command += [*authority, "-subj", wanted.subject]
    for extension in extensions:
        command += ["-addext", extension]
    run(command, doing=f"Issuing the certificate {wanted.name}")
    unfinished.replace(certificate)


def _write_key(path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", unfinished]
    run(command, doing=f"Making the key {path.name}")
    unfinished.chmod(0o600)
    unfinished.replace(path)
