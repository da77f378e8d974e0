from relayguard.milter.protocol import Edit, Response
from relayguard.testing.milter_client import CONTINUE, Judged


def test_added_and_deleted_headers_are_told_apart() -> None:
    edits = [
        Edit(Response.INSERT_HEADER, (b"X-A", b" 1"), 0),
        Edit(Response.ADD_HEADER, (b"X-A", b" 2")),
        Edit(Response.CHANGE_HEADER, (b"X-B", b""), 3),
        Edit(Response.CHANGE_HEADER, (b"X-C", b" new"), 1),
    ]
    judged = Judged(CONTINUE, edits)
    assert judged.added("X-A") == [" 1", " 2"]
    assert judged.deleted == [("X-B", 3)]
