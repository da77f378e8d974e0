import pytest
from redis import exceptions

from relayguard.stores.backend import StoreError, Trouble
from relayguard.stores.redis.errors import store_error


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (TimeoutError(), Trouble.TIMEOUT),
        (exceptions.TimeoutError("late"), Trouble.TIMEOUT),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), Trouble.TIMEOUT),
        (ConnectionRefusedError(111, "Connection refused"), Trouble.UNREACHABLE),
        (exceptions.ConnectionError(OSError(2, "No such file")), Trouble.UNREACHABLE),
        (exceptions.BusyLoadingError("Redis is loading"), Trouble.UNREACHABLE),
        (exceptions.MasterDownError("Link with MASTER is down"), Trouble.UNREACHABLE),
        (exceptions.TryAgainError("Multiple keys"), Trouble.UNREACHABLE),
        (exceptions.AskError("1 127.0.0.1:7000"), Trouble.UNREACHABLE),
        (exceptions.MovedError("1 127.0.0.1:7000"), Trouble.UNREACHABLE),
        (exceptions.OutOfMemoryError("command not allowed"), Trouble.FULL),
        (exceptions.ResponseError("MISCONF cannot persist on disk"), Trouble.FULL),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), Trouble.BROKEN),
        (exceptions.InvalidResponse("Protocol error"), Trouble.BROKEN),
        (exceptions.ResponseError("WRONGTYPE"), Trouble.BROKEN),
    ],
    ids=repr,
)
def test_each_exception_of_the_library_and_the_system_is_one_of_the_troubles(
    error: Exception, trouble: Trouble
) -> None:
    assert store_error(error).trouble is trouble


def test_a_message_is_one_short_line_without_the_tale_of_the_script() -> None:
    error = exceptions.ReadOnlyError("You can't\r\nwrite. script: 5b0f1c, on @user_script:12.")
    assert str(store_error(error)) == "You can't write."
    assert len(str(store_error(exceptions.ResponseError("x" * 5000)))) < 200
    assert str(store_error(TimeoutError())) == "TimeoutError"


def test_what_the_library_has_wrapped_is_what_is_told() -> None:
    inner = StoreError(Trouble.UNREACHABLE, "no password file")
    assert store_error(exceptions.ConnectionError(inner)) is inner


def test_nothing_that_a_server_says_while_one_logs_in_is_told() -> None:
    for kind in (exceptions.ResponseError, exceptions.AuthenticationError, exceptions.NoPermissionError):
        error = store_error(exceptions.ConnectionError(kind("AUTH secret")), logging_in=True)
        assert error.trouble is Trouble.UNREACHABLE
        assert "secret" not in str(error)
