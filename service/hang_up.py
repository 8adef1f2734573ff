"""Asks the kernel whether the other end of a connection has hung up."""

import ctypes
import select

_poll = ctypes.PyDLL(None).poll
"""poll(2), which does not wait when it is told to wait for 0 ms, and so keeps the interpreter's
lock here. ``select.poll`` gives it away, to a worker that wants it: two switches of threads for one
look, and batches that begin before there is much to put into them (docs/decisions/http-cost.md).
"""


class HangUp(ctypes.Structure):
    """What poll(2) is asked of one socket, its ``struct pollfd``; the socket must stay open."""

    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))

    @classmethod
    def of(cls, descriptor: int) -> "HangUp":
        """The hanging up of whoever is at the other end of that socket."""
        return cls(descriptor, select.POLLRDHUP)

    def has_happened(self) -> bool:
        """Whether nothing more will come from there. Takes a microsecond."""
        return bool(_poll(ctypes.byref(self), 1, 0) > 0)
