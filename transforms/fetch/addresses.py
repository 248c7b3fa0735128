"""Which network addresses may be connected to: public ones, and those the user names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from schemas.errors import MediaError
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Judges addresses that names were resolved to. networks: let through although they are not public."""

    everything: bool = False
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, config: FetchConfig) -> AddressRule:
        """The rule that the configuration asks for. Raises ValueError for a network that is none."""
        return cls(config.allow_private_network, tuple(ipaddress.ip_network(n) for n in config.allow_networks))

    def permits(self, address: str) -> bool:
        """Whether a literal address may be connected to; a text that is none may not."""
        try:
            ip = _embedded(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        # is_global is false for private, loopback, link-local (metadata services), shared and reserved ranges.
        return self.everything or any(ip in n for n in self.networks) or (ip.is_global and not ip.is_multicast)

    def require(self, host: str, address: str) -> None:
        """Raise MediaError `refused` unless the address is permitted."""
        if not self.permits(address):
            raise MediaError(
                SourceReason.REFUSED,
                f"{host} is at {address}, which is no public address; --allow-private-network lets it through",
            )


def _embedded(ip: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for, if it does: a gateway would connect to that one."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & _LOW_32_BITS)
    return ip
