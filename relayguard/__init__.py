"""Relayguard: a mail-filtering milter daemon, and a framework for writing filters.

This is the public API: everything that a filter may import.
"""

from relayguard.authentication_results.read import AuthenticationResults, read_results
from relayguard.core import panels
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
from relayguard.core.encoded_words import decode_words
from relayguard.core.envelope import Envelope, Role, comes_from_outside
from relayguard.core.headers import Header, Headers
from relayguard.core.limits import Algorithm, Charge, Limit, Standing
from relayguard.core.mailboxes import Mailbox, Malformed, group_names, parse_mailboxes
from relayguard.core.message import Message
from relayguard.core.oddities import Oddity, oddities_of
from relayguard.core.results import Failed, Failure, Reported, Result, Results
from relayguard.core.session import IpAddress, IpNetwork, Session, Tls, contains
from relayguard.core.slots import Slot, Slots
from relayguard.core.stages import Stage
from relayguard.core.standards import (
    ArcResult,
    ArcSet,
    ArcValue,
    AuthResult,
    DkimResult,
    DkimValue,
    DmarcPolicy,
    DmarcResult,
    DmarcValue,
    IprevResult,
    IprevValue,
    Override,
    OverrideKind,
    SpfIdentity,
    SpfResult,
    SpfValue,
)
from relayguard.core.text import printable
from relayguard.core.verdicts import Defer, Discard, Quarantine, Reject, Verdict
from relayguard.files import WatchedFile
from relayguard.hookspecs import hookimpl
from relayguard.services import (
    Answer,
    Clock,
    Counter,
    Files,
    MailExchange,
    Metrics,
    Question,
    RecordType,
    Resolver,
    Services,
    Status,
    Store,
)

__version__ = "0.1.0"

__all__ = [
    "NULL_SENDER",
    "AddHeader",
    "AddRecipient",
    "Address",
    "Algorithm",
    "Ambiguity",
    "Answer",
    "ArcResult",
    "ArcSet",
    "ArcValue",
    "AuthResult",
    "AuthenticationResults",
    "Authors",
    "Body",
    "Cap",
    "ChangeHeader",
    "ChangeSender",
    "Charge",
    "Clock",
    "Counter",
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
    "Files",
    "Header",
    "Headers",
    "IpAddress",
    "IpNetwork",
    "IprevResult",
    "IprevValue",
    "Limit",
    "MailExchange",
    "Mailbox",
    "Malformed",
    "Message",
    "Metrics",
    "Oddity",
    "Outcome",
    "Override",
    "OverrideKind",
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
    "Standing",
    "Status",
    "Store",
    "Tls",
    "Verdict",
    "Watch",
    "WatchedFile",
    "comes_from_outside",
    "contains",
    "decode_words",
    "group_names",
    "hookimpl",
    "lies_under",
    "oddities_of",
    "panels",
    "parse_mailboxes",
    "parse_path",
    "printable",
    "read_authors",
    "read_results",
    "to_a_labels",
]
