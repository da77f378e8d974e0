"""The sender_login filter: who has logged in writes as nobody but whom the login may be."""

from collections.abc import Iterator
from typing import ClassVar

from relayguard import Effect, Envelope, Headers, Role, Services, hookimpl
from relayguard_plugins.sender_login.claims import Identity, claim_of_envelope, claims_of
from relayguard_plugins.sender_login.database import Database
from relayguard_plugins.sender_login.judgement import Rights, judge, refused
from relayguard_plugins.sender_login.map_file import MapFile
from relayguard_plugins.sender_login.options import Options
from relayguard_plugins.sender_login.owners import Nobody, Owners


class SenderLoginFilter:
    """Looks at submissions with a login alone."""

    follows_profile: ClassVar[bool] = True
    refresh_seconds: ClassVar[float] = 5.0

    def __init__(self, options: Options, services: Services) -> None:
        self._options = options
        self._map = MapFile(options.map, services.files) if options.map is not None else None
        # A database is waited for, a map is not.
        self.blocking = options.database is not None
        self._rights = Rights(self._owners(), own_address=options.own_address, subaddresses=options.subaddresses)
        if not {Identity.FROM, Identity.SENDER} & set(options.identities):
            # Each hook costs a round trip of the MTA.
            setattr(self, "end_of_headers", None)  # noqa: B010  # mypy knows it as a method

    def _owners(self) -> Owners:
        options = self._options
        if options.database is None:
            return self._map or Nobody()
        database = Database(
            options.database, options.query, seconds=options.timeout, remembered=options.cache_seconds
        )
        database.check()
        return database

    def refresh(self) -> None:
        """Read the map if it has changed."""
        if self._map is not None:
            self._map.refresh()

    @hookimpl
    def mail_from(self, envelope: Envelope) -> Iterator[Effect]:
        """Judge the envelope sender."""
        login = _login(envelope)
        if login is None or Identity.MAIL_FROM not in self._options.identities:
            return
        if not envelope.sender.is_null:
            yield from judge(self._rights, login, [claim_of_envelope(envelope.sender)], self._options.on_unknown)
        elif not self._options.null_sender:
            yield from refused(Identity.MAIL_FROM, login, "<>")

    @hookimpl
    def end_of_headers(self, envelope: Envelope, headers: Headers) -> Iterator[Effect]:
        """Judge each author, and the Sender."""
        login = _login(envelope)
        if login is None:
            return
        claims = [claim for claim in claims_of(headers) if claim.identity in self._options.identities]
        yield from judge(self._rights, login, claims, self._options.on_unknown)


def _login(envelope: Envelope) -> str | None:
    return envelope.login if envelope.role is Role.SUBMISSION else None
