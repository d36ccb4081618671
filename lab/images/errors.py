"""The errors of an image build, and how a failing tool's output becomes a sentence of theirs."""

import re

from lab.errors import LabEnvironmentError, LabError

_NO_SPACE = re.compile(r"no space left on device|os error 28|ENOSPC|disk quota exceeded", re.IGNORECASE)
_NETWORK = re.compile(
    r"temporary failure resolving|could not resolve|could not connect|connection (?:refused|timed out|reset)"
    r"|error sending request|dns error|failed to fetch|network is unreachable|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
    r"|ECONNREFUSED|ECONNRESET|request failed after|operation timed out",
    re.IGNORECASE,
)
_HASH = re.compile(r"hash mismatch|EINTEGRITY|hashes? .*(?:mismatch|do not match)", re.IGNORECASE)
_MOUNT = re.compile(
    r"unshare: .*(?:not permitted|failed)|mount: .*(?:permission denied|not permitted|unknown filesystem)",
    re.IGNORECASE,
)


class ImageBuildError(LabError):
    """A lab image could not be built; the message says which, why, what follows and what to do."""


class ImageEnvironmentError(ImageBuildError, LabEnvironmentError):
    """This machine cannot build the lab's images as it stands; nothing was started."""


def explain(output: str) -> str:
    """Return what went wrong in a failed build step and what to do, judged by the tools' own `output`."""
    if _NO_SPACE.search(output):
        return "the disk is full. Free some space (the images need about 8 GiB while they are built) and repeat"
    if _HASH.search(output):
        return "a downloaded package is not the one that the lock file names. Check the package mirror that is in use"
    if _NETWORK.search(output):
        return "a package registry could not be reached. Check the network and the proxy settings, and repeat"
    if _MOUNT.search(output):
        return "mount namespaces are not allowed here. Use a machine or a container with CAP_SYS_ADMIN"
    last = [line.strip() for line in output.splitlines() if line.strip()][-1:]
    return f"it ended with: {last[0][:300]}" if last else "it ended without a word"
