"""What went wrong at a Redis server, in the words of `StoreError`."""

from redis import exceptions

from relayguard.stores.backend import StoreError, Trouble

_MAX_MESSAGE = 160

_TROUBLES: tuple[tuple[tuple[type[Exception], ...], Trouble], ...] = (
    ((TimeoutError, exceptions.TimeoutError), Trouble.TIMEOUT),
    ((exceptions.OutOfMemoryError,), Trouble.FULL),
    # A server that has lost its master is as good as away.
    ((exceptions.ConnectionError, exceptions.ClusterDownError, OSError), Trouble.UNREACHABLE),
    # So are counters that are just being moved to another one.
    ((exceptions.TryAgainError,), Trouble.UNREACHABLE),
)

_BY_WORDS = (
    ("BUSY ", Trouble.TIMEOUT),
    ("MISCONF ", Trouble.FULL),
    # Servers before 7.0 put a script's own story in front of it.
    ("OOM command not allowed", Trouble.FULL),
)


def store_error(error: Exception, *, logging_in: bool = False) -> StoreError:
    """Return what to raise for an exception of the library or the system.

    A server may repeat what it was sent: nothing of what it says is told while `logging_in`.
    """
    while error.args and isinstance(error.args[0], Exception):
        # The library wraps what happened while it connected.
        error = error.args[0]
    if isinstance(error, StoreError):
        return error
    if logging_in and isinstance(error, exceptions.ResponseError | exceptions.AuthenticationError):
        return StoreError(Trouble.UNREACHABLE, "the server refused the user, the password or the database")
    if isinstance(error, exceptions.BusyLoadingError):
        return StoreError(Trouble.UNREACHABLE, "the server is still loading what it holds")
    if isinstance(error, exceptions.AskError):
        # MOVED is one, too. Where to stands in it, but not that it has not been followed.
        return StoreError(
            Trouble.UNREACHABLE, "the counters are on another node of the cluster, or on their way there"
        )
    return StoreError(_trouble(error), _message(error))


def _trouble(error: Exception) -> Trouble:
    for kinds, trouble in _TROUBLES:
        if isinstance(error, kinds):
            return trouble
    text = str(error)
    return next((trouble for words, trouble in _BY_WORDS if words in text), Trouble.BROKEN)


def _message(error: Exception) -> str:
    # "... script: 5b0f..., on @user_script:12." says nothing to anybody.
    text = " ".join(str(error).partition(" script: ")[0].split())
    return text[:_MAX_MESSAGE] or type(error).__name__
