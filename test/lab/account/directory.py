"""The account in the domain: what the helpdesk and time do to it, and what the domain counts. On the controller's own database."""

import os
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

USER = "alice"
FILTER = f"(sAMAccountName={USER})"
LOCKED_OUT = 0x10
SECONDS_TO_1970 = 11_644_473_600
DAY = 86_400 * 10_000_000
BYPASS_LAST_SET = "1.3.6.1.4.1.7165.4.3.20"


class Directory:
    def __init__(self):
        folder = os.environ["DIRECTORY"]
        parameters = LoadParm()
        parameters.load(f"{folder}/etc/smb.conf")
        self._database = SamDB(f"{folder}/private/sam.ldb", session_info=system_session(), lp=parameters)
        self._domain = self._database.get_default_basedn()
        self._account = self._search().dn

    def _search(self, *attributes):
        return self._database.search(self._domain, ldb.SCOPE_SUBTREE, FILTER, list(attributes) or ["dn"])[0]

    def _set(self, dn, controls=(), **values):
        message = ldb.Message(dn)
        for name, value in values.items():
            message[name] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, name)
        self._database.modify(message, list(controls))

    def reset(self, password):
        """As new: enabled, unlocked, nothing counted, this password."""
        self.expire_no_password()
        self.keep_old_passwords(0)
        self.set_password(password)
        self.enable()
        self.unlock()

    def set_password(self, password):
        self._database.setpassword(FILTER, password)

    def disable(self):
        self._database.disable_account(FILTER)

    def enable(self):
        self._database.enable_account(FILTER)

    def must_change(self):
        self._set(self._account, pwdLastSet=0)

    def expire_password(self):
        """Samba takes an age of a day or less for never, so this password is made older."""
        long_ago = int(str(self._search("pwdLastSet")["pwdLastSet"])) - 30 * DAY
        self._set(self._domain, maxPwdAge=-2 * DAY)
        self._set(self._account, [f"local_oid:{BYPASS_LAST_SET}:0"], pwdLastSet=long_ago)

    def expire_no_password(self):
        self._set(self._domain, maxPwdAge=-(2**63))

    def keep_old_passwords(self, number):
        self._set(self._domain, pwdHistoryLength=number)

    def lock(self):
        """What three wrong passwords leave."""
        self._set(self._account, badPwdCount=3, lockoutTime=int((time.time() + SECONDS_TO_1970) * 10_000_000))

    def unlock(self):
        self._set(self._account, lockoutTime=0)

    def bad_count(self):
        """badPwdCount, and whether the account is locked."""
        found = self._search("badPwdCount", "msDS-User-Account-Control-Computed")
        computed = int(str(found.get("msDS-User-Account-Control-Computed", ["0"])[0]))
        return int(str(found.get("badPwdCount", ["0"])[0])), bool(computed & LOCKED_OUT)
