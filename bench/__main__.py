"""Print CPU microseconds a request: the gateway, the floor, and nginx where it is installed.

Each serves alone on one core; the load and the fake upstream share another. The CPU time is the
kernel's own account of the process, so a busy machine blurs it less than a stop-watch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import deciding
from bench.load import WORKLOADS, Count, Workload, run

BOUND = 2.5
"""The gateway may cost this many times the floor, for the first workload."""
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


def cpu_ns(pid: int) -> int:
    """Return the CPU time of all threads of a process, from the scheduler's account."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def pin(pid: int, core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[core % len(cores)]})


async def measure(pid: int, port: int, work: Workload, seconds: float) -> float:
    """Return CPU microseconds a request."""
    await run(port, work, min(1.0, seconds), warm := Count())
    warm.going = False
    count = Count()
    before_ns = cpu_ns(pid)
    await run(port, work, seconds, count)
    spent_ns, answered = cpu_ns(pid) - before_ns, count.answered
    count.going = False
    if count.broken or not answered:
        raise SystemExit(f"{work.name}: {count.broken} connections broke")
    await asyncio.sleep(0.5)
    return spent_ns / answered / 1000


def peer_figures(peer: Peer, works: list[Workload], seconds: float) -> dict[str, float]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream_port, port = free_port(), free_port()
        for process, listening, core in (
            (spawn([sys.executable, "-m", "bench.upstream", str(upstream_port)]), upstream_port, 1),
            (peer.start(port, upstream_port, folder), port, 0),
        ):
            stack.callback(process.wait)
            stack.callback(process.kill)
            wait_for(listening)
            pin(process.pid, core)
        return {work.name: asyncio.run(measure(process.pid, port, work, seconds)) for work in works}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load for each figure")
    parser.add_argument("--only", help="workloads whose name starts so")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    works = [work for work in WORKLOADS if work.name.startswith(options.only or "")]
    peers = [peer for peer in PEERS if peer.name != "nginx" or shutil.which("nginx")]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    figures = {peer.name: peer_figures(peer, works, options.seconds) for peer in peers}
    ratio = {
        work.name: figures["gateway"][work.name] / figures["floor"][work.name] for work in works
    }
    decisions = {} if options.only else deciding.figures()
    if options.json:
        found = {"cpu_us": figures, "gateway_to_floor": ratio, "decision_cpu_us": decisions}
        print(json.dumps(found))
    else:
        report(works, figures, ratio)
        deciding.report(decisions)
    deciding.check(decisions)
    first = works[0].name
    if ratio[first] > BOUND:
        raise SystemExit(f"{first}: the gateway costs {ratio[first]:.2f} x the floor, over {BOUND}")


def report(
    works: list[Workload], figures: dict[str, dict[str, float]], ratio: dict[str, float]
) -> None:
    print(
        f"{'CPU us a request':24}" + "".join(f"{name:>12}" for name in figures) + f"{'x floor':>10}"
    )
    for work in works:
        row = "".join(f"{figures[name][work.name]:12.0f}" for name in figures)
        print(f"{work.name:24}{row}{ratio[work.name]:10.2f}")


if __name__ == "__main__":
    main()
