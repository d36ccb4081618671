"""Whether two samples come from one distribution: the two-sample Kolmogorov-Smirnov test.

It is what "Auditing Prompt Caching in Language Model APIs" (arXiv 2502.07776) tells caches by: it assumes nothing of
how latencies are distributed. The p-value is the asymptotic one with Stephens' correction for small samples (M. A.
Stephens, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables", J. R. Stat.
Soc. B 32 (1970)), good from some ten observations a side.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

TERMS = 100


@dataclass(frozen=True)
class Comparison:
    """How far two samples are apart.

    Attributes:
        distance: The largest difference between their distribution functions, 0 to 1.
        p_value: How often two samples of one distribution would be as far apart.
    """

    distance: float
    p_value: float


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """The test of two samples, each with one observation at least.

    Raises:
        ValueError: A sample is empty.
    """
    if not first or not second:
        raise ValueError("a sample without observations tells nothing")
    one, other = sorted(first), sorted(second)
    distance = max(abs(_share(one, value) - _share(other, value)) for value in (*one, *other))
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return Comparison(distance, _tail((size + 0.12 + 0.11 / size) * distance))


def _share(ordered: Sequence[float], value: float) -> float:
    return bisect.bisect_right(ordered, value) / len(ordered)


def _tail(scaled: float) -> float:
    """Kolmogorov's distribution from `scaled` upwards."""
    if scaled < 0.2:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, TERMS))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))
