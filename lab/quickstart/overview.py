"""What a newcomer sees at the end: what runs where, and what to try next."""

from typing import Any

from rich.console import Console
from rich.table import Table

from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import Completion

NEXT_COMMANDS = """\
source .venv/bin/activate
eval "$(bulkhead lab env)"                                        # pulumi, kubectl and the kubeconfig of the lab
bulkhead posture --stack local                                    # what is enforced, and why
pulumi config set --path bulkhead:models[0].replicas 2 -s local   # change something small ...
pulumi preview -s local                                           # ... and read what that would do
pulumi config set --path bulkhead:trust.tier governed -s local    # raise the tier
./quickstart down                                                 # remove everything but the caches"""


def show_pods(console: Console, access: ClusterAccess) -> None:
    """Print every pod of the platform: where it runs, with which image, and whether it is ready."""
    table = Table(title="What runs where", title_justify="left", show_edge=False)
    for column in ("namespace", "pod", "node", "state", "image"):
        table.add_column(column, overflow="fold")
    pods = access.objects("pods", "--all-namespaces")
    for pod in sorted(pods, key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"])):
        table.add_row(
            pod["metadata"]["namespace"],
            pod["metadata"]["name"],
            pod["spec"].get("nodeName", ""),
            _state(pod),
            ", ".join(container["image"] for container in pod["spec"]["containers"]),
        )
    console.print(table)


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
        f"({completion.prompt_tokens} + {completion.completion_tokens} tokens; the lab's model has random weights):"
    )
    console.print(f"  {completion.text!r}", markup=False, highlight=False)
    console.print(
        f"Recorded spend of {tenant}: {completion.spend_after_usd:.8f} USD, {cost:.8f} of it for this call.\n"
    )


def show_next_commands(console: Console) -> None:
    """Print what to try next."""
    console.print("\nNext:")
    console.print("\n".join(f"  {line}" for line in NEXT_COMMANDS.splitlines()), markup=False, highlight=False)
