"""The programs under load: the gateway, the floor, nginx; and how each is started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

GATEWAY_TOML = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
base_url = "http://127.0.0.1:{upstream}"
api_key = "${{BENCH_KEY}}"
[server]
port = {port}
"""
NGINX_CONF = """\
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  client_max_body_size 64m; client_body_buffer_size 4m; keepalive_requests 1000000000;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_buffering off; }}
  }}
}}
"""


@dataclass(frozen=True)
class Peer:
    """A program under load."""

    name: str
    start: Callable[[int, int, Path], subprocess.Popen[bytes]]


def gateway(port: int, upstream: int, folder: Path) -> subprocess.Popen[bytes]:
    (folder / "environments").mkdir()
    (folder / "gateway.toml").write_text(GATEWAY_TOML.format(upstream=upstream, port=port))
    (folder / "environments" / "dev.toml").write_text("schema = 1\n")
    environ = {"GATEWAY_CONFIG": str(folder), "GATEWAY_ENV": "dev", "BENCH_KEY": "bench"}
    return spawn([sys.executable, "-m", "gateway", "serve"], environ)


def floor(port: int, upstream: int, folder: Path) -> subprocess.Popen[bytes]:
    del folder
    return spawn([sys.executable, "-m", "bench.floor", str(port), str(upstream)])


def nginx(port: int, upstream: int, folder: Path) -> subprocess.Popen[bytes]:
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(port=port, upstream=upstream, dir=folder))
    return spawn(["nginx", "-p", str(folder), "-c", str(conf)])


PEERS = (Peer("gateway", gateway), Peer("floor", floor), Peer("nginx", nginx))


def spawn(command: list[str], environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def pin(pid: int, core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[core % len(cores)]})


@dataclass(frozen=True)
class Running:
    """A peer that listens."""

    port: int
    pid: int


@contextmanager
def running(peers: Sequence[Peer], *upstream: str) -> Iterator[dict[str, Running]]:
    """Run a fake upstream, given what it takes, and peers over it; yield them by name."""
    with ExitStack() as stack:

        def started(process: subprocess.Popen[bytes], port: int, core: int) -> Running:
            stack.callback(process.wait)
            stack.callback(process.kill)
            wait_for(port)
            pin(process.pid, core)
            return Running(port, process.pid)

        upstream_port = free_port()
        command = [sys.executable, "-m", "bench.upstream", str(upstream_port), *upstream]
        started(spawn(command), upstream_port, 1)
        found = {}
        for peer in peers:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            port = free_port()
            found[peer.name] = started(peer.start(port, upstream_port, folder), port, 0)
        yield found
