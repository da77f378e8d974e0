"""An RSA key that costs a verifier as much as the caps allow: 8192 bits, and an exponent of 64."""

import math
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

EXPONENT = (1 << 64) - 59
"""The largest prime of 64 bits."""


@cache
def dear_key() -> rsa.RSAPrivateKey:
    """Return the key. Its factors are products of small primes, for primes of 4096 bits take a minute to find."""
    left, right = ([prime for _ in range(2) for prime in _primes()] for _ in range(2))
    p, q = math.prod(left), math.prod(right)
    d = pow(EXPONENT, -1, math.lcm(*(prime - 1 for prime in left + right)))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % math.lcm(*(prime - 1 for prime in left)),
        dmq1=d % math.lcm(*(prime - 1 for prime in right)),
        iqmp=pow(q, -1, p),
        public_numbers=rsa.RSAPublicNumbers(EXPONENT, p * q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _primes() -> tuple[int, int]:
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    return numbers.p, numbers.q
