from relayguard import Header, Headers

RECEIVED = Headers.of(("Received", b" one"), ("From", b" a@x.example"), ("RECEIVED", b" two"), ("received", b" one"))


def test_fields_are_found_in_any_case_from_the_top() -> None:
    assert [field.text for field in RECEIVED.all("Received")] == ["one", "two", "one"]
    assert RECEIVED.first("rEcEiVeD") == Header("Received", b" one", 0)


def test_the_fields_of_each_name_are_at_hand_in_lower_case() -> None:
    assert {name: [field.position for field in fields] for name, fields in RECEIVED.by_name.items()} == {
        "received": [0, 2, 3],
        "from": [1],
    }


def test_a_field_that_is_not_there_is_none() -> None:
    assert RECEIVED.all("To") == ()
    assert RECEIVED.first("To") is None


def test_the_text_of_a_field_is_unfolded_and_read_leniently() -> None:
    assert Header("Subject", b" one\r\n two \xff\t").text == "one two \ufffd"


def test_occurrences_are_counted_by_name_as_a_milter_counts() -> None:
    assert [RECEIVED.occurrence(field) for field in RECEIVED] == [1, 1, 2, 3]


def test_a_field_of_another_message_is_foreign() -> None:
    for foreign in (Header("Received", b" one", 1), Header("To", b""), Header("Received", b" three", 0)):
        assert RECEIVED.occurrence(foreign) == 0
        assert foreign not in RECEIVED
    assert RECEIVED[3] in RECEIVED


def test_headers_are_a_sequence() -> None:
    assert len(RECEIVED) == 4
    assert RECEIVED[1].name == "From"
    assert [field.name for field in RECEIVED[1:3]] == ["From", "RECEIVED"]
    assert Headers(tuple(RECEIVED)) == RECEIVED
    assert hash(RECEIVED) == hash(Headers(tuple(RECEIVED)))
    assert Headers.of() != RECEIVED
