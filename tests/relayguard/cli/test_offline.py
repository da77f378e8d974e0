import pytest

from relayguard.cli import offline
from relayguard.cli.offline import check_filters
from relayguard.config import Config, ConfigError, parse


def test_the_filters_that_ship_can_be_built_without_asking_anybody() -> None:
    _, filters = check_filters(Config())
    assert [each.name for each in filters["default"]] == ["author", "spf", "dkim", "arc", "dmarc"]


def test_a_filter_that_does_not_exist_is_a_problem_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="there is no filter 'nothing'"):
        check_filters(Config(filters=("nothing",)))


def test_a_transport_that_is_not_installed_is_a_problem_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "problem_with", lambda name: None if name == "native" else "it is not there")
    check_filters(parse('[listener.in]\ntransport = "native"'))
    with pytest.raises(ConfigError, match=r"listener\.in\.transport: it is not there"):
        check_filters(parse('[listener.in]\ntransport = "libmilter"'))
