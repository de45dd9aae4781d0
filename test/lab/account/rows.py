"""The rows: an event, what it may cost, and the measurement. Run by ../account.sh; rows.py --list shows names and bounds."""

import asyncio
import collections
import os
import subprocess
import sys
import time

from load import Load
from program import Program
from squid import Squid, on

Bound = collections.namedtuple("Bound", "bad back_s errors event back_from")

# bad: the largest badPwdCount that the event may reach. The account locks at 3, and that is always a failure.
# back: seconds until tunnels are opened again, from the moment that is named. errors: failed requests of those who are not to blame.
BOUNDS = {
    "wrong": Bound(1, 5, None, "wrong password at the start, 8 clients", "corrected file and reload"),
    "changed": Bound(2, 5, None, "password changed in the directory under 200 clients, noticed after 75 s", "corrected file and reload"),
    "rotated": Bound(2, 5, None, "password changed under 200 clients, file corrected 10 s later", "corrected file and reload"),
    "old-password": Bound(2, 5, None, "the same in a domain that keeps old passwords (NTLM takes the last one for an hour)", "corrected file and reload"),
    "workers": Bound(2, 5, None, "password changed under 200 clients, Workers 2", "corrected file and reload"),
    "disabled": Bound(2, 5, None, "account disabled, enabled 30 s later", "`tsntlm unlock`"),
    "expired": Bound(2, 5, None, "password expired, a new one set 30 s later", "corrected file and reload"),
    "must-change": Bound(2, 5, None, "must change at next logon, a new one set 30 s later", "corrected file and reload"),
    "locked": Bound(3, 5, None, "account locked by somebody else, unlocked 30 s later, file unchanged", "`tsntlm unlock`"),
    "controller-silent": Bound(0, 60, None, "controller unreachable for 2 minutes, password proven", "the proxy itself logs on again"),
    "controller-gone": Bound(0, 60, None, "controller refuses connections for 2 minutes, password proven", "the proxy itself logs on again"),
    "controller-start": Bound(0, 60, None, "controller unreachable for 2 minutes, tsntlm started meanwhile", "the proxy itself logs on again"),
    "one-controller": Bound(0, 30, None, "two upstreams, the first loses its controller", "the loss"),
    "domain": Bound(1, 5, None, "wrong domain in the file", "corrected file and reload"),
    "policy": Bound(0, 0, 0, "one client asks for a blocked site (407) all the time, 100 others work for a minute", "the event"),
    "restarts": Bound(2, 5, None, "5 restarts with a wrong password", "corrected file and reload"),
    "restarts-readonly": Bound(2, 5, None, "5 restarts with a wrong password, state directory read-only", "corrected file and reload"),
    "reloads": Bound(2, 5, None, "10 reloads with a wrong password, file written anew each time", "corrected file and reload"),
}

PASSWORD, NEW, WRONG = "Al1ce-Pass", "Al1ce-Next-Pass", "Wr0ng-Pass"
OUTAGE_S = 120
UPSTREAMS = ("10.79.0.41:8080", "10.79.0.42:8080")


