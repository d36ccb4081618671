"""The cluster's network namespace and the one cable that joins it to the host.

Programs enter the namespace by `nsenter --net`: `ip netns exec` would also remount /sys, and the kubelet
would no longer find the control groups.
"""

import json
from ipaddress import IPv4Interface, IPv4Network
from typing import TypedDict, cast

from lab.cluster.addresses import (
    HOST_ADDRESS,
    HOST_INTERFACE,
    NETWORK_NAMESPACE,
    NETWORK_NAMESPACE_FILE,
    NODE_ADDRESS,
    NODE_INTERFACE,
)
from lab.cluster.commands import run, succeeds
from lab.errors import LabEnvironmentError

INSIDE = ("nsenter", f"--net={NETWORK_NAMESPACE_FILE}", "--")
"""Put before a command, runs it with the cluster's network and everything else of the host's."""


class _Address(TypedDict):
    local: str
    prefixlen: int


class _Interface(TypedDict):
    ifname: str
    addr_info: list[_Address]


def require_addresses_free() -> None:
    """Check that nothing else on this host has the lab's namespace, interface or addresses.

    Raises:
        LabEnvironmentError: Naming what has taken which of them.
    """
    wanted = HOST_ADDRESS.network
    for interface in _interfaces():
        name = interface["ifname"].partition("@")[0]
        if name == HOST_INTERFACE:
            raise _taken(f"the network interface {HOST_INTERFACE}")
        for address in interface["addr_info"]:
            network = IPv4Interface(f"{address['local']}/{address['prefixlen']}").network
            if _overlap(network, wanted):
                raise _taken(f"the network {wanted} (interface {name} has {address['local']})")
    if NETWORK_NAMESPACE_FILE.exists():
        raise _taken(f"the network namespace {NETWORK_NAMESPACE}")


def is_complete() -> bool:
    """Tell whether the namespace and its cable are there, with their addresses and up."""
    if not succeeds([*INSIDE, "true"]):
        return False
    inside = _interfaces(*INSIDE)
    return _has(_interfaces(), HOST_INTERFACE, HOST_ADDRESS) and _has(inside, NODE_INTERFACE, NODE_ADDRESS)


def exists() -> bool:
    """Tell whether anything of the network is there."""
    return NETWORK_NAMESPACE_FILE.exists() or succeeds(["ip", "link", "show", "dev", HOST_INTERFACE])


def create() -> None:
    """Make the namespace and its cable, replacing what an interrupted run left of them."""
    remove()
    doing = "Making the lab's network"
    run(["ip", "netns", "add", NETWORK_NAMESPACE], doing=doing)
    peer = ["peer", "name", NODE_INTERFACE, "netns", NETWORK_NAMESPACE]
    run(["ip", "link", "add", HOST_INTERFACE, "type", "veth", *peer], doing=doing)
    run(["ip", "address", "add", str(HOST_ADDRESS), "dev", HOST_INTERFACE], doing=doing)
    run(["ip", "link", "set", HOST_INTERFACE, "up"], doing=doing)
    for command in (
        ["link", "set", "lo", "up"],
        ["address", "add", str(NODE_ADDRESS), "dev", NODE_INTERFACE],
        ["link", "set", NODE_INTERFACE, "up"],
        # The kubelet and kube-proxy look for the node's address along the default route.
        ["route", "add", "default", "via", str(HOST_ADDRESS.ip)],
    ):
        run(["ip", "-n", NETWORK_NAMESPACE, *command], doing=doing)
    run([*INSIDE, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], doing=doing)


def remove() -> None:
    """Remove the namespace and its cable, as far as they are there."""
    if succeeds(["ip", "link", "show", "dev", HOST_INTERFACE]):
        run(["ip", "link", "delete", "dev", HOST_INTERFACE], doing="Removing the lab's network interface")
    if NETWORK_NAMESPACE_FILE.exists() and not succeeds(["ip", "netns", "delete", NETWORK_NAMESPACE]):
        # A killed `ip netns add` leaves the plain file without its mount.
        NETWORK_NAMESPACE_FILE.unlink(missing_ok=True)


def _interfaces(*prefix: str) -> list[_Interface]:
    listed = run([*prefix, "ip", "-j", "-4", "address", "show"], doing="Listing network addresses")
    return [interface for interface in cast("list[_Interface]", json.loads(listed)) if interface.get("ifname")]


def _has(interfaces: list[_Interface], name: str, wanted: IPv4Interface) -> bool:
    return any(
        interface["ifname"] == name and address["local"] == str(wanted.ip)
        for interface in interfaces
        for address in interface["addr_info"]
    )


def _overlap(one: IPv4Network, other: IPv4Network) -> bool:
    return one.overlaps(other)


def _taken(what: str) -> LabEnvironmentError:
    return LabEnvironmentError(
        f"The lab needs {what}, and this machine already has it from elsewhere. Nothing was changed. "
        "If another lab runs here (another user's, or one with another BULKHEAD_CACHE), run `bulkhead lab down` there; "
        "otherwise remove what took it."
    )
