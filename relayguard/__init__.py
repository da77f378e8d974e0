"""Relayguard: a mail-filtering milter daemon, and a framework for writing filters.

This is the public API: everything that a filter may import.
"""

from relayguard.core.address import NULL_SENDER, Address, parse_path
from relayguard.core.author import Ambiguity, Authors, read_authors
from relayguard.core.body import Body
from relayguard.core.caps import Cap
from relayguard.core.decision import Decision, Outcome
from relayguard.core.domain import lies_under, to_a_labels
from relayguard.core.edits import (
    AddHeader,
    AddRecipient,
    ChangeHeader,
    ChangeSender,
    DeleteHeader,
    DeleteRecipient,
    ReplaceBody,
)
from relayguard.core.effects import Effect, Reader, Watch
from relayguard.core.envelope import Envelope, Role, comes_from_outside
from relayguard.core.headers import Header, Headers
from relayguard.core.mailboxes import Mailbox
from relayguard.core.message import Message
from relayguard.core.results import (
    AuthResult,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    Failed,
    Failure,
    Reported,
    Result,
    Results,
    SpfIdentity,
    SpfResult,
    SpfValue,
)
from relayguard.core.session import IpAddress, IpNetwork, Session, Tls, contains
from relayguard.core.slots import Slot, Slots
from relayguard.core.stages import Stage
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject, Verdict
from relayguard.hookspecs import hookimpl
from relayguard.services import (
    Answer,
    Clock,
    MailExchange,
    Metrics,
    Question,
    RecordType,
    Resolver,
    Services,
    Status,
)

__version__ = "0.1.0"

__all__ = [
    "NULL_SENDER",
    "AddHeader",
    "AddRecipient",
    "Address",
    "Ambiguity",
    "Answer",
    "AuthResult",
    "Authors",
    "Body",
    "Cap",
    "ChangeHeader",
    "ChangeSender",
    "Clock",
    "Decision",
    "Defer",
    "DeleteHeader",
    "DeleteRecipient",
    "Discard",
    "DkimResult",
    "DkimValue",
    "DmarcPolicy",
    "DmarcResult",
    "DmarcValue",
    "Effect",
    "Envelope",
    "Failed",
    "Failure",
    "Header",
    "Headers",
    "IpAddress",
    "IpNetwork",
    "MailExchange",
    "Mailbox",
    "Message",
    "Metrics",
    "Outcome",
    "Quarantine",
    "Question",
    "Reader",
    "RecordType",
    "Reject",
    "ReplaceBody",
    "Reported",
    "Resolver",
    "Result",
    "Results",
    "Role",
    "Services",
    "Session",
    "Slot",
    "Slots",
    "SpfIdentity",
    "SpfResult",
    "SpfValue",
    "Stage",
    "Status",
    "Tls",
    "Verdict",
    "Watch",
    "comes_from_outside",
    "contains",
    "hookimpl",
    "lies_under",
    "parse_path",
    "printable",
    "read_authors",
    "to_a_labels",
]