class Row:
    """One row's account, proxies, clients and program, and what was seen."""

    def __init__(self, name, directory, squids):
        self.name, self.bound = name, BOUNDS[name]
        self.directory, self.squids = directory, squids
        self.load = Load()
        self.program = None
        self.peak, self.locked, self.bad_before = 0, False, 0
        self.back, self.back_limit = None, None
        self.notes = []
        self.blamed = ""

    async def __aenter__(self):
        self.directory.reset(PASSWORD)
        for squid in self.squids.values():
            await squid.loses_controller(False)
            if not await until(lambda: squid.serves("CORP\\bob:B0b-Pass"), 120):
                raise RuntimeError(f"{squid.address} does not serve")
            squid.mark()
        self._watch = asyncio.create_task(self._watch_count())
        return self

    async def __aexit__(self, *_):
        self._watch.cancel()
        await self.load.stop()
        if self.program is not None:
            await self.program.stop()

    async def _watch_count(self):
        while True:
            count, locked = self.directory.bad_count()
            self.peak, self.locked = max(self.peak, count), self.locked or locked
            await asyncio.sleep(0.1)

    async def start(self, password=PASSWORD, **options):
        self.program = Program(self.name, password, **options)
        await self.program.start()

    async def proven(self, tunnels, gets, **options):
        """tsntlm under load, with a password that was accepted, and nobody had an error for some seconds."""
        await self.start(**options)
        pause_s = max(1, (tunnels + gets) / 50)
        self.load.start(1, "CONNECT", name="first")
        if await self.load.seconds_until_back(time.monotonic(), 120) is None:
            raise RuntimeError("it never served")
        self.load.start(tunnels - 1, "CONNECT", pause_s=pause_s, name="tunnel")
        self.load.start(gets, "GET", pause_s=pause_s, name="get")
        await asyncio.sleep(pause_s)
        if await self.load.seconds_until_back(time.monotonic(), 120) is None:
            raise RuntimeError(f"errors before the event:{tally(self.load.failures())}")
        self.forget()

    def forget(self):
        """What was seen so far does not count."""
        for squid in self.squids.values():
            squid.mark()
        self.load.attempts.clear()
        self.bad_before, _ = self.directory.bad_count()
        self.peak, self.locked = self.bad_before, False

    async def until_back(self, since, limit_s=60):
        self.back, self.back_limit = await self.load.seconds_until_back(since, limit_s), limit_s

    async def corrected(self, password, **options):
        """The file is corrected and reloaded. Where that does not help, what `tsntlm unlock` does is noted."""
        await self.until_back(await self._now_after(self.program.correct(password, **options)), 20)
        await self.unlocked_if_needed()

    async def unlocked(self):
        await self.until_back(await self._now_after(self.program.command("unlock")), 20)

    async def unlocked_if_needed(self):
        if self.back is not None:
            return
        since = await self._now_after(self.program.command("unlock"))
        back = await self.load.seconds_until_back(since, 20)
        self.notes.append("unlock does not help either" if back is None else f"{back:.1f} s after unlock")

    async def _now_after(self, action):
        await action
        return time.monotonic()

    def longest_wait(self, except_for="nobody"):
        return max(each.ended - each.began for each in self.load.attempts if not each.client.startswith(except_for))

    def report(self):
        after, _ = self.directory.bad_count()
        sent, refused = (sum(each) for each in zip(*(squid.logons("alice") for squid in self.squids.values())))
        failures = self.load.failures()
        blamed = [each for each in failures if self.blamed and each.client.startswith(self.blamed)]
        others = [each for each in failures if each not in blamed]
        back_s = self.bound.back_s
        wrong = [
            *([f"bad count {self.peak} > {self.bound.bad}"] if self.peak > self.bound.bad else []),
            *(["locked"] if self.locked and self.name != "locked" else []),
            *([f"not back within {back_s} s"] if self.back is None or self.back > back_s else []),
            *([f"{len(others)} errors"] if self.bound.errors is not None and len(others) > self.bound.errors else []),
        ]
        back = f"never within {self.back_limit} s" if self.back is None else f"{self.back:.1f} s"
        columns = [
            f"AUTHENTICATEs {sent}, refused {refused}",
            f"badPwdCount {self.bad_before}>{self.peak}>{after}",
            f"locked {'yes' if self.locked else 'no'}",
            f"back {back} from {self.bound.back_from}",
            f"errors {len(others)} of {len(self.load.attempts)}{tally(others)}",
            *([f"the blamed one {len(blamed)}{tally(blamed)}"] if self.blamed else []),
            *self.notes,
            *(["expected otherwise: " + ", ".join(wrong)] if wrong else []),
        ]
        print(f"{'FAIL' if wrong else 'ok  '} {self.name:17} {'; '.join(columns)}", flush=True)
        return not wrong


