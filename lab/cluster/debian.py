"""The system programs that the cluster runs, from Debian packages where they are missing."""

import os
import shutil
from pathlib import Path

from lab import debian_packages
from lab.errors import LabEnvironmentError
from lab.progress import Progress

_SYSTEM_PATH = os.pathsep.join(
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/cni"]
)

PACKAGE_OF = {
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "ptp": "containernetworking-plugins",
    "runc": "runc",
}
"""Every system program that the cluster needs, with the package that holds it."""


def missing_packages() -> list[str]:
    """Return the packages of the programs that are not on this machine."""
    return sorted({package for program, package in PACKAGE_OF.items() if not shutil.which(program, path=_SYSTEM_PATH)})


def ensure_packages(progress: Progress) -> None:
    """Install the packages that are missing.

    Raises:
        LabEnvironmentError: When the system is not Debian-like or the installation fails.
    """
    missing = missing_packages()
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise LabEnvironmentError(
            f"The cluster needs the system packages {names}, and this machine has no apt-get to install them with. "
            "Install them by hand, then run this again."
        )
    progress(f"installing system packages: {names}")
    output = debian_packages.install(missing)
    if output is not None or missing_packages():
        reason = output.strip().splitlines()[-1:] if output else ["their programs are still missing"]
        raise LabEnvironmentError(
            f"Installing the system packages {names} failed: {' '.join(reason) or 'apt-get said nothing'}. "
            f"Run `apt-get install {names}` to see why, then run this again."
        )


def require_root() -> None:
    """Check that this process may make namespaces, mounts and control groups.

    Raises:
        LabEnvironmentError: When it is not root on Linux.
    """
    if not Path("/proc/self/ns/net").exists():
        raise LabEnvironmentError(
            "The lab's cluster needs Linux. On another system, use a context of your own cluster."
        )
    if os.geteuid() != 0:
        raise LabEnvironmentError(
            "The lab's cluster needs root: it makes a network namespace, mounts and control groups. Nothing was "
            "changed. Run it as root (`sudo --preserve-env=HOME,PATH`), or use a context of your own cluster."
        )
