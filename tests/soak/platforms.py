"""The emulated platforms of a soak, in a process of their own.

`python -m tests.soak.platforms DIRECTORY` writes Vertex AI's service-account file there and prints
the addresses as one JSON line. For each line it reads it prints what came in, as JSON; at the end
of its input it ends.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.emulator import NAMED, Emulator
from gateway.emulator.named_faults import PLATFORMS
from tests.ledger.bills import billed
from tests.soak.asking import FAULTS, MARK

KEEP = 1_000_000


def came_in(emulator: Emulator) -> dict[str, Any]:
    """Return each request with a mark, how many other requests there were, and what was lost."""
    rows, others = [], 0
    for record in emulator.records:
        mark = MARK.search(record.body)
        if mark is None:
            others += 1
            continue
        running = record.outcome == "open" or (record.outcome == "stall" and not record.left)
        row = (record.platform, record.status, record.fault, record.outcome, running)
        rows.append((mark[1].decode(), *row))
    lost = emulator.records.total - len(emulator.records)
    return {"requests": rows, "others": others, "lost": lost, "bills": list(_bills(emulator))}


def _bills(emulator: Emulator) -> Iterator[dict[str, Any]]:
    """Yield what the platforms bill for each request for a model that has ended."""
    for record in emulator.records:
        if record.platform in PLATFORMS and record.billed is not None:
            yield asdict(billed(record))


def told_line(told: Any) -> None:
    """Write one line of JSON to whoever started this."""
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


def main(directory: Path) -> None:
    # Faults write on to callers who have gone; asyncio would warn of each byte.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with Emulator(keep_records=KEEP) as emulator:
        for name in FAULTS:
            for platform in NAMED[name].platforms:
                emulator.faults.add(
                    name, platform=platform, contains=f"fault:{name}@{platform};", times=-1
                )
        emulator.vertex.write_service_account(directory / "vertex.json")
        identity = emulator.bedrock.door.identity
        told = {
            "anthropic": emulator.direct.base_url,
            "bedrock": emulator.bedrock.base_url,
            "vertex": f"{emulator.vertex.base_url}/v1",
            "environ": {
                "SOAK_API_KEY": emulator.api_key,
                "SOAK_AWS_ID": identity.access_key,
                "SOAK_AWS_SECRET": identity.secret_key,
            },
        }
        told_line(told)
        for _ in sys.stdin:
            told_line(came_in(emulator))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
