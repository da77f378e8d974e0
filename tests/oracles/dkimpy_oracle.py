"""What dkimpy says of a message. It does not tell why a signature is none: REFUSED is all but a pass."""

import dkim

from tests.oracles.mail import Judgement, Mail, Verdict

# dkimpy raises more than its own exceptions at what it cannot read.
_RAISED = (dkim.DKIMException, ValueError, IndexError)


class _Log:
    """Keeps why a signature was refused, where dkimpy tells its logger alone."""

    def __init__(self) -> None:
        self.said = ""

    def debug(self, text: str) -> None:
        """Take no notice."""

    def error(self, text: str) -> None:
        """Take notice."""
        self.said = text


def judge(mail: Mail) -> list[Judgement]:
    """Return what dkimpy finds, in the order of the signatures."""
    count = len(mail.signatures)
    log = _Log()
    try:
        verifier = dkim.DKIM(mail.serialized(), logger=log)
    except _RAISED as error:
        return [_refused(error)] * count
    return [_judge_one(verifier, log, index, mail) for index in range(count)]


def _judge_one(verifier: dkim.DKIM, log: _Log, index: int, mail: Mail) -> Judgement:
    def txt(name: bytes, timeout: int) -> bytes | None:
        records = mail.keys.get(name.decode("utf-8", "replace").removesuffix(".").lower(), ())
        if records is None:
            raise dkim.DnsTimeoutError("no answer")
        # dkimpy's own look-up takes the first record, whatever it is.
        return records[0].encode() if records else None

    log.said = "signature did not verify"
    try:
        passed = verifier.verify(index, dnsfunc=txt)
    except _RAISED as error:
        return _refused(error)
    return Judgement(Verdict.PASS) if passed else Judgement(Verdict.REFUSED, log.said)


def _refused(error: Exception) -> Judgement:
    return Judgement(Verdict.REFUSED, f"{type(error).__name__}: {error}")
