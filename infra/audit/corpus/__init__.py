"""The admission corpus: attacks and legitimate workloads, kept as data in `cases/`."""

from infra.audit.corpus.case import Acting, Case, Expectation, Operation, Prop
from infra.audit.corpus.loader import Corpus, load_corpus
from infra.audit.corpus.rendering import MissingPlaceholderError, rendered

__all__ = [
    "Acting",
    "Case",
    "Corpus",
    "Expectation",
    "MissingPlaceholderError",
    "Operation",
    "Prop",
    "load_corpus",
    "rendered",
]
