"""The usual single policy beside the platform's own: of the same cases, attacks admitted and work refused.

    bulkhead audit --stack local --only admission --tenant research --json > own.json
    # the own policies only audit, and tests/fixtures/naive_gpu_policy.yaml is applied: see below
    bulkhead audit --stack local --only admission --tenant research --json > usual.json
    .venv/bin/python -m benchmarks.naive_policy research own.json usual.json

The own policies are patched on the cluster, each of `validatingpolicies.policies.kyverno.io`, to
`spec: {validationActions: [Audit, Warn]}`, and to `[Deny]` afterwards; the stack file stays as it is. With
`trust.admission: {enforcement: audit}` in the file SR2 would not be in force: its cases would be *not claimed*, and the
usual policy would seem to admit no attack. Whoever patches owns the field from then on, in `managedFields`, which the
test puts back as well, so that later updates can still change it.

`tests/lab/test_audit.py` makes both audits of a governed platform on the lab, as ./check --full does, and records the
figures that this prints. Attacks are those on SR2, which is all that the usual policy stands for.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.audit.corpus import load_corpus
from infra.config.trust import ControlId

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """What one set of policies does with the corpus.

    Attributes:
        admitted: Attacks that got through.
        attacks: Attacks that were tried.
        refused: Works that were refused.
        work: Works that were tried.
    """

    admitted: int
    attacks: int
    refused: int
    work: int

    @property
    def words(self) -> str:
        """Both figures in one line."""
        return f"{self.admitted} of {self.attacks} attacks admitted, {self.refused} of {self.work} works refused"


def compared(own: Document, usual: Document, tenant: str) -> tuple[Figures, Figures]:
    """The figures of the platform's own policies and of the usual one, over the cases that the former's audit judged.

    Args:
        own: An audit of the platform as it is.
        usual: An audit of it with the usual policy in the place of its own.
        tenant: Under whose identities the cases were sent.
    """
    wrong = _cases(own, "failures", tenant)
    judged = wrong | _cases(own, "held", tenant)
    corpus = load_corpus().cases
    attacks = judged & {case.id for case in corpus if case.is_attack and case.control is ControlId.SR2}
    work = judged & {case.id for case in corpus if not case.is_attack}

    def figures(failed: set[str]) -> Figures:
        return Figures(len(failed & attacks), len(attacks), len(failed & work), len(work))

    return figures(wrong), figures(_cases(usual, "failures", tenant))


def _cases(document: Document, outcome: str, tenant: str) -> set[str]:
    """The corpus's cases that ended so for the tenant."""
    return {
        case["case"]
        for row in document["controls"]
        for case in row[outcome]
        if case["probe"] == "admission" and case["tenant"] == tenant
    }


def main() -> None:
    """Print a line for each."""
    tenant, *paths = sys.argv[1:]
    own, usual = (json.loads(Path(path).read_text(encoding="utf-8")) for path in paths)
    for name, figures in zip(
        ("the platform's own", "the usual single policy"), compared(own, usual, tenant), strict=True
    ):
        print(f"{name}: {figures.words}")


if __name__ == "__main__":
    main()
