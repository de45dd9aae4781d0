#!/usr/bin/python3
"""A Squid NTLM helper: what a domain would do around Samba's ntlm_auth, without a domain.

usage: ntlm-helper-policy.py [--user NAME]... [--threshold N] [--delay-ms N] --state FILE --log FILE -- NTLM_AUTH ARGS...

ntlm_auth judges each response. This helper knows which users exist, refuses dialects older than NTLMv2, counts
wrong passwords per user (all helpers of one Squid share FILE) and locks an account at the threshold, answers
late, and logs every Type 3 message as one line of JSON.
"""

import argparse
import base64
import fcntl
import json
import struct
import subprocess
import sys
import time

NEGOTIATE_UNICODE = 0x00000001
LONGEST_FIXED_RESPONSE = 24  # LM, NTLM and NTLM2 session responses are 24 bytes, an NTLMv2 response is longer


def security_buffer(message, offset):
    """The payload that the length, maximum and offset at `offset` point to (MS-NLMP 2.2.1.3)."""
    length, _, start = struct.unpack_from("<HHI", message, offset)
    return message[start : start + length]


def read_authenticate(message):
    if message[:12] != b"NTLMSSP\0\x03\0\0\0":
        raise ValueError("not a Type 3 message")
    (flags,) = struct.unpack_from("<I", message, 60)
    encoding = "utf-16le" if flags & NEGOTIATE_UNICODE else "cp437"
    is_v2 = len(security_buffer(message, 20)) > LONGEST_FIXED_RESPONSE
    return {
        "user": security_buffer(message, 36).decode(encoding),
        "domain": security_buffer(message, 28).decode(encoding),
        "dialect": "NTLMv2" if is_v2 else "older",
    }


class Accounts:
    """Wrong passwords per user, in a file that all helpers share."""

    def __init__(self, path, threshold):
        self.path = path
        self.threshold = threshold

    def judge(self, user, good):
        """Counts this attempt; True when the account is locked, whatever the password."""
        with open(self.path, "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            wrong = json.loads(file.read() or "{}")
            count = wrong.get(user, 0)
            locked = 0 < self.threshold <= count
            if not locked:
                wrong[user] = 0 if good else count + 1
                file.truncate(0)
                file.write(json.dumps(wrong))
            return locked


def decide(options, accounts, attempt, verdict):
    """Squid's answer line for one attempt, and whether the account is locked."""
    known = [name.lower() for name in options.user]
    user = attempt["user"].lower()
    if known and user not in known:
        return "NA NT_STATUS_NO_SUCH_USER", False
    good = verdict.startswith("AF") and attempt["dialect"] == "NTLMv2"
    if accounts.judge(user, good):
        return "NA NT_STATUS_ACCOUNT_LOCKED_OUT", True
    return (verdict if good or not verdict.startswith("AF") else "NA NT_STATUS_WRONG_PASSWORD"), False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", action="append", default=[])
    parser.add_argument("--threshold", type=int, default=0)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--state", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("judge", nargs="+")
    options = parser.parse_args()
    accounts = Accounts(options.state, options.threshold)
    judge = subprocess.Popen(
        options.judge, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )

    def ask(line):
        judge.stdin.write(line + "\n")
        judge.stdin.flush()
        return judge.stdout.readline().rstrip("\n")

    for line in sys.stdin:
        line = line.rstrip("\n")
        answer = ask(line)
        if line.startswith("KK "):
            attempt = read_authenticate(base64.b64decode(line[3:]))
            answer, locked = decide(options, accounts, attempt, answer)
            time.sleep(options.delay_ms / 1000)
            record = {**attempt, "ok": answer.startswith("AF"), "verdict": answer, "locked": locked}
            with open(options.log, "a") as log:
                log.write(json.dumps(record) + "\n")
        print(answer, flush=True)


main()