def tally(failures):
    counts = collections.Counter(each.outcome for each in failures)
    return f" ({', '.join(f'{name} {count}' for name, count in counts.most_common())})" if counts else ""


async def until(condition, limit_s, pause_s=1):
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        if await condition():
            return True
        await asyncio.sleep(pause_s)
    return False


async def wrong(row):
    await row.start(WRONG)
    row.load.start(8, "CONNECT")
    await asyncio.sleep(15)
    await row.corrected(PASSWORD)


async def changed(row, notice_s=75, **options):
    await row.proven(100, 100, **options)
    row.directory.set_password(NEW)
    changed_at = time.monotonic()
    row.load.all_at_once()
    await asyncio.sleep(notice_s)
    await row.corrected(NEW)
    failed = [each.ended for each in row.load.failures(changed_at)]
    if failed:
        row.notes.append(f"tunnels refused from {min(failed) - changed_at:.1f} s to {max(failed) - changed_at:.1f} s after the change")


async def rotated(row):
    await changed(row, 10)


async def workers(row):
    await changed(row, 10, more=("Workers 2",))


async def old_password(row):
    row.directory.keep_old_passwords(24)
    row.directory.set_password("Al1ce-Older-Pass")
    row.directory.set_password(PASSWORD)
    await changed(row, 20)


async def refused_for(row, seconds):
    row.load.start(4, "CONNECT", name="late")
    await asyncio.sleep(seconds)


async def disabled(row):
    await row.proven(8, 4)
    row.directory.disable()
    row.load.all_at_once()
    await refused_for(row, 30)
    row.directory.enable()
    await row.unlocked()


async def renewed(row):
    row.directory.set_password(NEW)
    await row.corrected(NEW)


async def expired(row):
    await row.proven(8, 4)
    row.directory.expire_password()
    row.load.all_at_once()
    await refused_for(row, 30)
    await renewed(row)


async def must_change(row):
    await row.proven(8, 4)
    row.directory.must_change()
    row.load.all_at_once()
    await refused_for(row, 30)
    await renewed(row)


async def locked(row):
    await row.proven(8, 4)
    row.directory.lock()
    row.load.all_at_once()
    await refused_for(row, 30)
    row.directory.unlock()
    await row.program.reload()
    await asyncio.sleep(3)
    row.notes.append("tunnels after reload alone: " + ("yes" if row.load.back_at(time.monotonic() - 2) else "no"))
    await row.unlocked()


async def outage(row, begin, end):
    """From the moment that the proxy logs clients on again; bob's logons cost alice nothing."""
    await begin()
    since = time.monotonic()
    await asyncio.sleep(OUTAGE_S)
    await end()
    if not await until(lambda: row.squids["a"].serves("CORP\\bob:B0b-Pass"), 120):
        raise RuntimeError("the proxy itself does not recover")
    recovered = time.monotonic()
    await row.until_back(recovered, 60)
    await row.unlocked_if_needed()
    failed = [each.ended for each in row.load.failures(since)]
    row.notes.append(f"longest wait of a client {row.longest_wait():.0f} s, proxy itself back {recovered - since - OUTAGE_S:.0f} s after the controller")
    if failed:
        row.notes.append(f"first error {min(failed) - since:.0f} s after the loss")


async def controller_silent(row):
    await row.proven(8, 4)
    await outage(row, row.squids["a"].loses_controller, lambda: row.squids["a"].loses_controller(False))


async def controller_start(row):
    async def begin():
        await row.squids["a"].loses_controller()
        await row.start()
        row.load.start(8, "CONNECT")

    await outage(row, begin, lambda: row.squids["a"].loses_controller(False))


