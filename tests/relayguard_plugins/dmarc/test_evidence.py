from dataclasses import replace
from ipaddress import ip_network

import pytest

from relayguard import (
    ArcResult,
    ArcSet,
    ArcValue,
    Failed,
    Failure,
    Headers,
    Result,
    Results,
    Stage,
)
from relayguard.testing import a_session, some_headers
from relayguard_plugins.dmarc.evaluation import Identifiers
from relayguard_plugins.dmarc.evidence import MAX_SEALED, Evidence, Trusted, Witness

AUTHOR = "author.example"
PASSED = "dmarc=pass header.from=author.example"
SEALED = ArcSet(instance=1, sealer="lists.example", results=f" lists.example; spf=fail; {PASSED}".encode())
STRANGER = replace(SEALED, sealer="attack.example")
NOTHING = Headers(())
IDENTIFIERS = Identifiers()
TRUSTED = Trusted(sealers=frozenset({"lists.example", "b.example"}))


def evidence(
    *results: Result,
    headers: Headers = NOTHING,
    trusted: Trusted = TRUSTED,
    identifiers: Identifiers = IDENTIFIERS,
) -> Evidence:
    return Witness(a_session(), headers, Results(results), identifiers, trusted).evidence_for(AUTHOR)


def chain(*sets: ArcSet, value: ArcValue = ArcValue.PASS) -> ArcResult:
    return ArcResult(value=value, sets=tuple(replace(each, instance=n) for n, each in enumerate(sets, 1)), reason="x")


def said(entry: str) -> ArcSet:
    return replace(SEALED, results=f" lists.example; {entry}".encode())


CHAINS = [
    ("a trusted sealer saw the author pass", chain(SEALED), "ARC of lists.example"),
    ("a stranger saw it, too", chain(STRANGER), None),
    ("a stranger sealed last", chain(SEALED, STRANGER), None),
    ("a stranger sealed first, and a trusted one believed him", chain(STRANGER, said("none")), None),
    ("another trusted one sealed last", chain(SEALED, replace(said("none"), sealer="b.example")), "ARC of lists.example"),
    ("the author was not signed", chain(replace(SEALED, signs_from=False)), None),
    ("the chain fails", chain(SEALED, value=ArcValue.FAIL), None),
    ("he saw the author fail", chain(said("dmarc=fail header.from=author.example")), None),
    ("he saw another author", chain(said("dmarc=pass header.from=other.example")), None),
    ("he saw no author", chain(said("dmarc=pass")), None),
    ("he saw two", chain(said(f"{PASSED} header.from=author.example")), None),
    ("he saw him pass and fail", chain(said(f"{PASSED}; dmarc=fail header.from=author.example")), None),
    ("he saw him pass, and another fail", chain(said(f"{PASSED}; dmarc=fail header.from=x.example")), "ARC of lists.example"),
    ("he wrote the whole address", chain(said("dmarc=pass header.from=A@Author.EXAMPLE")), "ARC of lists.example"),
    ("what he wrote cannot be read", chain(replace(SEALED, results=b";;")), None),
    ("he wrote of another method", chain(said("spf=pass header.from=author.example")), None),
]  # fmt: skip


@pytest.mark.parametrize(("arc", "forwarder"), [row[1:] for row in CHAINS], ids=[row[0] for row in CHAINS])
def test_a_chain_is_evidence_if_only_trusted_sealers_stand_between_us_and_the_one_who_saw_the_author_pass(
    arc: ArcResult, forwarder: str | None
) -> None:
    #
    assert evidence(arc).forwarder == forwarder


def test_only_the_newest_sets_are_read() -> None:
    later = [said("none")] * (MAX_SEALED - 1)
    assert evidence(chain(SEALED, *later)).forwarder == "ARC of lists.example"
    assert evidence(chain(SEALED, *later, said("none"))).forwarder is None


def test_a_trusted_sealer_whose_key_cannot_be_had_may_be_right() -> None:
    temporary = chain(SEALED, value=ArcValue.TEMPERROR)
    assert evidence(temporary) == Evidence(unknown="ARC: x")
    assert evidence(chain(STRANGER, value=ArcValue.TEMPERROR)) == Evidence()
    assert evidence(temporary, trusted=Trusted()) == Evidence()


def test_if_arc_failed_to_run_a_sealed_message_may_have_been_right() -> None:
    failed = Failed(filter="arc", stage=Stage.END_OF_MESSAGE, kind=Failure.TIMEOUT)
    assert evidence(failed, headers=some_headers("ARC-Seal: i=1\n")).unknown == "ARC could not be checked"
    assert evidence(failed).unknown is None


SIGNER = Trusted(domains=frozenset({"lists.example"}))
LIST = some_headers("List-Id: Cooks <cooks.lists.example>\n")


FORWARDER = "lists.example"
CHECKED = Evidence(forwarder="DKIM and SPF of lists.example")
UNKNOWN = Evidence(unknown="DKIM and SPF of lists.example could not be checked")


@pytest.mark.parametrize(
    ("identifiers", "found"),
    [
        (Identifiers(dkim=(FORWARDER,), spf=(FORWARDER,)), CHECKED),
        (Identifiers(dkim=(FORWARDER,), spf=("bounces.lists.example",)), CHECKED),
        (Identifiers(dkim=(FORWARDER,), spf=("attack.example",)), Evidence()),
        (Identifiers(dkim=(FORWARDER,), spf=("notlists.example",)), Evidence()),
        (Identifiers(dkim=(FORWARDER,)), Evidence()),
        (Identifiers(spf=(FORWARDER,)), Evidence()),
        (Identifiers(dkim=("attack.example",), spf=("attack.example",)), Evidence()),
        (Identifiers(dkim=(FORWARDER,), spf_unknown=(FORWARDER,)), UNKNOWN),
        (Identifiers(dkim_unknown=(FORWARDER,), spf=(FORWARDER,)), UNKNOWN),
        (Identifiers(dkim_unknown=(FORWARDER,), spf_unknown=(FORWARDER,)), Evidence()),
    ],
)
def test_a_signer_is_evidence_if_he_is_trusted_and_it_comes_from_him(
    identifiers: Identifiers, found: Evidence
) -> None:
    assert evidence(identifiers=identifiers, trusted=SIGNER) == found


def test_a_trusted_network_is_evidence_and_a_list_id_is_told_apart() -> None:
    found = evidence(headers=LIST, trusted=Trusted(networks=(ip_network("192.0.2.0/24"),)))
    assert found == Evidence(forwarder="client 192.0.2.1", mailing_list=True)
    assert evidence(headers=LIST) == Evidence(mailing_list=True)
