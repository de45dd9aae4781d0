"""The tsntlm that is judged."""

import asyncio
import os
import shutil
import time

from load import ADDRESS, PORT

MAIN = os.path.join(os.environ.get("CHECKOUT", "."), "bin/tsntlm.js")


class Program:
    def __init__(self, row, password, proxies=("10.79.0.41:8080",), domain="CORP", more=(), state=None):
        home = os.environ["HOME_OF_LAB"]
        self.log = os.path.join(home, f"{row}.log")
        self.texts = os.path.join(home, f"{row}.texts")
        self._folder = os.path.join(home, "tsntlm")
        shutil.rmtree(self._folder, ignore_errors=True)
        os.makedirs(self._folder, mode=0o700)
        for each in (self.log, self.texts):
            open(each, "w").close()
        self._file = os.path.join(self._folder, "tsntlm.conf")
        self._socket = os.path.join(self._folder, "control.sock")
        self._lines = [
            *(f"Proxy {each}" for each in proxies),
            f"Listen {ADDRESS}:{PORT}",
            f"StateDirectory {state or self._folder}",
            f"ControlSocket {self._socket}",
            "ShutdownGrace 1s",
            "LogFormat text",
            *more,
        ]
        self._domain = domain
        self._process = None
        self.configure(password)

    def configure(self, password, domain=None):
        self._domain = domain or self._domain
        account = ["Username alice", f"Domain {self._domain}", f'Password "{password}"']
        with open(os.open(f"{self._file}.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(account + self._lines) + "\n")
        os.rename(f"{self._file}.new", self._file)

    async def start(self):
        with open(self.log, "a") as log:
            self._process = await asyncio.create_subprocess_exec("node", MAIN, "--config", self._file, stdout=log, stderr=log)
        limit = time.monotonic() + 90
        while time.monotonic() < limit and self._process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(ADDRESS, PORT)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise RuntimeError(f"tsntlm does not listen, see {self.log}")

    async def stop(self):
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def command(self, *arguments):
        """Runs a command such as reload; what it prints is kept beside the log."""
        process = await asyncio.create_subprocess_exec(
            "node", MAIN, *arguments, "--socket", self._socket, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        with open(self.texts, "a") as texts:
            texts.write(f"$ tsntlm {' '.join(arguments)}\n{output.decode()}")
        return output.decode()

    async def reload(self):
        return await self.command("reload")

    async def correct(self, password, domain=None):
        """What the one does who reads the error."""
        self.configure(password, domain)
        return await self.reload()
