"""The kubeconfig of a GKE cluster."""

import json

USER = "gke"


def gke_kubeconfig(cluster: str, dns_endpoint: str) -> str:
    """A kubeconfig that reaches the cluster by its DNS endpoint, as JSON (which is YAML).

    Credentials come from Google's plugin for each call, so that no token is ever stored in the stack's state. The DNS
    endpoint presents a publicly trusted certificate and is guarded by IAM, so no certificate authority is pinned.

    Args:
        cluster: A name for the cluster, also the context's.
        dns_endpoint: The endpoint's host name.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": f"https://{dns_endpoint}"}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": USER}}],
        "current-context": cluster,
        "users": [
            {
                "name": USER,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "gke-gcloud-auth-plugin",
                        "installHint": "Install it with: gcloud components install gke-gcloud-auth-plugin",
                        "interactiveMode": "Never",
                        "provideClusterInfo": True,
                    }
                },
            }
        ],
    }
    return json.dumps(document, sort_keys=True)
