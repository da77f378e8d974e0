"""What may happen to signed mail on its way: one change of one kind each."""

import random
import re
from collections.abc import Callable
from dataclasses import replace

from tests.oracles.content import some_text
from tests.oracles.mail import Field, Mail

Mutation = Callable[[random.Random, Mail], Mail]

_OCTETS = b' \tabAB=;:+/@.,<>"0189\x80\xff'


def _changed(rng: random.Random, octets: bytes) -> bytes:
    """Replace, insert or delete one octet, never one of a line end."""
    places = [place for place, octet in enumerate(octets) if octet not in b"\r\n"]
    if not places:
        return octets + b"x"
    at, new = rng.choice(places), bytes([rng.choice(_OCTETS)])
    # A line that becomes empty, or starts with another octet, would move the end of the field.
    if at == 0 or octets[at - 1] == 0x0A or octets[at + 1 : at + 2] in (b"\r", b""):
        return octets[: at + 1] + new + octets[at + 1 :]
    return rng.choice(
        (octets[:at] + new + octets[at + 1 :], octets[:at] + new + octets[at:], octets[:at] + octets[at + 1 :])
    )


def _with_field(mail: Mail, place: int, field: Field) -> Mail:
    return replace(mail, fields=(*mail.fields[:place], field, *mail.fields[place + 1 :]))


def _place(rng: random.Random, mail: Mail, *, signature: bool) -> int | None:
    places = [at for at, field in enumerate(mail.fields) if (field in mail.signatures) is signature]
    return rng.choice(places) if places else None


def _edit_field(edit: Callable[[random.Random, Field], Field], *, signature: bool) -> Mutation:
    def mutate(rng: random.Random, mail: Mail) -> Mail:
        place = _place(rng, mail, signature=signature)
        return mail if place is None else _with_field(mail, place, edit(rng, mail.fields[place]))

    return mutate


def _edit_value(edit: Callable[[random.Random, bytes], bytes], *, signature: bool) -> Mutation:
    return _edit_field(lambda rng, field: replace(field, value=edit(rng, field.value)), signature=signature)


def _edit_body(edit: Callable[[random.Random, bytes], bytes]) -> Mutation:
    return lambda rng, mail: replace(mail, body=edit(rng, mail.body))


def _fold(rng: random.Random, value: bytes) -> bytes:
    # Not where a line begins: an empty line would end the header.
    places = [match.start() for match in re.finditer(rb"(?<!\n) (?=[^ \t\r\n])", value)]
    if not places:
        return value
    at = rng.choice(places)
    return value[:at] + b"\r\n" + value[at:]


def _unfold(rng: random.Random, value: bytes) -> bytes:
    return value.replace(b"\r\n", b"")


def _space_out(rng: random.Random, text: bytes) -> bytes:
    return text.replace(b" ", rng.choice((b"  ", b"\t", b" \t")))


def _case(rng: random.Random, field: Field) -> Field:
    return replace(field, name=rng.choice((field.name.upper(), field.name.lower())))


def _add_field(rng: random.Random, mail: Mail) -> Mail:
    name = rng.choice((b"Received", b"Subject", b"To", b"X-New", b"DKIM-Signature"))
    value = b" v=1; a=rsa-sha256; d=example.com" if name == b"DKIM-Signature" else b" " + some_text(rng, 4)
    place = rng.randint(0, len(mail.fields))
    return replace(mail, fields=(*mail.fields[:place], Field(name, value), *mail.fields[place:]))


def _add_from(rng: random.Random, mail: Mail) -> Mail:
    place = rng.choice((0, len(mail.fields)))
    return replace(mail, fields=(*mail.fields[:place], Field(b"From", b" eve@example.net"), *mail.fields[place:]))


def _remove_field(rng: random.Random, mail: Mail) -> Mail:
    place = rng.randrange(len(mail.fields) or 1)
    return replace(mail, fields=(*mail.fields[:place], *mail.fields[place + 1 :]))


def _reorder(rng: random.Random, mail: Mail) -> Mail:
    return replace(mail, fields=tuple(rng.sample(mail.fields, len(mail.fields))))


def _edit_tags(rng: random.Random, value: bytes) -> bytes:
    specs = value.split(b";")
    at = rng.randrange(len(specs))
    name, equals, text = specs[at].partition(b"=")
    new = rng.choice(
        (
            [],
            [specs[at], specs[at]],
            [name + equals],
            [name + equals + text.swapcase()],
            [name + equals + b" 1"],
            [name + equals + text + b"x"],
            [specs[at], b" zz=1"],
            [specs[at], b" junk"],
        )
    )
    return b";".join((*specs[:at], *new, *specs[at + 1 :]))


def _append(rng: random.Random, body: bytes) -> bytes:
    return body + rng.choice((b"\r\n", b"\r\n\r\n", b" \r\n", b"\t\r\n\r\n", b"More.\r\n", b" "))


def _cut(rng: random.Random, body: bytes) -> bytes:
    return rng.choice((body.removesuffix(b"\r\n"), body.rstrip(b"\r\n") + b"\r\n", body[: len(body) // 2]))


def _bare(rng: random.Random, body: bytes) -> bytes:
    at = rng.randint(0, len(body))
    return body[:at] + rng.choice((b"\r", b"\n")) + body[at:]


def _new_keys(rng: random.Random, mail: Mail) -> Mail:
    """DNS has forgotten the keys, or does not answer."""
    records = rng.choice(((), None))
    return replace(mail, keys=dict.fromkeys(mail.keys, records))


ALL: tuple[Mutation, ...] = (
    _edit_body(_changed),
    _edit_body(_changed),
    _edit_body(_space_out),
    _edit_body(_append),
    _edit_body(_append),
    _edit_body(_cut),
    _edit_body(_bare),
    _edit_value(_changed, signature=False),
    _edit_value(_fold, signature=False),
    _edit_value(_unfold, signature=False),
    _edit_value(_space_out, signature=False),
    _edit_field(_case, signature=False),
    _edit_value(_changed, signature=True),
    _edit_value(_changed, signature=True),
    _edit_value(_fold, signature=True),
    _edit_value(_unfold, signature=True),
    _edit_value(_space_out, signature=True),
    _edit_value(_edit_tags, signature=True),
    _edit_value(_edit_tags, signature=True),
    _edit_field(_case, signature=True),
    _add_field,
    _add_from,
    _remove_field,
    _reorder,
    _new_keys,
)
