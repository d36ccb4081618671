"""Kyverno and the admission policies."""

import pulumi

from components.admission import GpuAdmission, GpuAdmissionArgs
from components.kueue import Queues
from components.kyverno import Kyverno, KyvernoArgs
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.blueprint.model import Blueprint
from infra.program.options import InCluster

Resources = tuple[pulumi.Resource, ...]


def create_admission(blueprint: Blueprint, in_cluster: InCluster, after: Resources, queues: Queues) -> Resources:
    """Register Kyverno and the policies, and return what a workload has to wait for; nothing where none is in force.

    The policies come after the queues: one of them lets only those queues stand, and a queue that moves would meet the
    policy of its new place.
    """
    if not blueprint.admission.installed:
        return ()
    kyverno = Kyverno("kyverno", KyvernoArgs(blueprint.admission), in_cluster.options(after))
    args = GpuAdmissionArgs(gpu_admission_part(blueprint))
    return (GpuAdmission("gpu-admission", args, in_cluster.options((kyverno, queues))),)
