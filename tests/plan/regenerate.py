"""Write the golden files anew: `.venv/bin/python -m tests.plan.regenerate`. Then read the difference."""

from infra.plan.urns import former_urns
from tests.plan.golden_files import URNS, WAYS, golden_path, golden_text
from tests.plan.stacks import STACKS, committed_plan
from tests.plan.ways import ways_text


def main() -> None:
    """Write each stack's plan, the list of URNs and the ways between tiers, and say which URNs have no successor."""
    for stack in STACKS:
        golden_path(stack).write_text(golden_text(committed_plan(stack)), encoding="utf-8")
    WAYS.write_text(ways_text(), encoding="utf-8")
    known = set(URNS.read_text(encoding="utf-8").split()) if URNS.exists() else set[str]()
    now = current_urns()
    lost = known - now - aliased_urns()
    URNS.write_text("".join(f"{urn}\n" for urn in sorted(now | lost)), encoding="utf-8")
    for urn in sorted(lost):
        print(f"lost without an alias: {urn}")
    if lost:
        print(f"Give the resource that took its place an alias, or delete the line from {URNS.name} if it is to go.")


def current_urns() -> set[str]:
    """The URNs of every committed stack."""
    return {resource.urn for stack in STACKS for resource in committed_plan(stack).resources}


def aliased_urns() -> set[str]:
    """The former URNs that resources of the committed stacks answer to."""
    return {former for stack in STACKS for formers in _former(stack).values() for former in formers}


def _former(stack: str) -> dict[str, frozenset[str]]:
    resources = committed_plan(stack).resources
    return former_urns(
        {resource.urn: resource.options.aliases for resource in resources},
        {resource.urn: resource.options.parent for resource in resources},
    )


if __name__ == "__main__":
    main()
