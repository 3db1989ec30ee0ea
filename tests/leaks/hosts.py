"""The platforms' own host names on loopback: a proxy that ends TLS and passes on to the emulator.

With it a configuration needs no address of its own, so that what the gateway knows of a place
follows from the place, as it does for an operator.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.emulator import Emulator

CHUNK_BYTES = 65536


class Hosts:
    """A proxy that stands for the internet. Use it as a context manager.

    Args:
        names: Host -> platform of the emulator that answers there.
        emulator: What answers.
        folder: Where the certificate of its authority is written.
    """

    def __init__(self, names: Mapping[str, str], emulator: Emulator, folder: Path) -> None:
        ports = {each.name: int(each.base_url.rpartition(":")[2]) for each in emulator.platforms}
        self._ports = {host: ports[platform] for host, platform in names.items()}
        self._tls, self.ca_file = _authority(sorted(names), folder)
        self.asked: list[str] = []
        """The hosts that connections were asked for, also those that were refused."""
        self.unknown: set[str] = set()
        """The hosts that cannot be found: no connection leads there."""
        self.when: dict[str, Callable[[], object]] = {}
        """Host -> what happens while a connection to it is under way."""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._open: set[asyncio.Task[Any] | None] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hosts", daemon=True)
        self.url = ""

    def reset(self) -> None:
        """Forget what was asked, and let every host be found."""
        self.asked.clear()
        self.when.clear()
        self.unknown.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop holds tasks weakly, and a stream that changed to TLS holds its own no more.
        task = asyncio.current_task()
        self._open.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            self._open.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, ssl.SSLError):
            head = await reader.readuntil(b"\r\n\r\n")
            host = head.split()[1].decode().rpartition(":")[0]
            self.asked.append(host)
            self.when.get(host, _nothing)()
            if host in self.unknown or host not in self._ports:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await writer.start_tls(self._tls)
                await self._carry(host, reader, writer)
        writer.close()

    async def _carry(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._ports[host])
        up = asyncio.create_task(_pump(reader, there[1]))
        try:
            await _pump(there[0], writer)
        except ConnectionResetError:
            writer.transport.abort()
        finally:
            up.cancel()
            there[1].close()


def _nothing() -> None:
    """Let a connection come about."""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    writer.close()


def _authority(names: list[str], folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return what a server speaks TLS with under all the names, and the authority's file."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _signed("the tests' authority", root_key, root_key.public_key(), names=[])
    cert = _signed("the tests' authority", root_key, key.public_key(), names=names)
    ca_file, own = folder / "authority.pem", folder / "hosts.pem"
    ca_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    own.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + cert.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context, str(ca_file)


def _signed(
    issuer: str, by: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePublicKey, *, names: list[str]
) -> x509.Certificate:
    """Return a certificate for names; without any, the authority's own."""
    now = dt.datetime.now(dt.UTC)
    subject = "the tests' hosts" if names else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        found = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(found, critical=False)
    return builder.sign(by, hashes.SHA256())
