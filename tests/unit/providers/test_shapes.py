"""No thread meets a struct's shape first: msgspec 0.22 crashes where two do so at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = """
import sys, threading
from gateway.demo.stage import staged

met = set()

def look(frame, event, arg):
    # msgspec asks for the annotations of a shape when it first looks through it.
    if event == "call" and frame.f_code.co_name == "get_class_annotations":
        shape = frame.f_locals["obj"]
        while frame and frame.f_code.co_name != "_find_and_load":
            frame = frame.f_back
        # `_Keys` is a class of its own each time that one is made.
        if frame is None and shape.__name__ != "_Keys":
            met.add(shape.__qualname__)

sys.setprofile(look)
threading.setprofile(look)
asked = {"model": "claude-opus-5-5", "max_tokens": 64}
with staged() as stage:
    for door in stage.doors:
        door.client.messages.create(**asked, messages=[{"role": "user", "content": "hello"}])
sys.setprofile(None)
print(sorted(met))
"""


def test_every_shape_is_looked_through_at_import(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own arguments
    assert done.stdout == "[]\n"
