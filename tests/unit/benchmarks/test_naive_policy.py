"""The usual policy's figures are over the cases that were judged of the platform's own."""

from typing import Any

from benchmarks.naive_policy import compared

ATTACKS = ("pod-without-queue", "change-to-a-made-up-queue")
WORK = ("gpu-pod", "annotate-own-pod")


def audit(held: tuple[str, ...] = (), failures: tuple[str, ...] = (), tenant: str = "research") -> dict[str, Any]:
    def listed(cases: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"probe": "admission", "case": case, "tenant": tenant} for case in cases]

    return {"controls": [{"id": "SR2", "held": listed(held), "failures": listed(failures)}]}


def test_attacks_and_work_are_counted_apart_and_for_both_alike():
    own, usual = compared(
        audit(held=(*ATTACKS, *WORK)), audit(held=(ATTACKS[0], WORK[0]), failures=(ATTACKS[1], WORK[1])), "research"
    )
    assert own.words == "0 of 2 attacks admitted, 0 of 2 works refused"
    assert usual.words == "1 of 2 attacks admitted, 1 of 2 works refused"


def test_what_was_not_judged_of_the_platforms_own_or_is_another_tenants_counts_for_neither():
    own, usual = compared(audit(held=ATTACKS[:1]), audit(failures=ATTACKS), "research")
    assert (own.attacks, usual.attacks, usual.admitted) == (1, 1, 1)
    other, _ = compared(audit(held=ATTACKS, tenant="search"), audit(), "research")
    assert other.attacks == 0
