import ssl
import stat
from pathlib import Path

from relayguard.testing.certificate import write_self_signed


def test_a_server_can_load_the_certificate_and_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    write_self_signed("mx.example.com", certificate, key)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
