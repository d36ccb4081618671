"""Every binary that the lab builds: from which pinned module, with which flags, and what it is for.

The versions stand in `lab/modules/<family>/go.mod` and nowhere else. `{version}` in a flag is the version
that the family's go.mod requires of `versioned_by`, `{plain}` the same without its `v`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MODULES = Path(__file__).parent.parent / "modules"


class Family(StrEnum):
    """A folder under `lab/modules/`: one go.mod, so one consistent set of dependencies."""

    ACTIONLINT = "actionlint"
    CONTAINERD = "containerd"
    COREDNS = "coredns"
    ETCD = "etcd"
    HELM = "helm"
    KUBERNETES = "kubernetes"
    KUBE_ROUTER = "kube_router"
    KUEUE = "kueue"
    KYVERNO = "kyverno"
    KWOK = "kwok"
    PODS = "pods"
    PULUMI = "pulumi"

    @property
    def folder(self) -> Path:
        """The folder that holds the family's go.mod."""
        return MODULES / self.value


@dataclass(frozen=True)
class Binary:
    """One program.

    Attributes:
        name: Its file name in the cache's `bin` folder.
        family: The module file that pins it.
        package: The import path to build, or `.` for the family's own main package.
        why: What the lab needs it for.
        versioned_by: The module whose pinned version replaces `{version}` in `variables`.
        variables: Linker settings (`-X`), by variable.
        disk_gib: Disk that a first build takes with Go's caches, in GiB, rounded up from measurements.
        tags: Build tags.
    """

    name: str
    family: Family
    package: str
    why: str
    versioned_by: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    disk_gib: float = 0.4
    tags: tuple[str, ...] = ()


def _kubernetes(name: str, why: str, disk_gib: float = 0.4) -> Binary:
    # Kueue reads the API server's version and exits when it is the placeholder of an unstamped build.
    version = "k8s.io/component-base/version"
    return Binary(
        name,
        Family.KUBERNETES,
        f"k8s.io/kubernetes/cmd/{name}",
        why,
        versioned_by="k8s.io/kubernetes",
        variables=(
            (f"{version}.gitVersion", "{version}"),
            (f"{version}.gitMajor", "{major}"),
            (f"{version}.gitMinor", "{minor}"),
        ),
        disk_gib=disk_gib,
    )


def _kyverno(name: str, command: str, why: str, disk_gib: float = 0.4) -> Binary:
    return Binary(
        name,
        Family.KYVERNO,
        f"github.com/kyverno/kyverno/cmd/{command}",
        why,
        versioned_by="github.com/kyverno/kyverno",
        variables=(("github.com/kyverno/kyverno/pkg/version.BuildVersion", "{version}"),),
        disk_gib=disk_gib,
    )


def _containerd(name: str, why: str, disk_gib: float = 0.4) -> Binary:
    return Binary(
        name,
        Family.CONTAINERD,
        f"github.com/containerd/containerd/v2/cmd/{name}",
        why,
        versioned_by="github.com/containerd/containerd/v2",
        variables=(("github.com/containerd/containerd/v2/version.Version", "{plain}"),),
        disk_gib=disk_gib,
    )


