import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard_plugins.spoof.likeness.people import Match, Person, ProtectedPeople, read_people

JANE = Person("Jane Doe", ("jane@example.com",))
ANNE = Person("Anne-Marie M\u00fcller", ("am@example.com",))
JAN = Person("Dr. Jan van der Berg", ("jan@example.com",))
WILLIAM = Person("William Iles", ("wi@example.com",))
TARO = Person("\u5c71\u7530 \u592a\u90ce", ("taro@example.com",))
GABRIEL = Person("Gabriel Garc\u00eda M\u00e1rquez", ("gabriel@example.com",))
RAHMAN = Person("Md Rahman", ("md@example.com",))
EVERYONE = ProtectedPeople([JANE, ANNE, JAN, WILLIAM, TARO, GABRIEL, RAHMAN])


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("Jane Doe", JANE),
        ("jane  doe", JANE),
        ("JANE DOE", JANE),
        ("Doe, Jane", JANE),
        ("DOE Jane", JANE),
        ("Jane M. Doe", JANE),
        ("Jane Mary Doe", JANE),
        ("Doe, Jane Mary", JANE),
        ("Dr. Jane Doe", JANE),
        ("Doe, Dr. Jane", JANE),
        ("Jane Doe (CEO)", JANE),
        ("Jane Doe, CEO", JANE),
        ("Jane Doe CEO", JANE),
        ("Jane Doe - Acme", JANE),
        ("Acme: Jane Doe", JANE),
        ("Jane Doe | Acme", JANE),
        ("Jane Doe via Documents", JANE),
        ("'Jane Doe' via list", JANE),
        ("jane.doe@example.com", JANE),
        ("Jane_Doe", JANE),
        ("Jane Doe <jane@example.com>", JANE),
        ("J\u00e1n\u00e9 D\u00f6e", JANE),
        ("J\u0430ne D\u043ee", JANE),
        ("\U0001d409\U0001d41a\U0001d427\U0001d41e \uff24\uff4f\uff45", JANE),
        ("Ja\u200bne\u00a0D\u00adoe", JANE),
        ("J\u202eane D0e", JANE),
        ("Jane Doe \u2705", JANE),
        ("Anne-Marie M\u00fcller", ANNE),
        ("Annemarie Muller", ANNE),
        ("Anne-Marie Mueller", ANNE),
        ("Jan van der Berg", JAN),
        ("van der Berg, Jan", JAN),
        ("Jan W. van der Berg", JAN),
        ("WiIIiam lles", WILLIAM),
        ("\u5c71\u7530\u592a\u90ce", TARO),
        ("\u5c71\u7530\u592a\u90ce\uff08\u793e\u9577\uff09", TARO),
        ("Garc\u00eda M\u00e1rquez, Gabriel", GABRIEL),
        ("Dr. MD Rahman", RAHMAN),
    ],
)
def test_the_name_of_a_protected_person_is_known_however_it_is_written(name: str, person: Person) -> None:
    assert EVERYONE.resembles(name) == Match(person, exact=True)


@pytest.mark.parametrize(
    "name",
    ["J. Doe", "J Doe", "J. M. Doe", "Doe, J.", "Jane Doe Smith", "Mary Jane Doe", "JaneDoe", "J a n e  D o e"],
)
def test_an_initial_and_words_that_may_belong_to_the_name_make_a_weaker_match(name: str) -> None:
    assert EVERYONE.resembles(name) == Match(JANE, exact=False)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Jane",
        "Doe",
        "J.",
        "Janet Doe",
        "Jane Doering",
        "Jane Doe-Smith",
        "John Doe",
        "Jane Smith and John Doe",
        "Jane Smith, John Doe",
        "John Doe, Jane Smith",
        "Jane, Accounting, Doe Inc.",
        "Jane (Doe Inc.)",
        "Jane D.",
        "Example Newsletter",
        "x" * 200 + " Jane Doe",
    ],
)
def test_another_name_is_nobody_s(name: str) -> None:
    assert EVERYONE.resembles(name) is None


