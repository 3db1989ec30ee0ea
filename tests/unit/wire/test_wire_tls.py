"""TLS and proxies: verified always, tunnelled when told to, and nothing sent when they fail."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.wire.contract import Route, Wire, WireError
from gateway.wire.tls import tls_context
from providers.contract import FailureKind
from tests.unit.wire.conftest import Line, Peer, Rig, fetch, passage_along, post, says

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Start = Callable[..., Peer]


@dataclass
class Authority:
    """A certificate authority of a test's own, and files it wrote."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.cert = self._sign("ca", self.key.public_key(), ca=True)
        self.ca_file = str(self._write("ca.pem", self.cert))

    def issue(self, name: str) -> str:
        """Return a PEM file with a certificate for `name` and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return str(self._write(f"{name}.pem", self._sign(name, key.public_key()), key))

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(name))
        return context

    def _sign(
        self, name: str, key: ec.EllipticCurvePublicKey, *, ca: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if ca else self.cert.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            with suppress(ValueError):
                address = x509.IPAddress(ipaddress.ip_address(name))
                builder = builder.add_extension(
                    x509.SubjectAlternativeName([address]), critical=False
                )
        return builder.sign(self.key, hashes.SHA256())

    def _write(
        self, file: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None
    ) -> Path:
        pem = cert.public_bytes(serialization.Encoding.PEM)
        if key is not None:
            pem += key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        path = self.folder / file
        path.write_bytes(pem)
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_an_answer_over_tls(rig: Rig, peer: Start, authority: Authority) -> None:
    def talk(line: Line) -> None:
        for _ in range(2):
            server.notes.append(line.request()[1])
            line.say(OK)
        line.request()

    server = peer(talk, authority.context("127.0.0.1"))
    body = bytes(range(256)) * 8192

    async def work(wire: Wire) -> None:
        route = server.route(ca_file=authority.ca_file)
        for _ in range(2):
            assert (await fetch(wire, route, post(body))).body == b"ok"

    rig.run(work)
    assert server.notes == [body, body]
    assert server.connections == 1


def test_surplus_over_tls_closes_the_connection(
    rig: Rig, peer: Start, authority: Authority
) -> None:
    def talk(line: Line) -> None:
        line.request()
        line.say(OK + OK)
        line.gone()

    server = peer(talk, authority.context("127.0.0.1"))

    async def work(wire: Wire) -> None:
        for _ in range(2):
            assert (await fetch(wire, server.route(ca_file=authority.ca_file))).body == b"ok"

    rig.run(work)
    assert server.connections == 2


@pytest.mark.parametrize("wrong", ["authority", "name", "file", "system"])
def test_what_cannot_be_verified_gets_nothing(
    rig: Rig, peer: Start, authority: Authority, tmp_path: Path, wrong: str
) -> None:
    def talk(line: Line) -> None:
        server.notes.append(line.request())

    server = peer(talk, authority.context("10.9.9.9" if wrong == "name" else "127.0.0.1"))
    ca_file: str | None = authority.ca_file
    if wrong == "authority":
        ca_file = Authority(tmp_path).ca_file
    elif wrong == "file":
        ca_file = str(tmp_path / "absent.pem")
    elif wrong == "system":
        ca_file = None

    async def work(wire: Wire) -> str:
        with pytest.raises(WireError) as caught:
            await fetch(wire, server.route(ca_file=ca_file))
        assert caught.value.kind is FailureKind.NOT_SENT
        return caught.value.detail

    detail = rig.run(work)
    assert ("absent.pem" in detail) is (wrong == "file")
    assert server.notes == []


def test_a_client_certificate_is_shown(rig: Rig, peer: Start, authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    server = peer(says(OK), context)
    route = server.route(ca_file=authority.ca_file, client_cert=authority.issue("me"))
    assert rig.run(lambda wire: fetch(wire, route)).body == b"ok"

    async def without(wire: Wire) -> None:
        with pytest.raises(WireError):
            await fetch(wire, server.route(ca_file=authority.ca_file))

    rig.run(without)


def test_a_hanging_handshake_ends_at_the_connect_deadline(
    rig: Rig, peer: Start, authority: Authority
) -> None:
    server = peer(lambda line: (line.gone(), None)[1])
    route = server.route(scheme="https", ca_file=authority.ca_file)

    async def work(wire: Wire) -> None:
        now_s = time.monotonic()
        with pytest.raises(WireError) as caught:
            await wire.send(
                route,
                post(),
                passage=passage_along(route),
                connect_until_s=now_s + 0.1,
                until_s=now_s + 60,
            )
        assert caught.value.kind is FailureKind.NOT_SENT
        assert caught.value.timed_out

    rig.run(work)


def test_session_keys_are_never_written(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = tls_context(Route("fresh", "https", "a.b", 443, ca_file=authority.ca_file))
    assert not context.keylog_filename
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_renewed_file_is_read_anew(authority: Authority) -> None:
    route = Route("renewed", "https", "a.b", 443, client_cert=authority.issue("renewed"))
    first = tls_context(route)
    assert tls_context(route) is first
    path = Path(authority.issue("renewed"))
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    assert tls_context(route) is not first


class Relay:
    """A CONNECT proxy's talk: notes the request, then carries bytes both ways."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connected\r\n\r\n") -> None:
        self.answer = answer
        self.heads: list[bytes] = []

    def __call__(self, line: Line) -> None:
        head, _ = line.request()
        self.heads.append(head)
        line.say(self.answer)
        if not self.answer.startswith(b"HTTP/1.1 200"):
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as upstream:
            back = threading.Thread(target=carry, args=(upstream, line.sock))
            back.start()
            carry(line.sock, upstream)
            back.join()


def carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay() -> Relay:
    return Relay()


def test_a_tunnel_through_a_proxy(
    rig: Rig, peer: Start, authority: Authority, relay: Relay
) -> None:
    server = peer(says(OK, OK), authority.context("127.0.0.1"))
    proxy = peer(relay)
    route = server.route(
        ca_file=authority.ca_file, proxy=f"http://me:p%40ss@127.0.0.1:{proxy.port}"
    )

    async def work(wire: Wire) -> None:
        for _ in range(2):
            assert (await fetch(wire, route)).body == b"ok"
        close = getattr(wire, "close", None)
        if close is not None:
            close()

    rig.run(work)
    where = f"127.0.0.1:{server.port}"
    assert relay.heads == [
        f"CONNECT {where} HTTP/1.1\r\nhost: {where}\r\n"
        "proxy-authorization: Basic bWU6cEBzcw==\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nsurplus",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_a_proxy_that_refuses_is_not_sent(
    rig: Rig, peer: Start, authority: Authority, answer: bytes
) -> None:
    proxy = peer(lambda line: (line.request(), line.say(answer))[1])
    route = Route(
        "up", "https", "127.0.0.1", 1, proxy=f"http://u:hush@127.0.0.1:{proxy.port}",
        ca_file=authority.ca_file, allow_private_network=True,
    )  # fmt: skip

    async def work(wire: Wire) -> None:
        with pytest.raises(WireError, match="tunnel") as caught:
            await fetch(wire, route)
        assert caught.value.kind is FailureKind.NOT_SENT
        assert "hush" not in caught.value.detail

    rig.run(work)


def test_plain_http_goes_through_a_proxy(rig: Rig, peer: Start) -> None:
    def talk(line: Line) -> None:
        proxy.notes.append(line.request()[0].split(b"\r\n")[0])
        line.say(OK)

    proxy = peer(talk)
    route = Route("up", "http", "a.example", 80, proxy=f"http://127.0.0.1:{proxy.port}")
    assert rig.run(lambda wire: fetch(wire, route)).body == b"ok"
    assert proxy.notes == [b"POST http://a.example/v1/messages HTTP/1.1"]
