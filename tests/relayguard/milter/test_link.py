import asyncio

from relayguard import Reject
from relayguard.milter.fields import Fields
from relayguard.milter.link import Link
from tests.relayguard.pipeline.rig import Rig


def test_the_first_refusal_is_the_answer() -> None:
    ran: list[str] = []

    async def refuse() -> Reject:
        ran.append("refuse")
        return Reject()

    async def go_on() -> None:
        ran.append("go on")

    link = Link(Rig().connection, Fields(None), 0)
    assert asyncio.run(link.run([refuse, go_on])) == Reject()
    assert ran == ["refuse", "go on"]


def test_two_hand_overs_of_one_connection_never_overlap() -> None:
    ran: list[str] = []

    async def slow() -> None:
        ran.append("begins")
        await asyncio.sleep(0.01)
        ran.append("ends")

    async def both() -> None:
        link = Link(Rig().connection, Fields(None), 0)
        await asyncio.gather(link.run([slow]), link.run([slow]))

    asyncio.run(both())
    assert ran == ["begins", "ends", "begins", "ends"]