def test_two_people_of_one_name_are_found_with_the_addresses_of_both() -> None:
    other = Person("JANE DOE", ("jd@example.org",))
    match = ProtectedPeople([JANE, other]).resembles("Jane Doe")
    assert match == Match(Person("Jane Doe / JANE DOE", ("jane@example.com", "jd@example.org")), exact=True)


def test_an_initial_may_be_that_of_several_people() -> None:
    john = Person("John Doe", ("john@example.com",))
    people = ProtectedPeople([JANE, john])
    assert people.resembles("John Doe") == Match(john, exact=True)
    assert people.resembles("J. Doe") == Match(
        Person("Jane Doe / John Doe", ("jane@example.com", "john@example.com")), exact=False
    )


def test_a_person_known_by_an_initial_is_matched_by_it() -> None:
    person = Person("J. Doe", ("jd@example.com",))
    assert ProtectedPeople([person]).resembles("J Doe") == Match(person, exact=True)


@pytest.mark.parametrize("name", ["Jane", "Dr. Jane", "", "?!", "Jane " * 50 + "Doe", "\u592a"])
def test_a_name_of_one_word_cannot_be_protected(name: str) -> None:
    with pytest.raises(ValueError, match="given name and a last name"):
        ProtectedPeople([Person(name, ("jane@example.com",))])


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_no_display_name_breaks_it(name: str) -> None:
    EVERYONE.resembles(name)


@given(
    st.lists(
        st.sampled_from(["Jane", "Doe,", "Doe", "J.", "van", "Berg", "Jan", "-", "via", "(", "\u5c71\u7530", "Md"]),
        max_size=60,
    )
)
def test_a_match_is_of_a_protected_person(words: list[str]) -> None:
    match = EVERYONE.resembles(" ".join(words))
    assert match is None or match.person in {JANE, ANNE, JAN, WILLIAM, TARO, GABRIEL, RAHMAN}


words = st.from_regex(r"[A-Z][a-z]{2,8}", fullmatch=True)


@given(words, words)
def test_both_orders_and_all_cases_of_a_name_are_alike(given_name: str, last_name: str) -> None:
    try:
        people = ProtectedPeople([Person(f"{given_name} {last_name}", ("a@example.com",))])
    except ValueError:
        return
    for written in (f"{given_name} {last_name}", f"{last_name.upper()} {given_name}", f"{last_name}, {given_name}"):
        match = people.resembles(written)
        assert match is not None
        assert match.exact


def test_a_file_of_people_is_read() -> None:
    text = "# board\nJane Doe <jane@Example.com>, <j#1@example.org>  # CEO\r\n\nJos\u00e9 P\u00e9rez <jose@b\u00fccher.example>"
    assert read_people(text) == [
        Person("Jane Doe", ("jane@example.com", "j#1@example.org")),
        Person("Jos\u00e9 P\u00e9rez", ("jose@xn--bcher-kva.example",)),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Jane Doe", "no address"),
        ("Jane Doe <jane>", "no address"),
        ("Jane Doe <>", "no address"),
        ("Jane Doe <postmaster>", "no address"),
        ("Jane Doe jane@example.com", "no address"),
        ("Jane Doe <jane@example.com> <j@example.com>", "no address"),
        ("Jane Doe <jane@example.com>,", "no address"),
        ("Jane <jane@example.com>", "given name and a last name"),
        ("<jane@example.com>", "given name and a last name"),
        ("Doe, Jane <jane@example.com>", "without quotes and commas"),
        ('"Jane Doe" <jane@example.com>', "without quotes and commas"),
    ],
)
def test_a_line_that_is_no_person_is_named(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"line 2: .*{reason}"):
        read_people(f"John Doe <john@example.com>\n{line}")


@given(st.text(max_size=200) | st.text("JaneDo <>@.,#\n", max_size=60))
def test_any_file_of_people_is_read_or_refused(text: str) -> None:
    try:
        people = read_people(text)
    except ValueError:
        return
    ProtectedPeople(people)
