import asyncio
from pathlib import Path
from typing import Any

import pytest

from relayguard import Role
from relayguard.app import SystemClock, build_filters, build_pipeline, build_resolver, services_of
from relayguard.config import ConfigError, parse
from relayguard.dns.resolver import CachingResolver
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.pipeline.filters import Filter, Mode, OnFailure
from relayguard.snapshot import take
from relayguard.stores.declared import NoStore
from relayguard.testing import some_services
from tests.relayguard.pipeline.rig import STRANGER, Recorder

DROP_IN = """\
from dataclasses import dataclass
from relayguard import AddHeader, Services, hookimpl
{extra}
@dataclass(frozen=True)
class Options:
    text: str = "hello"
    limit: int = 3

class Note:
    def __init__(self, {arguments}) -> None:
        self.given = locals()
        {body}

    @hookimpl
    def mail_from(self, envelope):
        yield AddHeader("X-Note", "hello")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def write(
    folder: Path, name: str = "note", arguments: str = "options: Options, services: Services", **parts: str
) -> None:
    text = DROP_IN.format(arguments=arguments, **{"extra": "", "body": "pass", **parts})
    (folder / f"{name}.py").write_text(text)


def build(folder: Path, text: str = "", filters: str = '"note"') -> tuple[Filter, ...]:
    config = parse(f'filters = [{filters}]\nplugin_directory = "{folder}"\n{text}')
    return build_filters(take(config), some_services(), "default")


def problems_of(folder: Path, text: str = "", filters: str = '"note"') -> list[str]:
    with pytest.raises(ConfigError) as refused:
        build(folder, text, filters)
    return [str(problem) for problem in refused.value.problems]


def given(each: Filter) -> dict[str, Any]:
    arguments: dict[str, Any] = vars(each.instance)["given"]
    return {name: value for name, value in arguments.items() if name != "self"}


def test_the_filters_that_come_with_it_load_in_their_default_order() -> None:
    filters = build_filters(take(parse("")), some_services(), "default")
    assert [each.name for each in filters] == ["author", "spf", "dkim", "arc", "dmarc"]


@pytest.mark.parametrize(("profile", "mode"), [("monitor", Mode.SHADOW), ("enforce", Mode.ENFORCE)])
def test_filters_that_judge_content_follow_the_profile(profile: str, mode: Mode) -> None:
    filters = build_filters(take(parse(f'profile = "{profile}"')), some_services(), "default")
    modes = {each.name: each.policy.mode(Role.INCOMING) for each in filters}
    assert modes == {"author": mode, "dmarc": mode, "spf": mode, "dkim": Mode.ENFORCE, "arc": Mode.ENFORCE}


def test_a_single_filter_can_be_set_otherwise_than_the_profile() -> None:
    text = '[filter.author]\nmode = "enforce"\n[filter.dkim]\nmode = { incoming = "shadow" }\non_failure = "defer"'
    policies = {each.name: each.policy for each in build_filters(take(parse(text)), some_services(), "default")}
    assert policies["author"].mode(Role.INCOMING) is Mode.ENFORCE
    assert [policies["dkim"].mode(role) for role in Role] == [Mode.SHADOW, Mode.ENFORCE, Mode.ENFORCE]
    assert policies["dkim"].on_failure is OnFailure.DEFER


def test_a_filter_is_given_what_its_constructor_asks_for(folder: Path) -> None:
    (note,) = build(folder, '[filter.note]\ntext = "bye"\non_failure = "defer"')
    options = given(note)["options"]
    assert (options.text, options.limit) == ("bye", 3)
    assert given(note)["services"].clock.now() > 0
    write(folder, "timeless", "options: Options")
    assert list(given(build(folder, filters='"timeless"')[0])) == ["options"]


def test_a_constructor_may_be_inherited(folder: Path) -> None:
    (folder / "heir.py").write_text("""\
from relayguard import Services, hookimpl
class Base:
    def __init__(self, services: Services) -> None:
        self.given = {"services": services}
class Heir(Base):
    @hookimpl
    def mail_from(self, envelope):
        yield from ()
