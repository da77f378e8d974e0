import pytest

from relayguard import DkimResult, DkimValue, Mailbox, Results, read_authors
from relayguard.testing import some_headers
from relayguard_plugins.spoof.author import Vouched, vouched_by
from relayguard_plugins.spoof.fields import (
    MAX_DOMAINS,
    domains_of,
    mailboxes_of,
    repeated,
    reply_elsewhere,
    weak_signature,
)
from relayguard_plugins.spoof.signals import Signal

NOBODY = vouched_by(Results())
SIGNED = Results([DkimResult(value=DkimValue.PASS, domain="author.example", tag="x")])


def test_a_field_that_is_there_again_is_a_signal() -> None:
    headers = some_headers("Subject: a\r\nsubject: b\r\nTo: a@example.com\r\nReceived: x\r\nReceived: y\r\n\r\n")
    assert [each.evidence for each in repeated(headers)] == ["repeated: subject"]
    assert list(repeated(some_headers("Subject: a\r\nTo: a@example.com\r\n\r\n"))) == []


@pytest.mark.parametrize(
    ("answers", "vouched", "found"),
    [
        ("Reply-To: a@evil.example", NOBODY, True),
        ("Reply-To: a@sub.author.example", NOBODY, False),
        ("Reply-To: a@author.example, b@evil.example", NOBODY, True),
        ("Reply-To: talk@lists.example.net\r\nList-Id: <talk.lists.example.net>", NOBODY, True),
        (
            "Reply-To: talk@lists.example.net\r\nList-Id: <talk.lists.example.net>",
            vouched_by(Results([DkimResult(value=DkimValue.PASS, domain="example.net")])),
            False,
        ),
        ("X-Reply-To: a@evil.example", NOBODY, False),
        ("Reply-To: <<>>", NOBODY, True),
        ("Reply-To: a@author.example\r\nReply-To: b@evil.example", NOBODY, True),
    ],
)
def test_answers_to_another_organisation_are_a_signal(answers: str, vouched: Vouched, *, found: bool) -> None:
    headers = some_headers(f"From: a@author.example\r\n{answers}\r\n\r\n")
    signals = [
        each.signal
        for each in reply_elsewhere(mailboxes_of(headers, "Reply-To"), headers, ["author.example"], vouched)
    ]
    assert signals == [Signal.REPLY_ELSEWHERE] * found


def test_an_endless_reply_to_is_not_read() -> None:
    many = some_headers("Reply-To: " + "a@example.org, " * 5000 + "b@example.org\r\n\r\n")
    assert mailboxes_of(many, "Reply-To") is None


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ("d=author.example; h=from:subject:date; b=x", ""),
        ("d=author.example; h=from; b=x", "signature that of author.example leaves subject and date unsigned"),
        (
            "d=author.example; h=from:subject:date; l=20; b=x",
            "signature that of author.example covers a part of the body (l=)",
        ),
        ("d=other.example; h=from; b=x", ""),
        ("nonsense", ""),
    ],
)
def test_a_signature_that_leaves_out_what_readers_see_is_a_signal(signature: str, found: str) -> None:
    headers = some_headers(f"From: a@author.example\r\nSubject: a\r\nDate: b\r\nDKIM-Signature: {signature}\r\n\r\n")
    evidence = [each.evidence for each in weak_signature(headers, read_authors(headers), SIGNED)]
    assert evidence == ([found] if found else [])


def test_one_signature_that_covers_all_is_enough() -> None:
    headers = some_headers(
        "From: a@author.example\r\nSubject: a\r\n"
        "DKIM-Signature: d=author.example; h=from; b=x\r\n"
        "DKIM-Signature: d=author.example; h=from:subject; b=x\r\n\r\n"
    )
    assert list(weak_signature(headers, read_authors(headers), SIGNED)) == []


def test_a_signature_that_fails_hides_no_weak_one() -> None:
    headers = some_headers(
        "From: a@author.example\r\nSubject: a\r\n"
        "DKIM-Signature: d=author.example; h=from:subject; b=decoy\r\n"
        "DKIM-Signature: d=author.example; h=from; b=x\r\n\r\n"
    )
    assert [each.signal for each in weak_signature(headers, read_authors(headers), SIGNED)] == [Signal.WEAK_SIGNATURE]


def test_of_many_domains_that_answers_go_to_a_few_are_read() -> None:
    answers = [Mailbox("", "a", f"d{number}.author.example") for number in range(99)]
    assert len(list(domains_of(answers))) == MAX_DOMAINS
    found = reply_elsewhere(answers, some_headers("\r\n"), ["author.example"], NOBODY)
    assert [each.signal for each in found] == [Signal.REPLY_ELSEWHERE]
