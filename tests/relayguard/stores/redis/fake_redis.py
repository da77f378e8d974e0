"""A server that says what a test wants it to say."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

Answer = bytes | None


@contextlib.asynccontextmanager
async def fake_redis(answer: Callable[[bytes], Answer], delay: float = 0.0) -> AsyncIterator[str]:
    """Serve on loopback; yield the URL. `answer` is given the name of each command; None is silence."""

    serving: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[writer] = asyncio.current_task()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while True:
                count = int((await reader.readuntil(b"\n"))[1:])
                words = []
                for _ in range(count):
                    size = int((await reader.readuntil(b"\n"))[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                await asyncio.sleep(delay)
                if words[0] == b"CLIENT":
                    writer.write(b"+OK\r\n")
                elif (said := answer(words[0])) is not None:
                    writer.write(said)
        writer.close()
        del serving[writer]

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for writer, task in list(serving.items()):
            writer.close()
            if task:
                await task
