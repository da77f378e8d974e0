"""Key pairs that are the same in every run, and the records that publish them, the odd ones included."""

import random
from collections.abc import Callable
from functools import cache
from math import gcd

import nacl.signing
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.oracles.mail import Records
from tests.relayguard_plugins.dkim.signing import published

PrivateKey = rsa.RSAPrivateKey | nacl.signing.SigningKey

_EXPONENT = 65537
_SMALL_PRIMES = [number for number in range(3, 1000, 2) if all(number % i for i in range(3, number, 2))]


@cache
def rsa_pair(bits: int, which: int = 0) -> rsa.RSAPrivateKey:
    """Return one of the RSA keys of this size. Libraries make another one each time."""
    rng = random.Random(f"RSA {bits} {which}")
    p, q = _prime(rng, bits // 2), _prime(rng, bits // 2)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key()


@cache
def ed25519_pair(which: int = 0) -> nacl.signing.SigningKey:
    """Return one of the Ed25519 keys."""
    return nacl.signing.SigningKey(random.Random(f"Ed25519 {which}").randbytes(32))


def _prime(rng: random.Random, bits: int) -> int:
    while True:
        # The two highest bits are set, so that a product of two has twice the length.
        number = rng.getrandbits(bits) | 3 << bits - 2 | 1
        possible = all(number % prime for prime in _SMALL_PRIMES) and gcd(number - 1, _EXPONENT) == 1
        # Fermat's test with one base: good enough for keys that guard nothing.
        if possible and pow(2, number - 1, number) == 1:
            return number


Record = Callable[[str, str], Records]
"""Makes the records of a key from its type and its ``p=``."""

USUAL: tuple[Record, ...] = (
    lambda kind, p: (f"v=DKIM1; k={kind}; p={p}",),
    lambda kind, p: (f"v=DKIM1;k={kind};h=sha256;s=email;p={p};",),
    lambda kind, p: (f"k={kind}; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; n=a note; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; t=s; p={p}",),
)

ODD: tuple[Record, ...] = (
    lambda kind, p: (f"v=DKIM1; k={kind}; t=y; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; t=y:s; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; h=sha1; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; h=sha1:sha256; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; h=sha512; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; h=; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; s=*; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; s=other:email; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; s=tlsrpt; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; s=web; p={p}",),
    lambda kind, p: ("some-verification=1", f"v=DKIM1; k={kind}; p={p}"),
    lambda kind, p: (f"v=DKIM1; k={kind}; p={p}", "v=spf1 -all"),
    lambda kind, p: ("v=DKIM1; p=", f"v=DKIM1; k={kind}; p={p}"),
    lambda kind, p: (f"v=DKIM1; k={kind}; p=",),
    lambda kind, p: (f"v=DKIM1; k={kind}",),
    lambda kind, p: (),
    lambda kind, p: None,
    lambda kind, p: None,
    lambda kind, p: None,
    lambda kind, p: (f"v=DKIM2; k={kind}; p={p}",),
    lambda kind, p: (f"k={kind}; p={p}; v=DKIM1",),
    lambda kind, p: (f"v=dkim1; k={kind}; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind.upper()}; p={p}",),
    lambda kind, p: (f"v=DKIM1; k=dsa; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={'rsa' if kind == 'ed25519' else 'ed25519'}; p={p}",),
    lambda kind, p: (f"v=DKIM1; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; p={p[:20]} {p[20:]}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; p={p[:20]}!{p[20:]}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; p={p[:32]}",),
    lambda kind, p: (f"v=DKIM1;; k={kind}; p={p};;",),
    lambda kind, p: (f" v = DKIM1 ; k = {kind} ; p = {p} ",),
    lambda kind, p: (f"v=DKIM1; k={kind}; k={kind}; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; junk; p={p}",),
    lambda kind, p: (f"v=DKIM1; k={kind}; x-new=1; p={p}",),
    lambda kind, p: (
        f"v=DKIM1; k={kind}; p={published(ed25519_pair(9) if kind == 'ed25519' else rsa_pair(1024, 9))}",
    ),
)
