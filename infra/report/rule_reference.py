"""The page of the policy pack's rules, made from the rules themselves."""

from collections.abc import Iterable

from infra.config.trust import ControlId
from infra.guard.rule import Rule
from infra.report.markdown import code, page, table


def rule_reference(rules: Iterable[Rule]) -> str:
    """The page, as Markdown."""
    known = tuple(rules)
    return page(
        "Rules of the policy pack",
        "What `policy/` wants of every resource of a stack. A rule holds exactly while one of the controls that it"
        " keeps is in force; one that keeps none holds in every tier. How to run it, and what it does not judge:"
        " [Review a change of a stack](../how-to/review-a-change.md).",
        table(["rule", "keeps", "what it wants"], map(_row, known)),
        "## Rules of each control",
        table(["control", "rules"], ([control, _names(known, control)] for control in ControlId)),
    )


def _row(rule: Rule) -> list[str]:
    return [code(rule.name), ", ".join(rule.controls) or "every tier", rule.description]


def _names(rules: Iterable[Rule], control: ControlId) -> str:
    return ", ".join(code(rule.name) for rule in rules if control in rule.controls)
