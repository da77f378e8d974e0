from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from relayguard.metrics.exporter import Exporter
from relayguard.metrics.prometheus import PrometheusMetrics


class Health:
    serving = True

    def __call__(self) -> bool:
        return self.serving


HEALTH = Health()
PAGE = "<!DOCTYPE html><p>it works</p>"


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    served = Exporter(("127.0.0.1", 0), PrometheusMetrics("1.2.3").registry, HEALTH, lambda: PAGE)
    served.start()
    yield served
    served.stop()


def ask(exporter: Exporter, method: str, path: str, **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", exporter.port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def get(exporter: Exporter, path: str, **headers: str) -> tuple[int, str, str]:
    response, text = ask(exporter, "GET", path, **headers)
    return response.status, response.headers["Content-Type"], text


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
def test_metrics_are_served(exporter: Exporter, path: str) -> None:
    status, kind, text = get(exporter, path)
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert 'relayguard_build_info{version="1.2.3"} 1.0' in text


def test_prometheus_may_ask_for_openmetrics(exporter: Exporter) -> None:
    _, kind, text = get(exporter, "/metrics", Accept="application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(("serving", "status"), [(True, 200), (False, 503)])
def test_health_is_whether_mail_is_served(
    exporter: Exporter,
    monkeypatch: pytest.MonkeyPatch,
    serving: bool,  # noqa: FBT001
    status: int,
) -> None:
    monkeypatch.setattr(HEALTH, "serving", serving)
    assert get(exporter, "/healthz")[0] == status


def test_the_status_page_is_served_at_the_root(exporter: Exporter) -> None:
    assert get(exporter, "/") == (200, "text/html; charset=utf-8", PAGE)


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/none"])
def test_no_browser_keeps_guesses_or_runs_anything_of_what_is_served(exporter: Exporter, path: str) -> None:
    headers = ask(exporter, "GET", path)[0].headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"].strip() == "relayguard"


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/none"])
def test_head_is_get_without_content(exporter: Exporter, path: str) -> None:
    got, text = ask(exporter, "GET", path)
    asked, nothing = ask(exporter, "HEAD", path)
    assert (asked.status, asked.headers["Content-Type"], nothing) == (got.status, got.headers["Content-Type"], "")
    assert path == "/metrics" or int(asked.headers["Content-Length"]) == len(text)


def test_there_is_nothing_else_and_that_names_what_there_is(exporter: Exporter) -> None:
    status, _, text = get(exporter, "/etc/passwd")
    assert (status, text) == (404, "there are /, /metrics, /healthz\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_done_but_read(exporter: Exporter, method: str) -> None:
    assert ask(exporter, method, "/")[0].status == 501


def test_serving_says_nothing_on_standard_error(exporter: Exporter, capfd: pytest.CaptureFixture[str]) -> None:
    get(exporter, "/metrics")
    assert capfd.readouterr() == ("", "")


def test_a_stopped_exporter_frees_its_port() -> None:
    first = Exporter(("127.0.0.1", 0), PrometheusMetrics("0").registry, HEALTH, lambda: PAGE)
    first.start()
    first.stop()
    second = Exporter(("127.0.0.1", first.port), PrometheusMetrics("0").registry, HEALTH, lambda: PAGE)
    second.start()
    second.stop()
