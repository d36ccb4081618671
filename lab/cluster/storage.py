"""Volumes for the pods that ask for one: pre-made `local` volumes behind the default StorageClass.

Kubernetes has no provisioner of its own for a node's disk. Its test-only one makes hostPath volumes, which
ignore `fsGroup`, so that a pod that is not root could not write; `local` volumes honour it as a cloud's disks
do, and manifests stay as they are. They are not made on demand, so there is a fixed number, and `recycle`
makes the released ones usable again.
"""

import shutil
from pathlib import Path
from typing import TypedDict, cast

from lab.cluster.addresses import NODE_NAME
from lab.cluster.kubectl import Kubectl

STORAGE_CLASS = "standard"
NUMBER_OF_VOLUMES = 16
VOLUME_GIB = 5
"""Offered, not reserved: a volume is a folder on the host's disk and may grow beyond this."""


def volumes_folder(state: Path) -> Path:
    """Return the folder that holds one folder for each volume."""
    return state / "volumes"


def storage_manifests(state: Path) -> list[dict[str, object]]:
    """Return the StorageClass and its volumes, and make their folders."""
    storage_class: dict[str, object] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }
    return [storage_class, *(_volume(state, number) for number in range(NUMBER_OF_VOLUMES))]


def recycle(kubectl: Kubectl, state: Path) -> int:
    """Empty every volume whose claim is gone, offer it again, and return how many there were."""
    released = [
        volume["metadata"]["name"] for volume in _volumes(kubectl) if volume["status"].get("phase") == "Released"
    ]
    for name in released:
        number = int(name.rpartition("-")[2])
        kubectl.run("delete", "persistentvolume", name, "--wait=true")
        shutil.rmtree(_folder(state, number), ignore_errors=True)
        kubectl.apply([_volume(state, number)])
    return len(released)


def _volume(state: Path, number: int) -> dict[str, object]:
    folder = _folder(state, number)
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"bulkhead-volume-{number}"},
        "spec": {
            "capacity": {"storage": f"{VOLUME_GIB}Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "local": {"path": str(folder)},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
                            ]
                        }
                    ]
                }
            },
        },
    }


def _folder(state: Path, number: int) -> Path:
    return volumes_folder(state) / f"volume-{number}"


class _Metadata(TypedDict):
    name: str


class _Status(TypedDict, total=False):
    phase: str


class _Volume(TypedDict):
    metadata: _Metadata
    status: _Status


def _volumes(kubectl: Kubectl) -> list[_Volume]:
    return [
        volume
        for volume in cast("list[_Volume]", kubectl.items("persistentvolumes"))
        if volume["metadata"]["name"].startswith("bulkhead-volume-")
    ]
