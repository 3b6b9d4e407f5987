"""One-time codes for tests that sign in to a running app: each step once, ascending."""

from __future__ import annotations

import time

import pyotp

STEP_S = 30
_taken: dict[str, int] = {}


def next_code(secret: str) -> str:
    """Return the earliest code that counts and was not used here; waits only where all were.

    A code counts in the step before, the present one and the next; the one before only while
    there is time to send it.
    """
    now, into = divmod(time.time(), STEP_S)
    step = max(int(now) - (into < STEP_S / 2), _taken.get(secret, 0) + 1)
    while step > int(time.time()) // STEP_S + 1:
        time.sleep(0.5)
    _taken[secret] = step
    return str(pyotp.TOTP(secret).generate_otp(step))
