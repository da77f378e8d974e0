"""What libopendkim says of a message: the C library itself, through ctypes, where it is installed."""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, byref, c_char, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Any

from tests.oracles.mail import SIGNATURE, Judgement, Mail, Records, Verdict

LIBRARY = "libopendkim.so.11"

# From opendkim/dkim.h.
_OK, _NO_SIGNATURE = 0, 2
_CONTINUE, _TRY_AGAIN, _NOT_FOUND = 0, 2, 3
_SET_OPTION, _FLAGS, _CLOCK_DRIFT, _MIN_KEY_BITS = 1, 0, 12, 14
_BAD_SIGNATURES_TOO, _NOT_BEFORE_THE_END = 0x400, 0x20
_PROCESSED, _PASSED, _BODY_MATCHES, _UNKNOWN = 0x02, 0x04, 0, -1
_FAILURES = frozenset({3, 4, 28, 29, 37})
"""EXPIRED, FUTURE, BADSIG, SUBDOMAIN and KEYHASHMISMATCH; any other error is one of syntax or of the key."""

_UNSIGNED = b"Unsigned: "

_LookUp = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(c_char), c_size_t)

_PROTOTYPES: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "dkim_init": (c_void_p, (c_void_p, c_void_p)),
    "dkim_close": (None, (c_void_p,)),
    "dkim_options": (c_int, (c_void_p, c_int, c_int, c_void_p, c_size_t)),
    "dkim_set_key_lookup": (c_int, (c_void_p, _LookUp)),
    "dkim_verify": (c_void_p, (c_void_p, c_char_p, c_void_p, POINTER(c_int))),
    "dkim_header": (c_int, (c_void_p, c_char_p, c_size_t)),
    "dkim_eoh": (c_int, (c_void_p,)),
    "dkim_body": (c_int, (c_void_p, c_char_p, c_size_t)),
    "dkim_eom": (c_int, (c_void_p, c_void_p)),
    "dkim_free": (c_int, (c_void_p,)),
    "dkim_geterror": (c_char_p, (c_void_p,)),
    "dkim_getsiglist": (c_int, (c_void_p, POINTER(POINTER(c_void_p)), POINTER(c_int))),
    "dkim_sig_geterror": (c_int, (c_void_p,)),
    "dkim_sig_geterrorstr": (c_char_p, (c_int,)),
    "dkim_sig_getflags": (c_int, (c_void_p,)),
    "dkim_sig_getbh": (c_int, (c_void_p,)),
    "dkim_sig_getdomain": (c_char_p, (c_void_p,)),
    "dkim_sig_getselector": (c_char_p, (c_void_p,)),
}


def load() -> ctypes.CDLL | None:
    """Return the library, or None where it is not installed."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    for name, (returned, taken) in _PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = returned, taken
    return library


class OpenDkim:
    """A judge made of the library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._keys: Mapping[str, Records] = {}
        self._unanswered: set[str] = set()
        # Kept: the library calls it as long as the handle lives.
        self._look_up = _LookUp(self._find_key)
        self._handle = library.dkim_init(None, None)
        self._set(_FLAGS, ctypes.c_uint(_BAD_SIGNATURES_TOO | _NOT_BEFORE_THE_END))
        self._set(_CLOCK_DRIFT, c_uint64(300))
        self._set(_MIN_KEY_BITS, ctypes.c_uint(1024))
        library.dkim_set_key_lookup(self._handle, self._look_up)

    def close(self) -> None:
        """Give back what the library holds."""
        self._library.dkim_close(self._handle)

    def judge(self, mail: Mail) -> list[Judgement]:
        """Return what libopendkim finds, in the order of the signatures."""
        self._keys = mail.keys
        self._unanswered.clear()
        with self._message() as message:
            malformed = self._feed_header(message, mail)
            if (status := self._library.dkim_eoh(message)) == _NO_SIGNATURE:
                return []
            assert status == _OK, f"dkim_eoh: {status}"
            if mail.body:
                self._library.dkim_body(message, mail.body, len(mail.body))
            self._library.dkim_eom(message, None)
            words = self._library.dkim_geterror(message) or b""
            signatures = self._signatures(message)
            assert len(signatures) == len(mail.signatures)
            return [
                Judgement(Verdict.PERMERROR, "tags are malformed")
                if index in malformed
                else self._judge_one(each, words)
                for index, each in enumerate(signatures)
            ]

    @contextmanager
    def _message(self) -> Iterator[int]:
        message = self._library.dkim_verify(self._handle, b"oracle", None, byref(c_int()))
        try:
            yield message
        finally:
            self._library.dkim_free(message)

    def _feed_header(self, message: int, mail: Mail) -> set[int]:
        """Hand over the fields; return which signatures are no list of tags, from 0."""
        malformed = set()
        number = 0
        # With each field of a message signed and one more named, the library writes past the end of a list.
        self._library.dkim_header(message, _UNSIGNED, len(_UNSIGNED))
        for field in mail.fields:
            line = field.name + b":" + field.value
            status = self._library.dkim_header(message, line, len(line))
            if field.is_called(SIGNATURE):
                malformed |= set() if status == _OK else {number}
                number += 1
        return malformed

    def _signatures(self, message: int) -> list[int]:
        signatures, count = POINTER(c_void_p)(), c_int()
        status = self._library.dkim_getsiglist(message, byref(signatures), byref(count))
        assert status == _OK, f"dkim_getsiglist: {status}"
        return [signature for signature in signatures[: count.value] if signature is not None]

    def _judge_one(self, signature: int, words: bytes) -> Judgement:
        flags = self._library.dkim_sig_getflags(signature)
        error = self._library.dkim_sig_geterror(signature)
        if error == _UNKNOWN and not flags & _PROCESSED:
            if self._key_name(signature) in self._unanswered:
                return Judgement(Verdict.TEMPERROR, "no answer for the key")
            return Judgement(Verdict.PERMERROR, f"message: {words.decode()}")
        if error == _OK and flags & _PASSED and self._library.dkim_sig_getbh(signature) == _BODY_MATCHES:
            return Judgement(Verdict.PASS)
        reason = self._library.dkim_sig_geterrorstr(error).decode()
        return Judgement(Verdict.FAIL if error in _FAILURES else Verdict.PERMERROR, reason)

    def _key_name(self, signature: int) -> str:
        selector = self._library.dkim_sig_getselector(signature).decode()
        domain = self._library.dkim_sig_getdomain(signature).decode()
        return f"{selector}._domainkey.{domain}".lower().removesuffix(".")

    def _find_key(self, _message: int, signature: int, buffer: Any, size: int) -> int:
        name = self._key_name(signature)
        records = self._keys.get(name, ())
        if records is None:
            self._unanswered.add(name)
            return _TRY_AGAIN
        if not records:
            return _NOT_FOUND
        # Its own look-up refuses several records; the first of them stands for it to judge.
        record = records[0].encode()[: size - 1] + b"\0"
        ctypes.memmove(buffer, record, len(record))
        return _CONTINUE

    def _set(self, option: int, value: Any) -> None:
        status = self._library.dkim_options(self._handle, _SET_OPTION, option, byref(value), ctypes.sizeof(value))
        assert status == _OK, f"dkim_options {option}: {status}"
