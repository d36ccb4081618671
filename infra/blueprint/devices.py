"""How a pod gets at GPUs on a node, as NVIDIA's runtime and Kubernetes' schedulers read it."""

import re

GPU_PREFIX = "nvidia.com/"
"""Whole GPUs, MIG sizes and shared ones all have a resource name under it (NVIDIA's device plugin)."""

SHARED_SUFFIX = ".shared"
"""Ends the resource names of GPUs and MIG instances that NVIDIA's device plugin shares."""

SHARED_PRODUCT = "-SHARED"
"""Ends the product's name in the labels of nodes whose GPUs are shared (NVIDIA's GPU feature discovery)."""

GKE_SHARING_LABELS = ("cloud.google.com/gke-gpu-sharing-strategy", "cloud.google.com/gke-max-shared-clients-per-gpu")
"""Labels of nodes with shared GPUs, and of no others (GKE)."""

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


BACKWARDS = r"(^|/)\.\.(/|$)"
"""A segment of two dots, by which a path can begin with anything and lead anywhere."""

DEVICE_FOLDERS = r"^((\.?/)+(\.|dev(/\.?)*)?|\.|dev(/\.?)*)$"
"""The folders that hold all device files, `/dev` and `/`, in any spelling."""

GPU_RUNTIME = "nvidia"
"""Part of the name of each of NVIDIA's runtime classes."""
