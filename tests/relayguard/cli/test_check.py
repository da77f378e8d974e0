from collections.abc import Callable
from pathlib import Path

from tests.relayguard.cli.conftest import Run

Config = Callable[[str], Path]


def test_a_configuration_without_errors_is_ok(relayguard: Run, config: Config) -> None:
    path = config('authserv_id = "mx.example.com"')
    done = relayguard("check", "-c", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: ok, 5 filters: author, spf, dkim, arc, dmarc\n")


def test_every_error_is_printed_at_once_with_its_path_and_a_suggestion(relayguard: Run, config: Config) -> None:
    path = config(
        """
        authserv_id = "not a name"
        profil = "enforce"
        [dns]
        timeuot = 3
        [listener.default]
        address = "/run/socket"
        """
    )
    done = relayguard("check", "-c", path)
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        f'{path}: authserv_id: must be a domain name such as mx.example.com, not "not a name"',
        f"{path}: dns.timeuot: unknown option (did you mean 'timeout'?)",
        f'{path}: listener.default.address: must be unix:/path/of/socket, inet:host:port or systemd:name, not "/run/socket"',
        f"{path}: profil: unknown option (did you mean 'profile'?)",
    ]


def test_errors_of_filters_are_printed_at_once_too(relayguard: Run, config: Config) -> None:
    path = config(
        """
        filters = ["spf", "dkimm"]
        [filter.spf]
        mode = "dry-run"
        timeot = 3.0
        [filter.greylist]
        delay = 5
        """
    )
    done = relayguard("check", "-c", path)
    assert done.returncode == 78
    said = done.stderr
    assert "filter.greylist: this filter is not named in 'filters'" in said
    assert "filter.spf.mode: " in said
    assert "filter.spf.timeot: unknown option (did you mean 'timeout'?)" in said
    assert "there is no filter 'dkimm'" in said
    assert "(did you mean 'dkim'?)" in said


def test_a_missing_file_and_a_broken_one_are_named(relayguard: Run, config: Config, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in relayguard("check", "-c", tmp_path / "nowhere.toml").stderr
    path = config("filters = [")
    assert f"{path}: not valid TOML" in relayguard("check", "-c", path).stderr


def test_a_wrong_order_is_an_error_not_a_silent_sort(relayguard: Run, config: Config) -> None:
    done = relayguard("check", "-c", config('filters = ["dmarc", "spf", "dkim"]'))
    assert done.returncode == 78
    assert "filter dmarc must come after dkim, spf" in done.stderr
