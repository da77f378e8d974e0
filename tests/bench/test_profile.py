from bench.profile import shares


def test_shares_tell_own_time_from_that_of_callees() -> None:
    shown = shares(["start;read 3", "start;read;parse 1"])
    own, _, callees = shown.partition("with callees")
    assert " 75.0% read" in own
    assert " 25.0% parse" in own
    assert "start" not in callees
