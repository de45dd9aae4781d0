"""What the helpers of a Squid were asked and what they answered, and the network between it and the domain controller."""

import asyncio
import base64
import glob
import os
import struct


def user_of(authenticate):
    message = base64.b64decode(authenticate)
    length, _, offset = struct.unpack_from("<HHI", message, 36)
    return message[offset : offset + length].decode("utf-16-le", "replace").lower()


def lines(path):
    with open(path, "rb") as file:
        return file.read().split(b"\n")[:-1]


class Squid:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self._folder = os.path.join(os.environ["HOME_OF_LAB"], name, "squid")
        self._before = {}

    def mark(self):
        self._before = {path: len(lines(path)) for path in self._asked()}

    def _asked(self):
        return glob.glob(f"{self._folder}/asked.*")

    def logons(self, user):
        """AUTHENTICATEs of the user since the mark, and how many of them were refused so far."""
        sent = refused = 0
        for path in self._asked():
            answers = lines(path.replace("/asked.", "/answered."))
            for index, line in enumerate(lines(path)):
                if index < self._before.get(path, 0) or not line.startswith(b"KK "):
                    continue
                if user_of(line[3:].split()[0]) != user:
                    continue
                sent += 1
                refused += index < len(answers) and not answers[index].startswith(b"AF")
        return sent, refused

    async def loses_controller(self, lost=True):
        await on("lan", "ip", "link", "set", f"{self.name}-dc0", "down" if lost else "up")

    async def serves(self, account):
        """Whether a client that logs on by itself gets through it."""
        arguments = ["-s", "-f", "-m", "10", "-o", "/dev/null", "--proxy-ntlm", "-U", account, "-x", f"http://{self.address}:8080"]
        process = await asyncio.create_subprocess_exec("curl", *arguments, "http://origin.corp.test/")
        return await process.wait() == 0


async def on(host, *command):
    """Runs it on that host and gives what it prints."""
    arguments = ["-t", os.environ[f"HOST_{host}"], "-m", "-n", "-u", "--", *command]
    process = await asyncio.create_subprocess_exec(
        "nsenter", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode()