_ALL = (
    Binary(
        "pulumi",
        Family.PULUMI,
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "the deployment engine and its command line",
        versioned_by="github.com/pulumi/pulumi/pkg/v3",
        # An unstamped engine calls itself 0.0.0 and refuses projects that ask for a version.
        variables=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", "{version}"),),
        disk_gib=4.0,
    ),
    Binary("etcd", Family.ETCD, ".", "the cluster's store"),
    _kubernetes("kube-apiserver", "the Kubernetes API", disk_gib=2.5),
    _kubernetes("kubectl", "the Kubernetes command line"),
    _kubernetes("kube-controller-manager", "deployments, jobs, service accounts, volumes"),
    _kubernetes("kube-scheduler", "places pods on nodes"),
    _containerd("containerd", "runs the pods' containers", disk_gib=1.2),
    _containerd("containerd-shim-runc-v2", "holds one pod each, so that containerd can restart"),
    _containerd("ctr", "imports images into containerd"),
    _kubernetes("kubelet", "the node's agent"),
    _kubernetes("kube-proxy", "makes Services reachable"),
    Binary("pause", Family.PODS, "./pause", "holds each pod's namespaces"),
    Binary("probe", Family.PODS, "./probe", "both ends of a network test between pods"),
    Binary("coredns", Family.COREDNS, ".", "the cluster's DNS", disk_gib=1.0),
    Binary("kwok", Family.KWOK, "sigs.k8s.io/kwok/cmd/kwok", "simulated GPU nodes", disk_gib=1.0),
    Binary(
        "kueue",
        Family.KUEUE,
        "sigs.k8s.io/kueue/cmd/kueue",
        "the Kueue controller that the chart runs",
        versioned_by="sigs.k8s.io/kueue",
        variables=(("sigs.k8s.io/kueue/pkg/version.GitVersion", "{version}"),),
        disk_gib=2.0,
    ),
    Binary(
        "kube-router",
        Family.KUBE_ROUTER,
        "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        "enforces NetworkPolicy",
        disk_gib=1.5,
    ),
    Binary("helm", Family.HELM, "helm.sh/helm/v3/cmd/helm", "renders charts", disk_gib=1.5),
    _kyverno("kyverno", "kyverno", "keeps the admission policies", disk_gib=4.0),
    _kyverno("kyverno-init", "kyverno-init", "prepares Kyverno's first start"),
    _kyverno("kyverno-cli", "cli/kubectl-kyverno", "evaluates admission policies without a cluster"),
    Binary("actionlint", Family.ACTIONLINT, "github.com/rhysd/actionlint/cmd/actionlint", "reads the workflow files"),
)

BINARIES: dict[str, Binary] = {binary.name: binary for binary in _ALL}
"""Every binary by name, in the order in which a first build is best done."""

JUDGES = ("kyverno-cli", "actionlint")
"""What the tests judge by, on this machine, and nothing that is deployed needs."""
TOOLS = frozenset({"pulumi", "helm", *JUDGES})
"""What runs on this machine beside the cluster, and is asked for by those who use it."""

CLUSTER_BINARIES: tuple[str, ...] = tuple(name for name in BINARIES if name not in TOOLS)
"""What `bulkhead lab up` needs."""


@dataclass(frozen=True)
class Subchart:
    """A chart that another one depends on and does not carry.

    Attributes:
        name: Its name in the other's Chart.yaml.
        module: The module, pinned by the same family, that holds it; None for one that is switched off and only has to
            be there, which is then left empty.
        source: Its folder in the module.
    """

    name: str
    module: str | None = None
    source: str = ""


@dataclass(frozen=True)
class Assets:
    """Files that a module ships beside its code and the lab uses as they are.

    Attributes:
        name: The folder's name in the cache.
        family: The module file that pins the module.
        module: The module that holds them.
        sources: Folders or files inside the module, copied into one folder.
        why: What the lab needs them for.
        subcharts: What a chart depends on and does not carry.
    """

    name: str
    family: Family
    module: str
    sources: tuple[str, ...]
    why: str
    subcharts: tuple[Subchart, ...] = ()


CHARTS: tuple[Assets, ...] = (
    Assets("kueue", Family.KUEUE, "sigs.k8s.io/kueue", ("charts/kueue",), "Kueue's own Helm chart"),
    Assets(
        "kyverno",
        Family.KYVERNO,
        "github.com/kyverno/kyverno",
        ("charts/kyverno",),
        "Kyverno's own Helm chart",
        # Helm wants every dependency of Chart.yaml in place, also those that the values switch off.
        (
            Subchart("kyverno-api", "github.com/kyverno/api", "charts/kyverno-api"),
            Subchart("openreports"),
            Subchart("reports-server"),
        ),
    ),
)

SIMULATED_NODE_STAGES = Assets(
    "kwok-stages",
    Family.KWOK,
    "sigs.k8s.io/kwok",
    (
        "kustomize/stage/node/fast/node-initialize.yaml",
        "kustomize/stage/node/heartbeat/node-heartbeat.yaml",
        "kustomize/stage/pod/fast/pod-ready.yaml",
        "kustomize/stage/pod/fast/pod-delete.yaml",
        "kustomize/stage/pod/general/pod-complete.yaml",
    ),
    "how a simulated node and its pods change state",
)
