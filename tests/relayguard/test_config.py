from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from relayguard import Role
from relayguard.config import (
    ConfigError,
    FilterPolicy,
    Problem,
    load,
    parse,
    split_host_port,
    validate,
)


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return [str(problem) for problem in refused.value.problems]


def test_an_empty_file_is_a_configuration_that_works() -> None:
    config = parse("")
    assert config.profile == "monitor"
    assert config.filters == ("author", "spf", "dkim", "arc", "dmarc")
    assert config.listener["default"].address == "unix:/run/relayguard/milter.sock"
    assert ip_network("127.0.0.0/8") in config.local_networks
    assert not config.trusted_relays


def test_a_whole_file_is_read() -> None:
    config = parse("""
        authserv_id = "MX.Example.com"
        profile = "enforce"
        filters = ["spf"]
        plugin_directory = "/etc/relayguard/filters"
        submission_networks = ["192.0.2.0/24", "2001:db8::/32"]
        submission_daemons = ["ORIGINATING", "smtps"]
        [listener.in]
        address = "inet:127.0.0.1:8891"
        mode = "0600"
        [dns]
        nameservers = ["127.0.0.1:53", "[::1]:5353"]
        timeout = 3
        [log]
        format = "logfmt"
        [metrics]
        address = "off"
        [filter.spf]
        mode = "shadow"
        timeout = 3.0
    """)
    assert config.authserv_id == "mx.example.com"
    assert config.plugin_directory == Path("/etc/relayguard/filters")
    assert config.submission_networks == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert config.submission_daemons == {"ORIGINATING", "smtps"}
    assert config.dns.timeout == 3.0
    assert config.filter == {"spf": {"mode": "shadow", "timeout": 3.0}}


def test_all_errors_are_told_at_once_each_with_its_path() -> None:
    text = """
        authserv_id = "not a domain"
        profile = "enfroce"
        filtres = []
        trusted_relays = ["10.0.0.0/8", "nonsense"]
        [listener.default]
        address = "/run/milter.sock"
        mode = "660"
        modee = "0660"
        [dns]
        timeout = "5"
        nameservers = ["dns.example:53"]
    """
    assert {problem.partition(":")[0] for problem in problems_of(text)} == {
        "authserv_id",
        "profile",
        "filtres",
        "trusted_relays.1",
        "listener.default.address",
        "listener.default.mode",
        "listener.default.modee",
        "dns.timeout",
        "dns.nameservers.0",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('filtres = ["spf"]', "filtres: unknown option (did you mean 'filters'?)"),
        ('authserv-id = "x"', "authserv-id: unknown option (did you mean 'authserv_id'?)"),
        ("[listener.in]\nmodee = 1", "listener.in.modee: unknown option (did you mean 'mode'?)"),
        ("[dns]\ntime-out = 1", "dns.time-out: unknown option (did you mean 'timeout'?)"),
        ('[log]\nfromat = "json"', "log.fromat: unknown option (did you mean 'format'?)"),
        ("quite_other = 1", "quite_other: unknown option"),
        ('profile = "strict"', "profile: input should be 'monitor' or 'enforce', not \"strict\""),
        ('authserv_id = "a b"', 'authserv_id: must be a domain name such as mx.example.com, not "a b"'),
        (
            '[listener.in]\naddress = "inet:25"',
            'listener.in.address: must be unix:/path/of/socket, inet:host:port or systemd:name, not "inet:25"',
        ),
        (
            '[dns]\nnameservers = ["dns.example:53"]',
            'dns.nameservers.0: must be address:port, such as 127.0.0.1:53, not "dns.example:53"',
        ),
        ("[daemon]\ndrain = inf", "daemon.drain: input should be a finite number, not Infinity"),
        ("[dns]\ntimeout = nan", "dns.timeout: input should be a finite number, not NaN"),
        ("listener = 3", "listener: input should be a table, not 3"),
        (
            "[listener]\naddress = 'inet:127.0.0.1:25'",
            "listener.address: each listener is a table of its own, with a name: write [listener.default]",
        ),
        (
            "[listener.a]\naddress = 'systemd:x'\n[listener.b]\naddress = 'systemd:x'",
            "listener: a and b have the same address",
        ),
        ("[filter]\nspf = 3", "filter.spf: input should be a table, not 3"),
    ],
)
def test_an_error_says_where_it_is_and_what_to_write(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "filters = 'spf'",
        "[dns]\ntimeout = '5'",
        "[dns]\ntimeout = true",
        "[dns]\ntimeout = 0",
        "[dns]\ntimeout = 31",
        "[dns]\ncache_entries = 99",
        "[dns]\ncache_entries = 1e3",
        "[listener.Upper]",
        "[listener.in]\nworkers = 0",
        "[listener.in]\nmode = '660'",
        "[listener.in]\naddress = 'systemd:'",
        "[listener]",
        "[daemon]\nworker_memory = 64",
        "[daemon]\nheartbeat = 1",
        "[listener.in]\naddress = 'inet:host:0'",
        "[listener.in]\naddress = 'inet:host:65536'",
        "[listener.in]\naddress = 'unix:relative'",
        "[metrics]\naddress = '9108'",
        "local_networks = ['10.0.0.1/8']",
        "plugin_directory = 3",
        "filters = [1]",
    ],
)
def test_what_is_nearly_right_is_refused(text: str) -> None:
    assert problems_of(text)


