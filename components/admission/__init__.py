"""Admission policies, and the CEL that they are made of."""

from components.admission.policies import gpu_policies
from components.admission.policy_set import GpuAdmission, GpuAdmissionArgs

__all__ = ["GpuAdmission", "GpuAdmissionArgs", "gpu_policies"]
