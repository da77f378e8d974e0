from bench.corpus import Case
from bench.verdicts import added_fields, compare, verdicts_of


def case(kind: str = "rsa", **verdicts: str) -> Case:
    known = {"client": "192.0.2.1", "helo": "h", "sender": "a@b", "recipient": "c@d"}
    return Case(id="one", set="2K", kind=kind, **known, **verdicts)


def test_results_are_read_past_comments_and_quotes() -> None:
    field = 'mx.example; dkim=fail (spf=pass (nested)) header.d="x;dmarc=pass"; dkim=pass header.d=b; spf=softfail smtp.mailfrom=a'
    assert verdicts_of([field, "mx.example; dmarc=fail header.from=b"]) == {
        "spf": "softfail",
        "dkim": "pass",
        "dmarc": "fail",
    }


def test_the_helo_name_does_not_speak_for_the_sender() -> None:
    assert verdicts_of(["mx; spf=fail smtp.mailfrom=a; spf=pass smtp.helo=b"])["spf"] == "fail"


def test_only_fields_that_were_added_count() -> None:
    changes = [
        [0, "i", 1, "Authentication-Results", "a"],
        [0, "m", 1, "Authentication-Results", ""],
        [0, "h", 0, "X", "b"],
    ]
    assert added_fields(changes) == ["a"]


def test_a_wrong_verdict_is_named() -> None:
    found = {"one": ["mx; spf=pass; dkim=pass; dmarc=fail"]}
    judged = compare("someone", "2K", {"one": case()}, found)
    assert (judged.right, judged.checked) == (2, 3)
    assert judged.wrong == ("one: dmarc is fail, not pass",)


def test_a_daemon_is_not_asked_for_what_it_does_not_check() -> None:
    assert compare("someone", "2K", {"one": case()}, {"one": ["mx; dkim=pass"]}).checked == 1


def test_a_broken_signature_may_be_called_neutral() -> None:
    broken = case("broken", dkim="fail")
    assert compare("someone", "2K", {"one": broken}, {"one": ["mx; dkim=neutral"]}).right == 1
