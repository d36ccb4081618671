"""Version floors: an image that is older, or known to be bad, is refused before anything is registered."""

import re

from infra.blueprint.model import VersionFloorPart
from infra.pins import FloorPin

VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?![\d.])")
"""An image tag that states a version, with whatever suffix the publisher adds."""


def version_floor(pin: FloorPin) -> VersionFloorPart:
    """The floor that a pin states, in the blueprint's terms."""
    return VersionFloorPart(pin.version, pin.advisory, pin.refused)


def require_version(key: str, image: str, floor: VersionFloorPart) -> None:
    """Check that the tag of `image` states a version that `floor` lets through.

    Args:
        key: What the image is for, as the error calls it.
        image: The full reference, `registry/repository:tag`.
        floor: The oldest version allowed, and newer ones that are not.

    Raises:
        ValueError: The version is older than the floor or is refused, or the tag states none: a moving tag could be
            anything.
    """
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
    oldest = ".".join(str(number) for number in floor.version)
    stated = VERSION.match(tag)
    if stated is None:
        raise ValueError(
            f"{key}: the image {image!r} has no tag that states a version, so nobody can tell whether "
            f"{floor.advisory} is fixed in it. Use a tag of {oldest} or newer."
        )
    version = (int(stated[1]), int(stated[2]), int(stated[3]))
    if reason := dict(floor.refused).get(version):
        raise ValueError(
            f"{key}: the image {image!r} is refused, since {reason}. Use another tag, of {oldest} or newer."
        )
    if version < floor.version:
        raise ValueError(
            f"{key}: the image {image!r} is older than {oldest} and open to {floor.advisory}. "
            f"Use a tag of {oldest} or newer."
        )
