"""Callers who go on asking while gateways come and go."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.kill.server import Server

PATIENCE_S = 10.0
PROMPTS = ("hello", "[[words:40]] [[pace_ms:2]]", "[[pace_ms:20]] slow", "[[tool]]")
END = b"message_stop"


@dataclass
class Load:
    """Some threads; each sends one call after the other, marked so that it is found again."""

    server: Server
    callers: int = 8
    asked: list[str] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    """The marks of calls whose answer came whole."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _marks: itertools.count[int] = field(default_factory=itertools.count)

    def start(self) -> None:
        for number in range(self.callers):
            thread = threading.Thread(target=self._ask_on, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(3 * PATIENCE_S)
            assert not thread.is_alive()

    def _ask_on(self, number: int) -> None:
        for turn in itertools.count():
            if self._stop.is_set():
                return
            mark = f"mark-{next(self._marks):06d}"
            self.asked.append(mark)
            prompt = PROMPTS[(number + turn) % len(PROMPTS)]
            if self._ask(mark, prompt, stream=bool((number + turn) % 3)):
                self.whole.add(mark)
            else:
                # The gateway is down, or was just killed.
                self._stop.wait(0.01)

    def _ask(self, mark: str, prompt: str, *, stream: bool) -> bool:
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 400,
            "stream": stream,
            "messages": [{"role": "user", "content": f"<{mark}> {prompt}"}],
        }
        headers = {
            "content-type": "application/json",
            "anthropic-version": "2023-06-01",
            "x-gateway-tag-mark": mark,
        }
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/v1/messages", json.dumps(body), headers)
            with connection.getresponse() as answer:
                came = answer.read()
                return answer.status == 200 and (END in came or not stream)
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
