"""Images, in every tier: what runs is known, and not older than what its advisories ask for."""

from collections.abc import Iterator

from infra.blueprint.versions import require_version, version_floor
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import every_container
from infra.guard.rule import ResourceRule
from infra.pins import FLOORS, IMAGES


def _images_state_their_version(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object:
        return
    images = {str(one["image"]) for one in every_container(resource.properties) if one.get("image")}
    for image in sorted(images):
        if fault := _tag_fault(image):
            yield (
                f"the image {image} {fault}: nobody can tell what runs. Write: a tag that states a version, or a digest"
            )


def _tag_fault(image: str) -> str:
    """What is wrong with an image's tag; empty where it, or a digest, says what is meant."""
    name = image.rpartition("/")[2]
    if "@" in name:
        return ""
    tag = name.partition(":")[2]
    return "" if tag and tag != "latest" else f"has the tag {tag}" if tag else "has no tag"


def _images_are_not_below_their_floors(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not resource.is_kubernetes_object:
        return
    for container in every_container(resource.properties):
        yield from _below_floor(str(container.get("image") or ""))


def _below_floor(image: str) -> Iterator[str]:
    """The constructors' own rule, for an image of a program that has a floor, from whichever registry."""
    repository = image.rpartition("@")[0] or image
    for name, floor in FLOORS.items():
        if f"/{IMAGES[name].repository}:" in f"/{repository}":
            try:
                require_version(name, repository, version_floor(floor))
            except ValueError as error:
                yield str(error)


RULES = (
    ResourceRule(
        "images-state-their-version", (), "Images have tags that state a version.", _images_state_their_version
    ),
    ResourceRule(
        "images-are-not-below-their-floors",
        (),
        "No image is older than what its known advisories ask for.",
        _images_are_not_below_their_floors,
    ),
)
