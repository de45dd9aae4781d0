"""Clients of tsntlm: each asks again and again, and every attempt is kept."""

import asyncio
import collections
import random
import re
import time

ADDRESS, PORT = "10.79.0.20", 3128
SITE = "origin.corp.test"
PATIENCE_S = 60
QUIET_S = 3

Attempt = collections.namedtuple("Attempt", "began ended client method outcome")


def outcome_of(answer):
    status = int(answer.split(b" ", 2)[1])
    if status == 200:
        return "ok"
    code = re.search(rb"error ([A-Z_]+)\.", answer)
    return f"{status} {code[1].decode()}" if code else str(status)


async def read_answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


class Connection:
    def __init__(self):
        self._streams = None

    async def ask(self, request):
        if self._streams is None:
            self._streams = await asyncio.open_connection(ADDRESS, PORT)
        reader, writer = self._streams
        writer.write(request)
        answer = await read_answer(reader)
        if re.search(rb"\r\nconnection: *close", answer, re.I):
            self.close()
        return answer

    def close(self):
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def get(url):
    return f"GET {url} HTTP/1.1\r\nHost: {SITE}\r\n\r\n".encode()


class Load:
    def __init__(self):
        self.attempts = []
        self._tasks = []
        self._now = asyncio.Event()

    def start(self, number, method, site=SITE, pause_s=1.0, name="client"):
        """CONNECT: a new tunnel each time, which needs a logon; GET: a kept connection."""
        for index in range(number):
            self._tasks.append(asyncio.create_task(self._run(f"{name}{index}", method, site, pause_s)))

    async def stop(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def all_at_once(self):
        """Who pauses does not pause any longer."""
        self._now.set()
        self._now = asyncio.Event()

    async def _pause(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                await self._now.wait()
        except TimeoutError:
            pass

    async def _run(self, client, method, site, pause_s):
        connection = Connection()
        await self._pause(random.random() * pause_s)
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    outcome = await self._once(connection, method, site)
            except TimeoutError:
                outcome = "no answer"
            except (OSError, asyncio.IncompleteReadError) as error:
                outcome = type(error).__name__
            self.attempts.append(Attempt(began, time.monotonic(), client, method, outcome))
            if method == "CONNECT" or outcome != "ok":
                connection.close()
            await self._pause(pause_s * random.uniform(0.5, 1.5))

    async def _once(self, connection, method, site):
        if method == "GET":
            return outcome_of(await connection.ask(get(f"http://{site}/")))
        outcome = outcome_of(await connection.ask(f"CONNECT {site}:80 HTTP/1.1\r\nHost: {site}:80\r\n\r\n".encode()))
        return outcome if outcome != "ok" else outcome_of(await connection.ask(get("/")))

    def failures(self, since=0.0, client=""):
        return [each for each in self.attempts if each.outcome != "ok" and each.ended >= since and each.client.startswith(client)]

    def back_at(self, since):
        """When the first tunnel was there after the last failure, if any."""
        tunnels = [each for each in self.attempts if each.method == "CONNECT" and each.ended >= since]
        failed = max((each.ended for each in tunnels if each.outcome != "ok"), default=since)
        return min((each.ended for each in tunnels if each.outcome == "ok" and each.ended >= failed), default=None)

    async def seconds_until_back(self, since, limit_s):
        """None: not within the limit. Back means that no tunnel fails for some seconds more."""
        while time.monotonic() < since + limit_s + QUIET_S:
            await asyncio.sleep(0.1)
            back = self.back_at(since)
            if back is not None and time.monotonic() > back + QUIET_S and back <= since + limit_s:
                return back - since
        return None