def test_a_value_is_shown_in_part_if_it_is_long() -> None:
    (problem,) = problems_of(f'profile = "{"x" * 500}"')
    assert problem.endswith("x...")


def test_a_file_that_is_no_toml_says_where() -> None:
    (problem,) = problems_of('profile = "enforce"\nfilters = nonsense\n')
    assert problem.startswith("not valid TOML: ")
    assert "line 2" in problem


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        load(tmp_path / "nothing.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'authserv_id = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8: byte 15"):
        load(latin)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "relayguard.toml"
    path.write_text('profile = "enforce"')
    assert load(path).profile == "enforce"


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"mode": "shadwo"}, "filter.spf.mode"),
        ({"mode": {"incomming": "shadow"}}, "filter.spf.mode.incomming"),
        ({"mode": {"incoming": "shadwo"}}, "filter.spf.mode.incoming"),
        ({"on_failure": "defere"}, "filter.spf.on_failure"),
    ],
)
def test_an_error_in_a_policy_has_the_path_of_the_filter(table: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate(TypeAdapter(FilterPolicy), table, "filter.spf", FilterPolicy.model_fields)
    assert where in {problem.path for problem in refused.value.problems}


def test_a_mode_may_be_a_table_by_role() -> None:
    table = {"mode": {"incoming": "shadow"}, "on_failure": "defer"}
    policy = validate(TypeAdapter(FilterPolicy), table, "filter.spf", FilterPolicy.model_fields)
    assert policy == FilterPolicy(mode={Role.INCOMING: "shadow"}, on_failure="defer")


@pytest.mark.parametrize(
    ("text", "pair"), [("127.0.0.1:53", ("127.0.0.1", 53)), ("[::1]:53", ("::1", 53)), ("host:1", ("host", 1))]
)
def test_host_and_port_are_split(text: str, pair: tuple[str, int]) -> None:
    assert split_host_port(text) == pair


def test_what_could_be_a_misspelt_list_of_filters_tells_nothing_about_filters() -> None:
    for text in ('filter_s = ["spf"]', 'filters = "greet"', 'plugin_dir = "/x"'):
        with pytest.raises(ConfigError) as caught:
            parse(f"{text}\n[filter.greet]\nx = 1\n")
        assert caught.value.rest is None


def test_the_rest_of_a_file_with_a_mistake_is_there_to_be_looked_at() -> None:
    with pytest.raises(ConfigError) as caught:
        parse('filters = ["spf"]\n[dns]\ntimeout = -1\n')
    assert caught.value.rest is not None
    assert caught.value.rest.filters == ("spf",)


def test_a_problem_without_a_path_is_only_its_message() -> None:
    assert str(Problem("", "nothing is there")) == "nothing is there"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("X Spam", "must be the name of a header field"),
        ("*", "must be the name of a header field"),
        ("X-*-Y", "must be the name of a header field"),
        ("FROM", "must not match From"),
        ("Receiv*", "must not match Received"),
        ("a*", "must not match Authentication-Results"),
    ],
)
def test_a_field_that_mail_needs_cannot_be_stripped(name: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f'strip_headers = ["{name}"]')
    assert complaint in str(error.value)
    assert parse('strip_headers = ["Received-SPF", "X-Spam-*"]').strip_headers == ("Received-SPF", "X-Spam-*")


def crews(text: str) -> list[tuple[str, str, int]]:
    return [("+".join(crew.listeners), crew.transport, crew.workers) for crew in parse(text).crews(cores=4)]


def listener(name: str, transport: str, workers: int | None = None) -> str:
    own = f"workers = {workers}" if workers else ""
    return f'[listener.{name}]\naddress = "unix:/{name}"\ntransport = "{transport}"\n{own}\n'


def test_with_libmilter_each_listener_has_its_own_workers_and_the_first_has_most() -> None:
    assert crews(listener("a", "libmilter") + listener("b", "libmilter") + listener("c", "libmilter", 3)) == [
        ("a", "libmilter", 4),
        ("b", "libmilter", 1),
        ("c", "libmilter", 3),
    ]


def test_listeners_of_the_native_transport_share_their_workers() -> None:
    assert crews(listener("a", "native") + listener("b", "native")) == [("a+b", "native", 4)]
    assert crews(listener("a", "native", 2) + listener("b", "native", 3)) == [("a+b", "native", 3)]
    assert crews(listener("a", "native", 2) + listener("b", "native")) == [("a+b", "native", 2)]
    # What one listener is content with does not slow another.
    assert crews(listener("a", "native") + listener("b", "native", 1)) == [("a+b", "native", 4)]
    assert crews(listener("a", "libmilter") + listener("b", "native") + listener("c", "native")) == [
        ("a", "libmilter", 4),
        ("b+c", "native", 1),
    ]
