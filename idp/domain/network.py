"""Whom an internet address stands for when attempts are counted."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 that one customer has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
