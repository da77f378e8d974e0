from dataclasses import replace

import pytest

from relayguard import (
    ArcResult,
    ArcSet,
    ArcValue,
    AuthResult,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    IprevResult,
    IprevValue,
    Override,
    OverrideKind,
    Result,
    SpfIdentity,
    SpfResult,
    SpfValue,
)
from relayguard.authentication_results.render import render

SPF = SpfResult(value=SpfValue.PASS, identity=SpfIdentity.MAIL_FROM, domain="example.com", identifier="a@example.com")
SEALED = ArcSet(instance=1, sealer="lists.example")


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (SPF, "spf=pass smtp.mailfrom=a@example.com"),
        (
            DkimResult(
                value=DkimValue.PASS,
                domain="example.com",
                selector="s1",
                algorithm="rsa-sha256",
                tag="Ab",
                testing=True,
            ),
            "dkim=pass (testing key) header.d=example.com header.s=s1\n\t header.a=rsa-sha256 header.b=Ab",
        ),
        (DkimResult(value=DkimValue.NONE), "dkim=none"),
        (
            replace(SPF, permissive=True, source="found by 192.0.2.7"),
            "spf=pass (found by 192.0.2.7) smtp.mailfrom=a@example.com\n\t policy.spf=permissive",
        ),
        (ArcResult(value=ArcValue.NONE, client="192.0.2.1"), "arc=none"),
        (
            ArcResult(value=ArcValue.PASS, sets=(SEALED,), oldest_pass=0, client="2001:db8::1"),
            'arc=pass (i=1, sealed by lists.example) header.oldest-pass=0\n\t smtp.remote-ip="2001:db8::1"',
        ),
        (
            ArcResult(value=ArcValue.FAIL, client="192.0.2.1", reason="a gap"),
            'arc=fail reason="a gap" smtp.remote-ip=192.0.2.1',
        ),
        (
            IprevResult(value=IprevValue.PASS, address="192.0.2.1", name="mail.example"),
            "iprev=pass (mail.example) policy.iprev=192.0.2.1",
        ),
        (
            DmarcResult(value=DmarcValue.FAIL, domain="example.com", policy=DmarcPolicy.REJECT),
            "dmarc=fail header.from=example.com policy.dmarc=reject",
        ),
        (
            DmarcResult(value=DmarcValue.PERMERROR, reason="no author domain"),
            'dmarc=permerror reason="no author domain"',
        ),
        (
            DmarcResult(
                value=DmarcValue.FAIL,
                domain="example.com",
                policy=DmarcPolicy.REJECT,
                applied=DmarcPolicy.NONE,
                overrides=(Override(OverrideKind.TRUSTED_FORWARDER, "192.0.2.0/24"),),
            ),
            "dmarc=fail (applied none, trusted_forwarder: 192.0.2.0/24)\n\t header.from=example.com policy.dmarc=reject",
        ),
        (AuthResult(), "auth=pass"),
    ],
)
def test_a_result_is_reported_as_its_standard_says(result: Result, shown: str) -> None:
    reported = result.reported()
    assert reported is not None
    assert render("mx", [reported]) == f"mx;\n\t{shown}"


def test_a_result_of_the_standards_holds_text_or_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="SpfResult: its domain and value must be str"):
        SpfResult(value=SpfValue.PASS, identity=SpfIdentity.MAIL_FROM, domain=5, identifier="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="DkimResult"):
        DkimResult(value=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="DmarcResult"):
        DmarcResult(value=DmarcValue.PASS, domain=b"x")  # type: ignore[arg-type]
