"""The node's parts: containerd, the kubelet, kube-proxy, the policy firewall, and the simulated nodes' keeper."""

import json
from pathlib import Path

from lab.cluster.addresses import (
    CGROUP,
    CLUSTER_DOMAIN,
    DNS_SERVICE,
    NETWORK_NAMESPACE,
    NODE_ADDRESS,
    NODE_NAME,
    NODE_POD_NETWORK,
    PAUSE_IMAGE,
    POD_NETWORK,
    RUNTIME_DIRECTORY,
    SERVICE_NETWORK,
)
from lab.cluster.parts import Part

_NODE = str(NODE_ADDRESS.ip)
_CNI_PLUGINS = "/usr/lib/cni"


def containerd_socket(state: Path) -> Path:
    """Return the socket on which the lab's containerd listens."""
    return state / "containerd" / "containerd.sock"


def containerd_root(state: Path) -> Path:
    """Return where the lab's containerd keeps images and what it makes of them."""
    return state / "containerd" / "root"


def containerd(state: Path) -> Part:
    """Return the container runtime, with everything it writes below `state` or `RUNTIME_DIRECTORY`."""
    home = state / "containerd"
    configuration = home / "config.toml"
    return Part(
        "containerd",
        (f"--config={configuration}",),
        health=str(containerd_socket(state)),
        files={
            configuration: _containerd_configuration(home),
            home / "cni" / "10-bulkhead-lab.conflist": _pod_network(home),
        },
    )


def _containerd_configuration(home: Path) -> str:
    # restrict_oom_score_adj: a container or small virtual machine often lacks CAP_SYS_RESOURCE.
    # NRI is off because it listens on a machine-wide socket, and the opt folder is moved out of /opt.
    return f"""\
version = 3
root = "{containerd_root(home.parent)}"
state = "{home / "run"}"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "{containerd_socket(home.parent)}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{home / "opt"}"

[plugins."io.containerd.shim.v1.manager"]
  socket_dir = "{RUNTIME_DIRECTORY / "shims"}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  enable_selinux = false
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{_CNI_PLUGINS}"]
    conf_dir = "{home / "cni"}"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        Root = "{home / "runc"}"
        SystemdCgroup = false
"""


def _pod_network(home: Path) -> str:
    """Return the CNI list.

    `ptp` and not `bridge`: without br_netfilter, which not every kernel has, packets between two pods on one
    bridge would never meet the firewall.
    """
    return json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": NETWORK_NAMESPACE,
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(home / "pod-addresses"),
                        "ranges": [[{"subnet": str(NODE_POD_NETWORK)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        },
        indent=1,
    )


def kubelet(state: Path) -> Part:
    """Return the node's agent."""
    home = state / "kubelet"
    configuration, resolver = home / "config.json", home / "resolv.conf"
    return Part(
        "kubelet",
        (
            f"--config={configuration}",
            f"--kubeconfig={state / 'pki' / 'kubelet.kubeconfig'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={_NODE}",
            f"--root-dir={home / 'root'}",
            f"--cert-dir={home / 'certificates'}",
        ),
        health=f"http://{_NODE}:10248/healthz",
        files={
            configuration: json.dumps(_kubelet_configuration(state, resolver), indent=1),
            # Nothing outside the cluster can be reached, so a name server here would only make look-ups hang.
            resolver: "# no name server: the lab's pods reach nothing outside their cluster\n",
        },
    )


def _kubelet_configuration(state: Path, resolver: Path) -> dict[str, object]:
    pki = state / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "address": _NODE,
        "healthzBindAddress": _NODE,
        "containerRuntimeEndpoint": f"unix://{containerd_socket(state)}",
        "clusterDNS": [str(DNS_SERVICE)],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(resolver),
        "podLogsDir": str(state / "pod-logs"),
        "volumePluginDir": str(state / "kubelet" / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        # Enforcing a limit on all pods together would need a system's own slice to subtract.
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Images cannot be pulled again, so they are never collected.
        "imageGCHighThresholdPercent": 100,
        "oomScoreAdj": 0,
        "nodeStatusUpdateFrequency": "10s",
        "shutdownGracePeriod": "0s",
    }


def kube_proxy(state: Path) -> Part:
    """Return the program that makes Services reachable."""
    configuration = state / "kube-proxy" / "config.json"
    return Part(
        "kube-proxy",
        (f"--config={configuration}",),
        health=f"http://{_NODE}:10256/healthz",
        files={
            configuration: json.dumps(
                {
                    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                    "kind": "KubeProxyConfiguration",
                    "mode": "nftables",
                    "clusterCIDR": str(POD_NETWORK),
                    "hostnameOverride": NODE_NAME,
                    "clientConnection": {"kubeconfig": str(state / "pki" / "kube-proxy.kubeconfig")},
                    # Zero leaves the kernel's own limits alone: they are the host's, not the namespace's.
                    "conntrack": {"maxPerCore": 0},
                    "healthzBindAddress": f"{_NODE}:10256",
                    "metricsBindAddress": "127.0.0.1:10249",
                },
                indent=1,
            )
        },
    )


def kube_router(state: Path) -> Part:
    """Return the firewall that enforces NetworkPolicy; it routes nothing and serves no Service."""
    return Part(
        "kube-router",
        (
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            f"--kubeconfig={state / 'pki' / 'kube-router.kubeconfig'}",
            f"--hostname-override={NODE_NAME}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--metrics-port=0",
            "--health-port=20244",
        ),
        health=f"http://{_NODE}:20244/healthz",
    )


def kwok(state: Path, stages: Path) -> Part:
    """Return the keeper of the simulated GPU nodes; `stages` is the folder of kwok's own stage files."""
    configuration = state / "kwok" / "config.json"
    return Part(
        "kwok",
        (
            f"--config={configuration}",
            *(f"--config={stage}" for stage in sorted(stages.glob("*.yaml"))),
            f"--kubeconfig={state / 'pki' / 'kwok.kubeconfig'}",
            f"--server-address={_NODE}:10247",
        ),
        health=f"http://{_NODE}:10247/healthz",
        files={
            configuration: json.dumps(
                {
                    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
                    "kind": "KwokConfiguration",
                    "options": {
                        "manageAllNodes": False,
                        "manageNodesWithAnnotationSelector": "kwok.x-k8s.io/node=fake",
                        "nodeLeaseDurationSeconds": 0,
                        # kwok exits when a parallelism is unset.
                        "nodeLeaseParallelism": 4,
                        "nodePlayStageParallelism": 4,
                        "podPlayStageParallelism": 4,
                    },
                },
                indent=1,
            )
        },
    )
