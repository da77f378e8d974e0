"""Runs Python behind the guards of a unit: ``sandboxed.py CALLS FAMILIES -m relayguard run``.

A process that makes a system call that is not among CALLS is killed, where the unit would refuse it: a daemon
that serves here never tries one. Sockets of other FAMILIES are refused, and so is memory that is written and
executed, as the unit does it.
"""

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Iterable

# <seccomp.h>
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EQUAL, _MASKED_EQUAL = 4, 7
# <sys/mman.h>
_WRITE, _EXECUTE = 2, 4
# More than Linux has.
_FAMILIES = 64


class _Comparison(ctypes.Structure):
    _fields_ = (("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class Filter:
    """A seccomp filter that does `default` with every call that has no rule."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))

    def rule(self, action: int, call: str, *compared: _Comparison) -> None:
        """Do `action` with a call, if its arguments are such; a call that this machine has not is skipped."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (_Comparison * len(compared))(*compared)
        added = self._library.seccomp_rule_add_array(
            self._filter, ctypes.c_uint32(action), number, len(compared), array
        )
        assert added == 0, f"{call}: {added}"

    def load(self) -> None:
        """Hold this process to it, and whatever it becomes or starts."""
        assert self._library.seccomp_load(self._filter) == 0


def deny_write_and_execute() -> None:
    guard = Filter(_ALLOW)
    both = _Comparison(2, _MASKED_EQUAL, _WRITE | _EXECUTE, _WRITE | _EXECUTE)
    guard.rule(_ERRNO | errno.EPERM, "mmap", both)
    guard.rule(_ERRNO | errno.EPERM, "mprotect", _Comparison(2, _MASKED_EQUAL, _EXECUTE, _EXECUTE))
    guard.load()


def allow_only(calls: Iterable[str], families: frozenset[int]) -> None:
    guard = Filter(_KILL_PROCESS)
    for call in calls:
        if call != "socket":
            guard.rule(_ALLOW, call)
    for family in range(_FAMILIES):
        action = _ALLOW if family in families else _ERRNO | errno.EAFNOSUPPORT
        guard.rule(action, "socket", _Comparison(0, _EQUAL, family, 0))
    guard.load()


allowed, named, *arguments = sys.argv[1:]
# This one first: the other does not allow what loads a filter.
deny_write_and_execute()
allow_only(allowed.split(), frozenset(getattr(socket, family) for family in named.split()))
os.execv(sys.executable, [sys.executable, *arguments])
