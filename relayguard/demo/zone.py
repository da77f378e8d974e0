"""The DNS of the demonstration. Clients are told apart by their loopback address."""

MX = "mx.example.com"
"""Our relay: its host name, and its name in Authentication-Results."""

RECIPIENT = "bob@example.com"

GOOD_CLIENT = "127.0.0.10"
"""good.example's own mail server."""
FORWARDER = "127.0.0.20"
"""A server that good.example knows nothing of."""
STRANGER = "127.0.0.66"

SEALER = "lists.example"
"""A mailing list whose ARC seal we trust."""

LOOKALIKE = "examp1e.com"
OTHER_SUFFIX = "example.co"
"""They are not ours, and have records of their own that are in order."""

SELECTOR = "demo"


def zone_text(public_key: str) -> str:
    """Return the zone file; `public_key` is good.example's DKIM key, DER in base64."""
    return f"""\
good.example.                    IN TXT "v=spf1 ip4:{GOOD_CLIENT} -all"
good.example.                    IN MX  10 mail.good.example.
mail.good.example.               IN A   {GOOD_CLIENT}
mail.good.example.               IN TXT "v=spf1 a -all"
{SELECTOR}._domainkey.good.example. IN TXT {_strings(f"v=DKIM1; k=rsa; p={public_key}")}
{SELECTOR}._domainkey.{SEALER}.  IN TXT {_strings(f"v=DKIM1; k=rsa; p={public_key}")}
{SELECTOR}._domainkey.evil.example. IN TXT {_strings(f"v=DKIM1; k=rsa; p={public_key}")}
_dmarc.good.example.             IN TXT "v=DMARC1; p=reject"
plain.example.                   IN TXT "v=spf1 ip4:{GOOD_CLIENT} -all"
_dmarc.plain.example.            IN TXT "v=DMARC1; p=quarantine"
evil.example.                    IN TXT "v=spf1 +all"
{LOOKALIKE}.                     IN TXT "v=spf1 ip4:{STRANGER} -all"
{LOOKALIKE}.                     IN MX  10 mail.{LOOKALIKE}.
_dmarc.{LOOKALIKE}.              IN TXT "v=DMARC1; p=reject"
{OTHER_SUFFIX}.                  IN TXT "v=spf1 ip4:{STRANGER} -all"
{OTHER_SUFFIX}.                  IN MX  10 mail.{OTHER_SUFFIX}.
_dmarc.{OTHER_SUFFIX}.           IN TXT "v=DMARC1; p=reject"
$SERVFAIL broken.example.
"""


def _strings(text: str) -> str:
    # RFC 1035 §3.3: one string of a TXT record holds at most 255 octets.
    return " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
