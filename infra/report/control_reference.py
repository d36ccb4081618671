"""The page of controls and tiers, made from the catalogue."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from infra.config.trust import ControlId, Tier
from infra.report.markdown import code, page, table
from infra.trust.control import Control


def control_reference(controls: Sequence[Control], available: AbstractSet[ControlId]) -> str:
    """The page, as Markdown.

    Args:
        controls: The catalogue.
        available: The controls that the program can realise.
    """
    return page(
        "Controls and tiers",
        "Tiers are cumulative: each one enforces its own controls and those of every tier above it in this table. A"
        " control that a stack's facts require and that its tier does not enforce has to be switched on under"
        " `bulkhead:trust.enable` or waived under `bulkhead:trust.waivers`.",
        table(["tier", "adds"], (_tier_row(tier, controls) for tier in Tier)),
        table(
            ["id", "control", "enforced from", "available", "dormant while it holds that"],
            (_summary_row(control, control.id in available) for control in controls),
        ),
        "## How each control works",
        *(_section(control) for control in controls),
    )


def _tier_row(tier: Tier, controls: Sequence[Control]) -> list[str]:
    return [code(tier), ", ".join(control.id for control in controls if control.enforced_from is tier)]


def _summary_row(control: Control, available: bool) -> list[str]:
    yes_or_no = "yes" if available else "not yet"
    return [control.id, control.title, code(control.enforced_from), yes_or_no, control.assumption]


def _section(control: Control) -> str:
    return "\n".join(
        [
            f"### {control.id}: {control.title}",
            "",
            f"- **Mechanism.** {control.mechanism}",
            f"- **How it is verified.** {control.verification}",
            f"- **At risk without it.** {control.at_risk[0].upper()}{control.at_risk[1:]}.",
        ]
    )