""")
    assert list(given(build(folder, filters='"heir"')[0])) == ["services"]


@pytest.mark.parametrize(
    ("text", "filters", "problem"),
    [
        ("", '"nobody"', "filters: there is no filter 'nobody': no installed package provides it"),
        ("", '"noet"', "(did you mean 'note'?)"),
        ("[filter.note]\ntxt = 'x'", '"note"', "filter.note.txt: unknown option (did you mean 'text'?)"),
        ("[filter.note]\nmoed = 'x'", '"note"', "filter.note.moed: unknown option (did you mean 'mode'?)"),
        ("[filter.note]\nlimit = '3'", '"note"', "filter.note.limit: input should be a valid integer"),
        ("[filter.note]\nmode = 'off'", '"note"', "filter.note.mode: input should be 'enforce' or 'shadow'"),
        ("[filter.arc]\nx = 1", '"arc"', "filter.arc.x: unknown option: this filter has none"),
        ("[filter.spf]\ntimeout = 1.0", '"note"', "filter.spf: this filter is not named in 'filters'"),
        ("", '"spf", "spf"', "filters: 'spf' is named 2 times; a filter runs once"),
        ("", '"dmarc", "spf"', "filters: filter dmarc needs dkim: name them before it in 'filters'"),
        ("", '"dmarc", "spf", "dkim"', "filters: filter dmarc must come after dkim, spf: change their order"),
    ],
)
def test_a_mistake_in_the_configuration_of_filters_says_where_and_what(
    folder: Path, text: str, filters: str, problem: str
) -> None:
    assert any(problem in found for found in problems_of(folder, text, filters))


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"body": "raise OSError('no list')"}, "filter.note: OSError: no list"),
        ({"arguments": "options: Options, more: int"}, "filter.note: TypeError: "),
        ({"arguments": "options: 'Missing'"}, "the annotations of Note.__init__ cannot be read: name 'Missing'"),
        ({"arguments": "options: dict"}, "filter.note: the 'options' of Note must be annotated with a dataclass"),
        ({"extra": "raise RuntimeError('no')"}, "note.py does not load: RuntimeError: no"),
    ],
)
def test_a_filter_that_cannot_be_made_is_named_with_the_reason(
    tmp_path: Path, parts: dict[str, str], problem: str
) -> None:
    write(tmp_path, **parts)
    assert any(problem in found for found in problems_of(tmp_path))


def test_all_problems_of_all_filters_are_told_at_once(folder: Path) -> None:
    write(folder, "broken", body="raise OSError('no list')")
    found = problems_of(folder, "[filter.note]\ntxt = 1\n[filter.spf]\nx = 1", '"nobody", "note", "broken"')
    assert [problem.partition(":")[0] for problem in found] == [
        "filter.broken",
        "filter.note.txt",
        "filter.spf",
        "filters",
    ]


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "missing", filters='"spf"') == [
        f"plugin_directory: {tmp_path / 'missing'} is not a directory"
    ]


def test_the_pipeline_holds_the_rules_of_the_configuration() -> None:
    config = parse('authserv_id = "mx.example.org"\ntrusted_relays = ["192.0.2.0/24"]')
    seen, metrics = Recorder(), PrometheusMetrics("0")
    filters = build_filters(take(config), some_services(), "default")
    pipeline = build_pipeline(config, filters, seen, metrics, "in")
    assert pipeline.rules.authserv_id == "mx.example.org"
    assert pipeline.needs.watch

    async def message() -> None:
        connection = pipeline.open()
        await connection.connect(STRANGER)
        await connection.mail_from(b"<a@example.org>", [], {})
        await connection.close()

    asyncio.run(message())
    assert seen.records[0].session.trusted_relay
    assert seen.records[0].session.listener == "in"


def resolver_of(text: str, metrics: PrometheusMetrics) -> CachingResolver:
    async def inside() -> CachingResolver:
        return build_resolver(parse(text), metrics)

    return asyncio.run(inside())


def test_the_resolver_asks_the_nameservers_of_the_configuration() -> None:
    resolver = resolver_of('[dns]\nnameservers = ["[::1]:5353"]', PrometheusMetrics("0"))
    assert resolver._nameservers == (("::1", 5353),)


def test_without_any_nameserver_the_configuration_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayguard.app.system_nameservers", list)
    with pytest.raises(ConfigError, match=r"dns\.nameservers: no nameserver"):
        build_resolver(parse(""), PrometheusMetrics("0"))


def test_the_services_of_the_daemon_are_the_real_ones() -> None:
    metrics = PrometheusMetrics("0")
    resolver = resolver_of('[dns]\nnameservers = ["127.0.0.1:53"]', metrics)
    services = services_of(parse('authserv_id = "mx.example.com"'), resolver, metrics, NoStore())
    assert services.authserv_id == "mx.example.com"
    assert services.resolver is resolver
    assert isinstance(services.clock, SystemClock)
