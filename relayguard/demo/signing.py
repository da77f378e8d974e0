"""A DKIM key made for one demonstration, and the sender's and sealer's side of it, with dkimpy."""

import base64

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class SenderKey:
    """An RSA key of 2048 bits."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public(self) -> str:
        """The public key as DKIM publishes it: DER in base64."""
        encoded = self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(encoded).decode("ascii")

    def sign(self, message: bytes, domain: str, selector: str, *, length: bool = False) -> bytes:
        """Return `message` with a DKIM-Signature on top; with `length` it has ``l=``."""
        form = (b"relaxed", b"relaxed")
        signature = dkim.sign(
            message, selector.encode(), domain.encode(), self._pem(), canonicalize=form, length=length
        )
        return signature + message

    def seal(self, message: bytes, domain: str, selector: str) -> bytes:
        """Return `message` with an ARC set on top; its Authentication-Results of `domain` is what was found."""
        fields = dkim.arc_sign(message, selector.encode(), domain.encode(), self._pem(), domain.encode())
        return b"".join(fields) + message

    def _pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
