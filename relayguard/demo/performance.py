"""Plays a scene: sends its message over SMTP, and looks what came of it at the far end."""

import email
import email.policy
import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import Any

from relayguard.demo.scenes import Scene, message_id
from relayguard.demo.world import LOGIN, PASSWORD, World
from relayguard.demo.zone import RECIPIENT


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scene. `faults` lists what should have been otherwise."""

    number: int
    scene: Scene
    reply: str
    line: dict[str, Any]
    authentication_results: str | None
    faults: tuple[str, ...]


def play(world: World, number: int, scene: Scene) -> Played:
    """Send the message of `scene` and compare what happened with what should have."""
    daemon = world.daemons[scene.profile]
    before = len(daemon.events("envelope"))
    reply = _send(world, scene)
    line = daemon.await_events("envelope", before + 1)[before]
    held = scene.decision == "quarantined"
    delivered = world.postfix.find(message_id(number)) if reply.startswith("250") and not held else None
    header = _authentication_results(delivered) if delivered else None
    return Played(number, scene, reply, line, header, tuple(_faults(scene, reply, line, delivered, header)))


def _send(world: World, scene: Scene) -> str:
    port = world.postfix.submission_port if scene.login else world.ports[scene.profile]
    with smtplib.SMTP("127.0.0.1", port, scene.helo, timeout=60, source_address=(scene.client, 0)) as client:
        if scene.login:
            client.starttls(context=_trusting())
            client.login(LOGIN, PASSWORD)
        client.ehlo_or_helo_if_needed()
        # smtplib's own mail() would mend what is malformed.
        code, text = client.docmd("MAIL", f"FROM:<{scene.sender}>")
        if code < 400:
            code, text = client.rcpt(RECIPIENT)
        if code < 400:
            code, text = client.data(scene.message)
        return f"{code} {text.decode('ascii', 'replace')}"


def _trusting() -> ssl.SSLContext:
    # The certificate was made a second ago, on this machine.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _authentication_results(message: bytes) -> str | None:
    values = email.message_from_bytes(message, policy=email.policy.compat32).get_all("Authentication-Results", [])
    return "\n".join(str(value) for value in values) if values else None


def _faults(scene: Scene, reply: str, line: dict[str, Any], delivered: bytes | None, header: str | None) -> list[str]:
    faults = []
    if not reply.startswith(scene.reply):
        faults.append(f"the reply should have begun with {scene.reply}")
    if line["decision"] != scene.decision:
        faults.append(f"the decision should have been {scene.decision}, not {line['decision']}")
    if line.get("would_be") != scene.would_be:
        faults.append(f"the would-be decision should have been {scene.would_be}, not {line.get('would_be')}")
    notes = line.get("notes", [])
    faults += [
        f"the note {note!r} is missing" for note in scene.notes if not any(each.startswith(note) for each in notes)
    ]
    if reply.startswith("250") and scene.decision == "accepted" and delivered is None:
        faults.append("the message was accepted but not delivered")
    shown = re.sub(r"\s+", " ", header) if header is not None else "; ".join(line["results"])
    faults += [f"{expected!r} is missing" for expected in scene.results if expected not in shown]
    faults += [f"{unwanted!r} should not be there" for unwanted in scene.absent if unwanted in shown]
    return faults
