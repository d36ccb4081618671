"""What nodes cost by list price: for estimates in reviews, never for bills.

Machines only: disks, networks, Google's databases and the fee for a cluster come on top, and discounts come off. A
machine or a region that has no row here has no price: it is never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

HOURS_PER_MONTH = 730
"""A year's hours by twelve, as cloud providers count."""

SOURCE = (
    "Google Cloud's on-demand list prices from its billing catalogue, as gathered in pricing.yml of"
    " github.com/Cyclenerd/google-cloud-pricing-cost-calculator at commit 0166a59"
)
READ_ON = "2025-03-06"
"""The day of the prices. List prices move a few times a year: read them anew before a large decision."""


@dataclass(frozen=True)
class Series:
    """Machine types that cost the same for each unit, a GPU with its share of the machine or a machine without GPUs.

    Attributes:
        units: Machine type → how many units it has.
        usd_per_unit_hour: Region → US dollars an hour for one unit.
    """

    units: Mapping[str, int]
    usd_per_unit_hour: Mapping[str, float]


PRICES: tuple[Series, ...] = (
    Series(
        {"e2-standard-8": 1},
        {
            "asia-southeast1": 0.33066456,
            "europe-west1": 0.29486184,
            "europe-west4": 0.29508816,
            "us-central1": 0.26804568,
            "us-east4": 0.30188328,
            "us-west1": 0.26804568,
        },
    ),
    Series(
        {"g2-standard-12": 1, "g2-standard-24": 2, "g2-standard-48": 4, "g2-standard-96": 8},
        {
            "asia-southeast1": 1.234213584,
            "europe-west1": 1.101558412,
            "europe-west4": 1.051487566,
            "us-central1": 1.000416287,
            "us-east4": 0.997140504,
            "us-west1": 1.000416287,
        },
    ),
    Series(
        {"a2-highgpu-1g": 1, "a2-highgpu-2g": 2, "a2-highgpu-4g": 4, "a2-highgpu-8g": 8},
        {
            "asia-southeast1": 4.013757926,
            "europe-west1": 3.747369,
            "europe-west4": 3.747972,
            "us-central1": 3.673385,
            "us-east4": 3.934354926,
            "us-west1": 3.673385,
        },
    ),
    Series(
        {"a2-ultragpu-1g": 1, "a2-ultragpu-2g": 2, "a2-ultragpu-4g": 4, "a2-ultragpu-8g": 8},
        {
            "asia-southeast1": 6.24768548,
            "europe-west1": 5.57595089,
            "europe-west4": 5.58091848,
            "us-central1": 5.06879789,
            "us-east4": 5.70773248,
            "us-west1": 5.06879789,
        },
    ),
    Series(
        {"a3-highgpu-1g": 1, "a3-highgpu-2g": 2, "a3-highgpu-4g": 4, "a3-highgpu-8g": 8},
        {
            "asia-southeast1": 14.28478662,
            "europe-west1": 12.17123082,
            "europe-west4": 14.0675599,
            "us-central1": 11.06124999,
            "us-east4": 11.06946952,
            "us-west1": 11.06124999,
        },
    ),
)
"""The table, from `SOURCE`, as of `READ_ON`."""

_GPUS_APART = "its GPUs are priced apart from it"
_NOT_GATHERED = "nobody has gathered it yet"
WITHOUT_PRICE: Mapping[str, str] = MappingProxyType(
    {
        "n1-standard-8": _GPUS_APART,
        "n1-standard-16": _GPUS_APART,
        "n1-standard-32": _GPUS_APART,
        "n1-standard-64": _GPUS_APART,
        "a2-megagpu-16g": _NOT_GATHERED,
        "a3-megagpu-8g": _NOT_GATHERED,
        "a3-ultragpu-8g": _NOT_GATHERED,
        "a4-highgpu-8g": _NOT_GATHERED,
    }
)
"""Machine types that pools get and that have no row, → why."""

_BY_MACHINE: Mapping[str, Series] = MappingProxyType(
    {machine_type: series for series in PRICES for machine_type in series.units}
)


def usd_per_month(machine_type: str, location: str) -> float | None:
    """US dollars for one machine for a month, on demand; None where the table has no row.

    Args:
        machine_type: Google Cloud's machine type, as `g2-standard-24`.
        location: A region, or a zone in one.
    """
    series = _BY_MACHINE.get(machine_type)
    hourly = series.usd_per_unit_hour.get(_region(location)) if series else None
    return hourly * series.units[machine_type] * HOURS_PER_MONTH if series and hourly is not None else None


def why_not_priced(machine_type: str, location: str) -> str:
    """What to say of a machine that `usd_per_month` knows nothing of."""
    known = WITHOUT_PRICE.get(machine_type)
    return f"no price in the table for {machine_type} in {location}{f', {known}' if known else ''}"


def _region(location: str) -> str:
    """`europe-west4` for the zone `europe-west4-a`, too: a region's name has one dash."""
    return "-".join(location.split("-")[:2])
