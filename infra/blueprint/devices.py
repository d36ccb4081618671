"""What GPUs are called on nodes and in pods, and how a pod gets at them, as NVIDIA, Kubernetes and GKE have it.

Admission, the policy pack and the audit look for the same names, and take them from here.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from infra.config.pools import ACCELERATOR_LABEL, SHARING_STRATEGY_LABEL

GPU_PREFIX = "nvidia.com/"
"""Whole GPUs, MIG sizes and shared ones all have a resource name under it (NVIDIA's device plugin), as have the labels
of nodes with GPUs (NVIDIA's GPU feature discovery) and the taint that keeps other pods off them."""

WHOLE_GPU = f"{GPU_PREFIX}gpu"
"""The resource name of whole GPUs, and the key of the taint of nodes that have some."""

SHARED_SUFFIX = ".shared"
"""Ends the resource names of GPUs and MIG instances that NVIDIA's device plugin shares."""

SHARED_PRODUCT = "-SHARED"
"""Ends the product's name in the labels of nodes whose GPUs are shared (NVIDIA's GPU feature discovery)."""

STRATEGY_ENDING, REPLICAS_ENDING, PRODUCT_ENDING = ".sharing-strategy", ".replicas", ".product"
"""Stand behind a resource name in the labels by which NVIDIA's GPU feature discovery tells of it, MIG sizes too."""

STRATEGY_LABEL, REPLICAS_LABEL = f"{WHOLE_GPU}{STRATEGY_ENDING}", f"{WHOLE_GPU}{REPLICAS_ENDING}"
PRODUCT_LABEL = f"{WHOLE_GPU}{PRODUCT_ENDING}"
MPS_LABEL = f"{GPU_PREFIX}mps.capable"

UNSHARED_LABELS: Mapping[str, str] = MappingProxyType({REPLICAS_LABEL: "1", STRATEGY_LABEL: "none", MPS_LABEL: "false"})
"""Label that tells of sharing → what it says of nodes without (NVIDIA's GPU feature discovery)."""

PLUGIN_CONFIG_LABEL = f"{GPU_PREFIX}device-plugin.config"
"""Chooses which of the configurations of NVIDIA's device plugin holds on a node."""

GKE_SHARING_LABELS = (SHARING_STRATEGY_LABEL, "cloud.google.com/gke-max-shared-clients-per-gpu")
"""Labels of nodes with shared GPUs, and of no others (GKE)."""

GPU_NODE_PREFIXES = (GPU_PREFIX, ACCELERATOR_LABEL, "cloud.google.com/gke-gpu-")
"""Begin the keys of labels that only nodes with GPUs have: NVIDIA's feature discovery's and GKE's."""

CLASS_PREFIX = "deviceclass.resource.kubernetes.io/"
"""Names a device class as if it were a resource: the scheduler then makes the claim, in the pod's name (KEP-5004, on by
default since Kubernetes 1.36)."""

VISIBLE_DEVICES = (
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_MIG_CONFIG_DEVICES",
    "NVIDIA_MIG_MONITOR_DEVICES",
    "NVIDIA_IMEX_CHANNELS",
)
"""Variables by which a container asks NVIDIA's runtime for devices past Kubernetes (NVIDIA Container Toolkit)."""

NO_DEVICES = ("void", "none")
"""Values of `NVIDIA_VISIBLE_DEVICES` that hand out nothing."""

DEVICE_MOUNTS = "/var/run/nvidia-container-devices"
"""Where mounts name devices, for runtimes that read them there instead of in a variable (NVIDIA Container Toolkit)."""

DEVICE_FILES = "/dev/nvidia"

_STAY = r"(\.?/)*"
"""Slashes and segments of one dot, which lead nowhere, before a name."""


def spelled(path: str) -> str:
    """A regular expression, of RE2 and of Python, for whatever begins with an absolute path in any spelling.

    Without a slash in front as well: Kubernetes makes a mount's path absolute (kubelet, `MakeAbsolutePath`), and
    NVIDIA's Container Toolkit compares paths after it has cleaned them. Segments of two dots are not followed.
    """
    return f"^{_STAY}{f'/{_STAY}'.join(re.escape(part) for part in path.strip('/').split('/'))}"


def mig_resource(size: str) -> str:
    """The resource name of MIG instances of a size, as `1g.10gb`, where NVIDIA's device plugin names sizes apart."""
    return f"{GPU_PREFIX}mig-{size}"


BACKWARDS = r"(^|/)\.\.(/|$)"
"""A segment of two dots, by which a path can begin with anything and lead anywhere."""

DEVICE_FOLDERS = r"^((\.?/)+(\.|dev(/\.?)*)?|\.|dev(/\.?)*)$"
"""The folders that hold all device files, `/dev` and `/`, in any spelling."""

GPU_RUNTIME = "nvidia"
"""Part of the name of each of NVIDIA's runtime classes."""
