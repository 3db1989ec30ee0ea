"""Claude's platforms on loopback, with faults on request, for tests and demonstrations.

```python
from anthropic import Anthropic
from gateway.emulator import Emulator

with Emulator() as emulator:
    client = Anthropic(base_url=emulator.direct.base_url, api_key=emulator.api_key)
    emulator.faults.add("status", status=529, times=1)
    ...
    assert emulator.records[0].status == 529
```

The same request gets the same answer. A prompt may say what it wants: `[[words:200]]`,
`[[events:60]]`, `[[say:any text]]`, `[[tool]]` or `[[tool:name]]`, `[[refusal]]` or
`[[refusal:mid]]`, `[[pace_ms:5]]`, `[[stamp:any word]]` (every answer differs: its own id is in
its text). With `[[geo:us]]` or `[[model:claude-opus-5]]` the answer says that it came from
elsewhere than it was asked for.
"""

from __future__ import annotations

from gateway.emulator.faults import Action, Fault, FaultError, Faults
from gateway.emulator.platforms import API_KEY, Emulator, serve
from gateway.emulator.records import Record, Records

__all__ = [
    "API_KEY",
    "Action",
    "Emulator",
    "Fault",
    "FaultError",
    "Faults",
    "Record",
    "Records",
    "serve",
]
