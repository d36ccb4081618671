"""The values of Kyverno's chart, as plain data."""

from typing import Any

from infra.blueprint.model import AdmissionPart, ChartImagePart

WEBHOOK_TIMEOUT_SECONDS = 30
LEASE_RETRY_SECONDS = 6


def chart_values(part: AdmissionPart) -> dict[str, Any]:
    """One controller of four, with the least that it needs.

    The admission controller alone generates and keeps the API server's policies. The others scan what exists (reports),
    generate and change objects (background) and delete by schedule (cleanup): no policy here asks for that, and each
    would be one more account with rights over the whole cluster.
    """
    return {
        "global": {"image": {"registry": part.image_registry}},
        # Otherwise whoever has the built-in `admin` in a namespace could write Kyverno's policies there, each of them a
        # way to Kyverno's own rights in releases before 1.19.2.
        "rbac": {"roles": {"aggregate": {"admin": False, "view": False}}},
        "crds": {
            "migration": {"enabled": False},
            # Definitions of what only the other controllers read; the admission controller watches all the rest.
            "groups": {
                "kyverno": {"cleanuppolicies": False, "clustercleanuppolicies": False},
                "reports": {"clusterephemeralreports": False, "ephemeralreports": False},
                "wgpolicyk8s": {"clusterpolicyreports": False, "policyreports": False},
            },
        },
        "webhooksCleanup": {"enabled": False},
        "features": {
            "policyExceptions": {"enabled": False},
            "generateValidatingAdmissionPolicy": {"enabled": True},
            "admissionReports": {"enabled": False},
            "aggregateReports": {"enabled": False},
            "policyReports": {"enabled": False},
            "validatingAdmissionPolicyReports": {"enabled": False},
            "backgroundScan": {"enabled": False},
        },
        "admissionController": {
            "replicas": part.replicas,
            "podDisruptionBudget": {"enabled": part.replicas > 1, "minAvailable": 1},
            "container": {
                **_image(part, part.image),
                # It compiles a policy before it answers, which on a busy machine takes longer than the usual 10 s; 30 s
                # is the most that the API server waits. No webhook of Kyverno's stands in any workload's way.
                # It exits when it cannot renew its lease within five retries; nothing waits for the next one.
                "extraArgs": {
                    "webhookTimeout": WEBHOOK_TIMEOUT_SECONDS,
                    "leaderElectionRetryPeriod": f"{LEASE_RETRY_SECONDS}s",
                },
                "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "512Mi"}},
            },
            "initContainer": {
                **_image(part, part.first_image),
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            },
        },
        "backgroundController": {"enabled": False},
        "cleanupController": {"enabled": False},
        "reportsController": {"enabled": False},
    }


def _image(part: AdmissionPart, image: ChartImagePart | None) -> dict[str, Any]:
    """An image in whole, though the chart has the same by default: whoever lists what is pulled reads it here."""
    if image is None:
        return {}
    return {"image": {"registry": part.image_registry, "repository": image.repository, "tag": image.tag}}
