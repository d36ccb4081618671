"""Every name and address of the lab's cluster.

These names are machine-wide, and `up` refuses when another lab, or something else, already has them. Several labs can
run side by side when each has a number (`BULKHEAD_LAB_NUMBER`), which is in every name and address that a machine has
once; inside its network namespace one lab is like another.
"""

from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from infra import pins
from lab.binaries.module_file import required_version
from lab.binaries.registry import Family
from lab.paths import lab_number, numbered

NETWORK_NAMESPACE = numbered("bulkhead-lab")
NETWORK_NAMESPACE_FILE = Path("/run/netns") / NETWORK_NAMESPACE

# RFC 2544 sets 198.18.0.0/15 aside for tests inside one network, so no route of the host's can need it.
_ADDRESSES = list(IPv4Network("198.18.213.0/24").subnets(new_prefix=30))[lab_number()]
HOST_ADDRESS = IPv4Interface(f"{_ADDRESSES[1]}/{_ADDRESSES.prefixlen}")
NODE_ADDRESS = IPv4Interface(f"{_ADDRESSES[2]}/{_ADDRESSES.prefixlen}")
HOST_INTERFACE = f"bulkhead-lab{lab_number()}"
NODE_INTERFACE = "eth0"

POD_NETWORK = IPv4Network("10.244.0.0/16")
NODE_POD_NETWORK = IPv4Network("10.244.0.0/24")
SERVICE_NETWORK = IPv4Network("10.96.0.0/16")
KUBERNETES_SERVICE = SERVICE_NETWORK[1]
DNS_SERVICE = SERVICE_NETWORK[10]
CLUSTER_DOMAIN = "cluster.local"

NODE_NAME = "bulkhead-node"
CONTEXT = "bulkhead-lab"

API_PORT = 6443
API_SERVER = f"https://{NODE_ADDRESS.ip}:{API_PORT}"

RUNTIME_DIRECTORY = Path("/run") / numbered("bulkhead-lab")
"""Holds what must have a short path: containerd refuses a folder of shim sockets longer than 42 characters."""

CGROUP = numbered("bulkhead-lab")
"""The control group above all pods, so that `down` can tell them from any other container of the machine."""

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
COREDNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.12.4"
KUEUE_IMAGE = pins.KUEUE_IMAGE.reference()
PROBE_IMAGE = "bulkhead.dev/lab/probe:1"
KYVERNO_VERSION = required_version(Family.KYVERNO.folder, "github.com/kyverno/kyverno")
"""The newest that its module can be had in, one patch below the pinned one; the chart beside it names images by it."""
KYVERNO_IMAGE = replace(pins.KYVERNO_IMAGE, tag=KYVERNO_VERSION).reference()
KYVERNO_INIT_IMAGE = replace(pins.KYVERNO_INIT_IMAGE, tag=KYVERNO_VERSION).reference()
