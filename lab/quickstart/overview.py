"""What a newcomer sees at the end: what runs where, and what to try next."""

from typing import Any

from rich.console import Console

from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import Completion

NEXT_COMMANDS = (
    ("source .venv/bin/activate", ""),
    ('eval "$(bulkhead lab env)"', "pulumi, kubectl and the kubeconfig of the lab"),
    ("bulkhead posture --stack local", "what is enforced, and why"),
    ("pulumi config set --path 'bulkhead:tenants[0].budget.usd' 10 -s local", "change something small ..."),
    ("pulumi preview -s local", "... and read what that would do"),
    ("pulumi config set --path bulkhead:trust.tier governed -s local", "raise the tier ..."),
    ("pulumi preview -s local", "... and read what it would add"),
    ("git checkout Pulumi.local.yaml", "back to where it was"),
    ("./quickstart down", "remove everything but the caches"),
)


def show_pods(console: Console, access: ClusterAccess) -> None:
    """Print every pod of the platform: where it runs, whether it is ready, and with which image.

    In columns of their own width: a line that is longer than the terminal is better than a name that is cut.
    """
    rows = [("POD", "NODE", "STATE", "IMAGE")]
    pods = access.objects("pods", "--all-namespaces")
    for pod in sorted(pods, key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"])):
        images = (container["image"].rpartition("/")[2] for container in pod["spec"]["containers"])
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        rows.append((name, pod["spec"].get("nodeName", ""), _state(pod), ", ".join(images)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    console.print("\nWhat runs where")
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _state(pod: dict[str, Any]) -> str:
    conditions = {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}
    if pod["status"]["phase"] == "Running":
        return "ready" if conditions.get("Ready") == "True" else "not ready"
    return str(pod["status"]["phase"]).lower()


def show_completion(console: Console, tenant: str, completion: Completion) -> None:
    """Print the completion and what it cost."""
    cost = completion.spend_after_usd - completion.spend_before_usd
    console.print(
        f"\nA chat completion with {tenant}'s key, answered by {completion.model} through the gateway "
        f"({completion.prompt_tokens} + {completion.completion_tokens} tokens):"
    )
    console.print(f"  {completion.text!r}", markup=False, highlight=False)
    console.print(
        f"Recorded spend of {tenant}: {completion.spend_after_usd:.8f} USD, {cost:.8f} of it for this call.\n"
    )


def show_next_commands(console: Console) -> None:
    """Print what to try next, one command a line so that it can be copied."""
    console.print("\nNext:")
    for command, purpose in NEXT_COMMANDS:
        line = f"  {command}   # {purpose}" if purpose else f"  {command}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
