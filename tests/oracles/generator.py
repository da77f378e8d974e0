"""Makes mail from a seed and the time: the same from the same."""

import random

from tests.oracles import keys, mutations, recipes
from tests.oracles.content import some_body, some_fields
from tests.oracles.keys import PrivateKey
from tests.oracles.mail import Field, Mail, Records
from tests.oracles.signer import HOLE, Plan, body_hash, sign
from tests.relayguard_plugins.dkim.signing import canonical_body, published

_DOMAINS = ("example.com", "example.com", "mail.example.com", "sender.example.net", "a.b.c.d.e.f.g.example.org")
_SEPARATORS = ("; ", "; ", ";", ";\r\n\t", ";\r\n ", " ; ")
_EQUALS = ("=",) * 12 + (" = ", "= ", "=\r\n\t", "=\r\n\t")
_FOLDS = ("", "", "\r\n\t", " ", "\r\n  ")
_FIELD_NAMES = (b"DKIM-Signature", b"DKIM-Signature", b"DKIM-Signature", b"dkim-signature", b"DKIM-SIGNATURE")


def a_mail(seed: int, now: int) -> Mail:
    """Return the message of this seed, as it would be at this time."""
    rng = random.Random(seed)
    fields, body = some_fields(rng), some_body(rng)
    records: dict[str, Records] = {}
    for number in range(rng.choice((1, 1, 1, 1, 2, 3))):
        fields.insert(0, _signature(rng, fields, body, number, records, now))
    mail = Mail(tuple(fields), body, records, now)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        mail = rng.choice(mutations.ALL)(rng, mail)
    return mail


def _signature(
    rng: random.Random, fields: list[Field], body: bytes, number: int, records: dict[str, Records], now: int
) -> Field:
    kind, key = _a_key(rng)
    tags = _usual_tags(rng, fields, kind, f"s{number}")
    domain, selector = tags["d"], tags["s"]
    relaxed_header, relaxed_body = (half == "relaxed" for half in tags["c"].split("/"))
    length = len(canonical_body(body, relaxed=relaxed_body))
    for change in rng.sample(recipes.USUAL, rng.choice((0, 0, 1, 2, 3))):
        change(rng, tags, length, now)
    tags["bh"] = body_hash(body, relaxed=relaxed_body, length=None)
    for change in rng.sample(recipes.ODD, rng.choice((0, 0, 0, 0, 0, 1, 1, 2))):
        change(rng, tags, length, now)
    signed_length = tags.get("l", "")
    if tags.get("bh") and signed_length.isdigit() and int(signed_length) < length:
        tags["bh"] = body_hash(body, relaxed=relaxed_body, length=int(signed_length))
    # Most other changes of d= and s= lose the key.
    domain = recipes.A_LABELS if tags.get("d") == recipes.U_LABELS else domain
    records[f"{selector}._domainkey.{domain}"] = _a_record(rng)(kind, published(key))
    names = [name.strip() for name in tags.get("h", "").split(":")]
    plan = Plan(rng.choice(_FIELD_NAMES), _layout(rng, tags), names, relaxed_header, key, rng.choice(_FOLDS))
    return sign(fields, plan)


def _a_key(rng: random.Random) -> tuple[str, PrivateKey]:
    if rng.random() < 0.3:
        return "ed25519", keys.ed25519_pair(rng.randrange(2))
    bits = rng.choices((1024, 2048, 768), (24, 12, 1))[0]
    return "rsa", keys.rsa_pair(bits, 0)


def _a_record(rng: random.Random) -> keys.Record:
    return rng.choice(keys.USUAL if rng.random() < 0.75 else keys.ODD)


def _usual_tags(rng: random.Random, fields: list[Field], kind: str, selector: str) -> recipes.Tags:
    present = [field.name.strip().lower().decode("latin-1") for field in fields]
    names = ["from", *rng.sample(present, rng.randint(0, len(present)))]
    names = [name for name in names if name.isascii() and name != "dkim-signature"]
    # Some sign a name more often than there are fields, so that none can be added.
    names += rng.sample(("from", "subject", "reply-to", "to"), rng.choice((0, 0, 1, 3)))
    rng.shuffle(names)
    forms = ("simple", "relaxed")
    return {
        "v": "1",
        "a": f"{kind}-sha256",
        "c": f"{rng.choice(forms)}/{rng.choice(forms)}",
        "d": rng.choice(_DOMAINS),
        "s": selector,
        "h": ":".join(names),
    }


def _layout(rng: random.Random, tags: recipes.Tags) -> str:
    written = list({**tags, "b": HOLE}.items())
    if rng.random() < 0.2:
        rng.shuffle(written)
    separator, equals = rng.choice(_SEPARATORS), rng.choice(_EQUALS)
    # RFC 6376 §3.2: no tag may be empty; some verifiers do not mind.
    separator = ";; " if rng.random() < 0.02 else separator
    end = rng.choice(("", "", ";", "; ", "\r\n "))
    return rng.choice((" ", " ", "", "\t", "\r\n ")) + separator.join(f"{n}{equals}{v}" for n, v in written) + end
