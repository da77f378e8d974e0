"""What is written about the code is true: options, metrics and hooks are documented, and README's blocks run."""

import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relayguard import hookspecs
from relayguard.config import Config, FilterPolicy, parse
from relayguard.core.effects import LEGAL
from relayguard.core.stages import Stage
from tests.conftest import needs_root
from tests.integration.conftest import StartRelay, start_relay  # noqa: F401  # a fixture

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
VERIFICATION = (ROOT / "docs" / "verification.md").read_text()
LIMITING = (ROOT / "docs" / "rate-limiting.md").read_text()
SPOOFING = (ROOT / "docs" / "spoof-detection.md").read_text()
SHIPPED = (ROOT / "docs" / "relayguard.toml").read_text()


def blocks(language: str, page: str = README) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def block(language: str, name: str, page: str = README) -> str:
    return next(text for text in blocks(language, page) if text.startswith(f"# {name}\n"))


def test_the_shipped_configuration_shows_every_option_with_its_default() -> None:
    shipped = parse(SHIPPED)
    defaults = Config(authserv_id=shipped.authserv_id)
    assert shipped.model_copy(update={"filter": {}}) == defaults
    for name in (*Config.model_fields, *FilterPolicy.model_fields):
        assert re.search(rf"\b{name}\b", SHIPPED), f"docs/relayguard.toml does not show {name}"


def test_the_shipped_configuration_shows_every_option_of_every_filter() -> None:
    from relayguard.app import constructor_hints
    from relayguard.pipeline.discovery import find_class

    tables = tomllib.loads(SHIPPED)["filter"]
    for name in Config().filters:
        options = constructor_hints(find_class(name)).get("options")
        for option in getattr(options, "__dataclass_fields__", {}):
            assert option in tables[name], f"docs/relayguard.toml does not show filter.{name}.{option}"
            assert _plain(getattr(options(), option)) == tables[name][option]  # type: ignore[misc]  # not None


VERIFYING = ("author", "spf", "dkim", "dmarc")


@pytest.mark.parametrize("name", VERIFYING)
def test_how_mail_is_verified_names_every_option_of_the_filters_that_verify(name: str) -> None:
    from relayguard.app import constructor_hints
    from relayguard.pipeline.discovery import find_class

    # What has a row of its own elsewhere, or says nothing about a choice.
    plain = {"helo"}
    options = constructor_hints(find_class(name))["options"].__dataclass_fields__
    for option in set(options) - plain:
        assert f"`{option}`" in VERIFICATION or f".{option} =" in VERIFICATION or f"`{option} =" in VERIFICATION, (
            option
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple | frozenset) else value


@pytest.mark.parametrize("stage", Stage)
def test_the_readme_has_a_row_for_each_hook_with_its_arguments(stage: Stage) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, stage.value)).parameters)
    assert f"| `{stage.value}` | {arguments} |" in README
    assert stage in LEGAL


def test_the_first_filter_of_the_readme_passes_its_test(tmp_path: Path) -> None:
    (tmp_path / "greet.py").write_text(block("python", "greet.py"))
    (tmp_path / "test_greet.py").write_text(block("python", "test_greet.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_configurations_of_the_readme_are_right(tmp_path: Path) -> None:
    (tmp_path / "greet.py").write_text(block("python", "greet.py"))
    for name in ("relayguard.toml", "greet.toml"):
        text = block("toml", name).replace("/etc/relayguard/filters", str(tmp_path))
        (tmp_path / name).write_text(text)
        command = [sys.executable, "-m", "relayguard", "check", "-c", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


RECIPES = re.findall(r"^```toml\n(# (\S+)\n.*?)^```$", LIMITING + SPOOFING, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("text", "name"), RECIPES, ids=[name for _, name in RECIPES])
def test_each_recipe_of_the_documents_is_right(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "map").write_text("info@example.com alice\n")
    (tmp_path / name).write_text(text.replace("/etc/postfix/sender_login", str(tmp_path / "map")))
    command = [sys.executable, "-m", "relayguard", "check", "-c", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_spoof_detection_names_every_signal_option_and_exemption() -> None:
    from relayguard_plugins.sender_login.options import Options as LoginOptions
    from relayguard_plugins.spoof.options import Exemptions, Options
    from relayguard_plugins.spoof.policy import Row
    from relayguard_plugins.spoof.signals import Signal

    named = [*Signal, *(name for each in (Options, Exemptions, LoginOptions) for name in each.__dataclass_fields__)]
    assert [word for word in named if f"`{word}`" not in SPOOFING] == []
    assert [word for word in Row.__dataclass_fields__ if word not in SPOOFING] == []


def test_rate_limiting_names_every_option_fact_and_condition() -> None:
    from relayguard_plugins.ratelimit.conditions import Conditions
    from relayguard_plugins.ratelimit.facts import Fact
    from relayguard_plugins.ratelimit.options import RuleOptions

    named = [*RuleOptions.__dataclass_fields__, *Fact, *Conditions.__dataclass_fields__]
    assert [word for word in named if f"`{word}`" not in LIMITING] == []


@pytest.mark.mta
@needs_root
def test_the_first_filter_of_the_readme_adds_its_header_to_real_mail(
    tmp_path: Path,
    start_relay: StartRelay,  # noqa: F811  # the fixture
) -> None:
    (tmp_path / "greet.py").write_text(block("python", "greet.py"))
    relay = start_relay('"author", "spf", "greet"', plugins=tmp_path)
    sent = relay.send(b"From: <a@example.net>\r\n\r\nhello\r\n")
    assert relay.delivered(sent)["X-Greeting"] == "hello client.example"
