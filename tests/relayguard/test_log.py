import json
from io import StringIO

import pytest

from relayguard.log import make_logger


def written(form: str, level: str = "info", **fields: object) -> list[str]:
    stream = StringIO()
    logger = make_logger(form, level, stream)
    logger.debug("noise")
    logger.info("envelope", **fields)
    logger.error("filter failed")
    return stream.getvalue().splitlines()


def test_a_line_of_json_holds_level_event_time_and_fields() -> None:
    line = json.loads(written("json", sender="a@example.org", recipients=2)[0])
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "envelope", "sender": "a@example.org", "recipients": 2}


def test_a_line_for_people_holds_the_same() -> None:
    line = written("console", sender="a b")[0]
    assert line.startswith("timestamp=")
    assert line.endswith('level=info event=envelope sender="a b"')


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", ["a\r\nb", "a\nlevel=error event=x", "\x1b[2J\u2028\x85"])
def test_a_value_cannot_begin_a_line_of_its_own(form: str, value: str) -> None:
    stream = StringIO()
    make_logger(form, "info", stream).info("envelope", sender=value)
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 1)])
def test_what_is_below_the_level_is_not_written(level: str, lines: int) -> None:
    assert len(written("json", level)) == lines
