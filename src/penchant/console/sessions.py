"""Logging in to a console that has a key: the browser gets a random token, the server keeps its digest and when it was last used."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

COOKIE = "penchant_session"
IDLE_SECONDS = 8 * 3600.0
MAX_SESSIONS = 10_000  # beyond it the longest idle one ends


class Sessions:
    """Who has shown the key. Memory only: a restart ends all of them."""

    def __init__(self, key: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._key = _digest(key)
        self._now = monotonic
        self._used: dict[bytes, float] = {}

    def open(self, key: str) -> str | None:
        """A new token for whoever shows the right key; None for others. Takes as long for a wrong key as for the right one."""
        if not hmac.compare_digest(_digest(key), self._key):
            return None
        self._forget_idle()
        if len(self._used) >= MAX_SESSIONS:
            del self._used[min(self._used, key=self._used.__getitem__)]
        token = secrets.token_urlsafe(32)
        self._used[_digest(token)] = self._now()
        return token

    def knows(self, token: str) -> bool:
        """Whether the token is of a session that is not over; using it keeps it alive."""
        name = _digest(token)
        used = self._used.get(name)
        if used is None or self._now() - used > IDLE_SECONDS:
            self._used.pop(name, None)
            return False
        self._used[name] = self._now()
        return True

    def close(self, token: str) -> None:
        """End a session."""
        self._used.pop(_digest(token), None)

    def _forget_idle(self) -> None:
        oldest = self._now() - IDLE_SECONDS
        self._used = {name: used for name, used in self._used.items() if used >= oldest}


def _digest(text: str) -> bytes:
    """Digests are of equal length, so comparing them tells nothing about the text's."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