async def controller_gone(row):
    """Another machine with its address answers in its place, where nothing listens."""
    address = (await on("dc", "cat", "/sys/class/net/dc0/address")).strip()
    own = (await on("lan", "cat", "/sys/class/net/control/address")).strip()

    async def begin():
        await on("lan", "ip", "link", "set", "dc-dc0", "down")
        await on("lan", "ip", "link", "set", "control", "address", address)
        await on("lan", "ip", "addr", "add", "10.79.1.10/24", "dev", "control")

    async def end():
        await on("lan", "ip", "addr", "del", "10.79.1.10/24", "dev", "control")
        await on("lan", "ip", "link", "set", "control", "address", own)
        await on("lan", "ip", "link", "set", "dc-dc0", "up")

    await row.proven(8, 4)
    try:
        await outage(row, begin, end)
    finally:
        await end()


async def one_controller(row):
    await row.proven(16, 8, proxies=UPSTREAMS)
    await row.squids["a"].loses_controller()
    since = time.monotonic()
    await asyncio.sleep(60)
    row.back, row.back_limit = await row.load.seconds_until_back(since, 60), 60
    row.notes.append(f"longest wait of a client {row.longest_wait():.0f} s")
    await row.squids["a"].loses_controller(False)


async def domain(row):
    await row.start(domain="NOSUCH")
    row.load.start(8, "CONNECT")
    await asyncio.sleep(15)
    await row.corrected(PASSWORD, domain="CORP")


async def policy(row):
    await row.proven(50, 50)
    since = time.monotonic()
    row.blamed = "blocked"
    row.load.start(1, "CONNECT", "blocked.corp.test", 0.5, "blocked")
    await asyncio.sleep(60)
    failed = [each.ended for each in row.load.failures(since) if not each.client.startswith("blocked")]
    working = row.load.back_at(max(failed)) if failed else since
    row.back, row.back_limit = (None if working is None else working - since), 60
    row.notes.append(f"longest wait of the others {row.longest_wait('blocked'):.1f} s")


async def restarts(row, **options):
    await row.start(WRONG, **options)
    row.load.start(8, "CONNECT")
    for _ in range(5):
        await asyncio.sleep(4)
        await row.program.stop()
        await row.program.start()
    await asyncio.sleep(4)
    await row.corrected(PASSWORD)


async def restarts_readonly(row):
    state = os.path.join(os.environ["HOME_OF_LAB"], "read-only")
    os.makedirs(state, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", state], check=True)
    try:
        await restarts(row, state=state)
    finally:
        await row.program.stop()
        subprocess.run(["umount", state], check=True)


async def reloads(row):
    await row.start(WRONG)
    row.load.start(8, "CONNECT")
    for _ in range(10):
        await asyncio.sleep(2)
        await row.program.correct(WRONG)
    await asyncio.sleep(2)
    await row.corrected(PASSWORD)


ROWS = {name: globals()[name.replace("-", "_")] for name in BOUNDS}


async def main(names):
    from directory import Directory

    directory = Directory()
    squids = {name: Squid(name, address) for name, address in (("a", "10.79.0.41"), ("b", "10.79.0.42"))}
    passed = 0
    for name in names:
        try:
            async with Row(name, directory, squids) as row:
                await ROWS[name](row)
                passed += row.report()
        except RuntimeError as error:
            print(f"FAIL {name:17} {error}", flush=True)
    print(f"{passed} of {len(names)} rows as expected", flush=True)
    return passed == len(names)


def show():
    for name, bound in BOUNDS.items():
        errors = "" if bound.errors is None else f", errors of others {bound.errors}"
        print(f"{name:17} {bound.event}: badPwdCount at most {bound.bad}, back {bound.back_s} s after {bound.back_from}{errors}")


if __name__ == "__main__":
    if "--list" in sys.argv:
        show()
        sys.exit(0)
    unknown = set(sys.argv[1:]) - set(BOUNDS)
    if unknown:
        sys.exit(f"no such row: {', '.join(sorted(unknown))}")
    sys.exit(0 if asyncio.run(main(sys.argv[1:] or list(BOUNDS))) else 1)
