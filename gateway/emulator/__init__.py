"""Claude's platforms on loopback, with faults on request, for tests and demonstrations.

```python
from anthropic import Anthropic
from gateway.emulator import Emulator

with Emulator() as emulator:
    client = Anthropic(base_url=emulator.direct.base_url, api_key=emulator.api_key)
    emulator.faults.add("status", status=529, times=1)
    emulator.faults.add("reset-before-head", contains="case-17", times=-1)
    ...
    assert emulator.records[0].status == 529
```

`NAMED` has every fault with a name. The same request gets the same answer. A prompt may say what
it wants: `[[words:200]]`, `[[events:60]]`, `[[say:any text]]`, `[[tool]]` or `[[tool:name]]`,
`[[refusal]]` or `[[refusal:mid]]`, `[[pace_ms:5]]`, `[[stamp:any word]]` (the answer's own
id stands in its text). With `[[geo:us]]` or `[[model:claude-opus-5]]` the answer says that it came
from elsewhere than it was asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.emulator.billing import Bill, Why
    from gateway.emulator.fault_queue import Faults
    from gateway.emulator.faults import Action, Fault, FaultError
    from gateway.emulator.named_faults import NAMED, NamedFault
    from gateway.emulator.platforms import API_KEY, Emulator, serve
    from gateway.emulator.records import Record, Records

__all__ = [
    "API_KEY",
    "NAMED",
    "Action",
    "Bill",
    "Emulator",
    "Fault",
    "FaultError",
    "Faults",
    "NamedFault",
    "Record",
    "Records",
    "Why",
    "serve",
]

_HOMES = {
    "billing": ("Bill", "Why"),
    "fault_queue": ("Faults",),
    "faults": ("Action", "Fault", "FaultError"),
    "named_faults": ("NAMED", "NamedFault"),
    "platforms": ("API_KEY", "Emulator", "serve"),
    "records": ("Record", "Records"),
}
"""Module -> the public names in it; each loads when a name is first used."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(f"{__name__}.{home}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
