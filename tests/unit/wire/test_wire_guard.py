"""The egress guard: which addresses are refused, and that only checked ones are connected."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.contract import EgressRefused, Route, WireError, run_blocking
from gateway.wire.guard import SocketAddress, check_address, literal, open_socket
from providers.contract import FailureKind
from tests.unit.wire.conftest import passage_along

PUBLIC = Route("up", "https", "api.example.com", 443)
PRIVATE = Route("up", "https", "api.example.com", 443, allow_private_network=True)


@pytest.mark.parametrize(
    "ip",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.9.9.9", "169.254.1.1",
        "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.5", "240.0.0.1", "255.255.255.255",
        "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd12::1", "fec0::1", "2001:db8::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:0:10.0.0.1", "::10.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:a00:1::", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_what_is_not_public_needs_the_setting(ip: str) -> None:
    with pytest.raises(EgressRefused, match="allow_private_network = true") as caught:
        check_address(PUBLIC, ip)
    assert caught.value.kind is FailureKind.NOT_SENT
    check_address(PRIVATE, ip)


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254",
        "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::",
        "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0",
    ],
)  # fmt: skip
def test_some_addresses_are_never_allowed(ip: str) -> None:
    for route in (PUBLIC, PRIVATE):
        with pytest.raises(EgressRefused):
            check_address(route, ip)


@pytest.mark.parametrize(
    "ip", ["160.79.104.10", "8.8.8.8", "2607:6bc0::10", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]
)
def test_public_addresses_pass(ip: str) -> None:
    check_address(PUBLIC, ip)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_judged_as_itself(ip: ipaddress.IPv4Address) -> None:
    def verdict(text: str) -> bool:
        try:
            check_address(PUBLIC, text)
        except EgressRefused:
            return False
        return True

    if int(ip) > 1:
        assert verdict(f"::ffff:{ip}") == verdict(f"64:ff9b::{ip}") == verdict(str(ip))


class Names:
    """A dialer with names of its own, which notes where it was sent."""

    def __init__(self, *ips: str, fail: frozenset[str] = frozenset()) -> None:
        self.ips = ips
        self.fail = fail
        self.asked: list[tuple[str, int]] = []
        self.went: list[tuple[str, float]] = []

    def now_s(self) -> float:
        return 100.0

    async def resolve(
        self, host: str, port: int, until_s: float
    ) -> list[tuple[int, SocketAddress]]:
        del until_s
        self.asked.append((host, port))
        return [found for ip in self.ips for found in literal(ip, port) or []]

    async def connect(self, sock: socket.socket, address: SocketAddress, until_s: float) -> None:
        del sock
        self.went.append((str(address[0]), until_s))
        if address[0] in self.fail:
            raise ConnectionRefusedError("refused")


def test_a_name_is_resolved_once_and_pinned() -> None:
    names = Names("10.0.0.1", "8.8.8.8", "::1")
    run_blocking(open_socket(PUBLIC, passage_along(PUBLIC), 110.0, names)).close()
    assert names.asked == [("api.example.com", 443)]
    assert names.went == [("8.8.8.8", 110.0)]


def test_every_address_gets_its_share_of_the_time() -> None:
    names = Names("8.8.8.8", "8.8.4.4", fail=frozenset({"8.8.8.8"}))
    run_blocking(open_socket(PUBLIC, passage_along(PUBLIC), 110.0, names)).close()
    assert names.went == [("8.8.8.8", 105.0), ("8.8.4.4", 110.0)]


def test_when_no_address_may_be_reached_none_is() -> None:
    names = Names("10.0.0.1", "fd00::1")
    with pytest.raises(EgressRefused, match=r"10\.0\.0\.1"):
        run_blocking(open_socket(PUBLIC, passage_along(PUBLIC), 110.0, names))
    assert names.went == []


def test_a_proxy_may_be_private_but_not_the_host_behind_it() -> None:
    names = Names("10.0.0.1")
    proxied = Route("up", "https", "api.example.com", 443, proxy="http://proxy:3128")
    run_blocking(open_socket(proxied, passage_along(proxied), 110.0, names)).close()
    assert names.asked == [("proxy", 3128)]
    inside = Route("up", "https", "10.0.0.9", 443, proxy="http://proxy:3128")
    with pytest.raises(EgressRefused):
        run_blocking(open_socket(inside, passage_along(inside), 110.0, names))


def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        run_blocking(open_socket(PUBLIC, passage_along(PUBLIC), time.monotonic(), Names()))


@pytest.mark.parametrize("scheme", ["HTTPS", "ftp", ""])
def test_an_unknown_scheme_is_not_taken_for_plain_http(scheme: str) -> None:
    names = Names("8.8.8.8")
    route = Route("up", scheme, "a.b", 443)
    with pytest.raises(EgressRefused, match="must be http or https"):
        run_blocking(open_socket(route, passage_along(route), 110.0, names))
    assert names.asked == []


def test_a_refusal_is_a_wire_error() -> None:
    assert issubclass(EgressRefused, WireError)
