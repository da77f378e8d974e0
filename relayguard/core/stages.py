"""The stages of an SMTP transaction, in wire order."""

from relayguard.core.words import Word


class Stage(Word):
    """One stage; its value is the name of the hook that is called there."""

    CONNECT = "connect"
    """A client has connected; its address is known."""

    HELO = "helo"
    """The client has said HELO or EHLO; it may do so again after STARTTLS."""

    MAIL_FROM = "mail_from"
    """An envelope begins; the sender and the role are known."""

    RCPT_TO = "rcpt_to"
    """One recipient; a verdict here is for this recipient alone."""

    END_OF_HEADERS = "end_of_headers"
    """All header fields are known; the body follows."""

    END_OF_MESSAGE = "end_of_message"
    """The whole message is known; the decision follows."""

    OUTGOING = "outgoing"
    """The message goes on, and looks as it will leave: signers add their headers."""

    DECIDED = "decided"
    """The envelope has ended; nothing can be changed any more."""


BEFORE_ENVELOPE = frozenset({Stage.CONNECT, Stage.HELO})
"""Stages whose findings belong to the session, and so to each of its envelopes."""
