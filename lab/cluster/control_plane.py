"""The control plane's parts: etcd, the API server, the controller manager and the scheduler."""

from pathlib import Path

from lab.cluster.addresses import API_PORT, API_SERVER, CLUSTER_DOMAIN, NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK
from lab.cluster.parts import Part

_NODE = str(NODE_ADDRESS.ip)
_ETCD = "http://127.0.0.1:2379"


def control_plane(state: Path) -> list[Part]:
    """Return the control plane's parts in the order in which they start; `state` is the lab's state folder."""
    return [etcd(state), api_server(state), controller_manager(state), scheduler(state)]


def etcd(state: Path) -> Part:
    """Return etcd: no TLS, because it listens on the loopback of a namespace that only root can enter."""
    return Part(
        "etcd",
        (
            f"--data-dir={state / 'etcd'}",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            f"--listen-metrics-urls=http://{_NODE}:2381",
            # A lab's data may die with the machine, and a laptop's disk must not slow every write.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        health=f"http://{_NODE}:2381/readyz",
    )


def api_server(state: Path) -> Part:
    """Return the API server."""
    pki = state / "pki"
    return Part(
        "kube-apiserver",
        (
            f"--etcd-servers={_ETCD}",
            f"--bind-address={_NODE}",
            f"--advertise-address={_NODE}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
            f"--service-account-key-file={pki / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki / 'service-account.key'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # Without an authority for its front-proxy header, aggregated APIs (Kueue's visibility) stay unavailable
            # and every namespace hangs while it is deleted.
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            "--enable-aggregator-routing=true",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            # By default exec and logs would look the node's name up in a DNS that does not know it.
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
        ),
        health=f"{API_SERVER}/readyz",
    )


def controller_manager(state: Path) -> Part:
    """Return the controller manager."""
    pki = state / "pki"
    return Part(
        "kube-controller-manager",
        (
            f"--kubeconfig={pki / 'kube-controller-manager.kubeconfig'}",
            f"--bind-address={_NODE}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--service-account-private-key-file={pki / 'service-account.key'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            # The real node registers first and so gets the first /24, which is the one its CNI file names.
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={POD_NETWORK}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--profiling=false",
        ),
        health=f"https://{_NODE}:10257/healthz",
    )


def scheduler(state: Path) -> Part:
    """Return the scheduler."""
    return Part(
        "kube-scheduler",
        (
            f"--kubeconfig={state / 'pki' / 'kube-scheduler.kubeconfig'}",
            f"--bind-address={_NODE}",
            "--leader-elect=false",
            "--profiling=false",
        ),
        health=f"https://{_NODE}:10259/healthz",
    )
