"""The lab's own builds of the serving images, out of package registries, under the references that manifests use.

Where no container registry can be reached, PostgreSQL, Redis, LiteLLM and a CPU vLLM still run as real pods: each image
here answers the interface of the official one that its reference names, so that no manifest knows the difference. What
differs is said in the image itself (`/etc/bulkhead-lab-image`).
"""

from lab.images.build import ensure_images
from lab.images.catalogue import EMBEDDING_MODEL, IMAGES, TINY_MODEL, Image, ImageName
from lab.images.errors import ImageBuildError

__all__ = ["EMBEDDING_MODEL", "IMAGES", "TINY_MODEL", "Image", "ImageBuildError", "ImageName", "ensure_images"]
