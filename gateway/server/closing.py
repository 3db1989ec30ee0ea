"""Closing a connection without taking the answer away."""

from __future__ import annotations

import asyncio

_AS_IT_IS = (
    "abort",
    "get_extra_info",
    "get_write_buffer_size",
    "pause_reading",
    "resume_reading",
    "write",
)


class GentleTransport(asyncio.Transport):
    """A transport whose `close` lets a caller who is still sending read the answer first.

    To close a socket on which bytes come in resets the connection, and on its way to the caller
    the reset overtakes the answer. So it is closed in two steps: the caller is told that nothing
    more is written, and what it sends is thrown away (by the protocol, which also bounds that)
    until it closes its side.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.sending = False
        """The caller has begun a request and not ended it; the protocol says so."""
        self.lingering = False
        """It is closed for writing, and only what comes in is still read."""
        self._transport = transport
        for name in _AS_IT_IS:
            setattr(self, name, getattr(transport, name))

    def is_closing(self) -> bool:
        """Say whether nothing more may be written."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Close it, in two steps where the caller is still sending."""
        if self.is_closing():
            return
        if not self.sending:
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:
            # The caller is gone already, and nobody has said so yet.
            self._transport.abort()
            return
        self.lingering = True
        self._transport.resume_reading()

    def shut(self) -> None:
        """Close it now; only what is written already still goes out."""
        self._transport.close()
