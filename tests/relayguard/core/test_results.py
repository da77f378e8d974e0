import pytest

from relayguard import (
    AuthResult,
    DkimResult,
    Failed,
    Failure,
    Reported,
    Result,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
    Stage,
)

SPF = SpfResult(value=SpfValue.PASS, identity=SpfIdentity.MAIL_FROM, domain="example.com", identifier="a@example.com")
FAILED = Failed(filter="spf", stage=Stage.MAIL_FROM, kind=Failure.TIMEOUT)


def test_a_failure_and_a_result_of_ones_own_stay_out_of_the_header() -> None:
    assert FAILED.reported() is None
    assert Result().reported() is None


@pytest.mark.parametrize("word", ["", "a b", "a=b", "a;", "a\r\nb", "1a", "a-", "\u00fc", "a" * 65])
def test_what_is_no_keyword_cannot_be_reported(word: str) -> None:
    for arguments in ((word, "pass"), ("spf", word)):
        with pytest.raises(ValueError, match="no keyword"):
            Reported(*arguments)
    for names in ((word, "x"), ("x", word)):
        with pytest.raises(ValueError, match="no keyword"):
            Reported("spf", "pass", ((*names, "value"),))


def test_results_are_found_by_type_in_order() -> None:
    results = Results([SPF, AuthResult()])
    results.add([FAILED])
    assert results.of(SpfResult) == (SPF,)
    assert list(results) == [SPF, AuthResult(), FAILED]
    assert results.of(Result) == (SPF, AuthResult(), FAILED)
    assert results.of(DkimResult) == ()
    assert len(results) == 3


def test_who_comes_after_a_filter_can_tell_that_it_failed() -> None:
    assert Results([FAILED]).failed("spf")
    assert not Results([FAILED]).failed("dkim")


def test_results_of_one_message_are_not_those_of_another() -> None:
    first = Results([SPF])
    second = Results(first)
    second.add([AuthResult()])
    assert len(first) == 1
