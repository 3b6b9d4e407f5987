"""What must hold before anything starts: the cryptography answers right, the keys are there."""

from __future__ import annotations

from data.state import State
from security.keys import Keys, provider
from security.sm import refuse_broken
from settings import Settings


def opened_keys(settings: Settings, state: State) -> Keys:
    """Return the keys of an installation, made on its first start (T/CASMES 615 9.1.2).

    Parameters
    ----------
    settings
        Where keys are kept and by what.
    state
        What names the keys that must be there.

    Returns
    -------
    Keys
        Every key proved to open.

    Raises
    ------
    security.problem.Problem
        The libraries answer wrongly, or keys are missing or cannot be used.
    """
    refuse_broken()
    held = provider(settings.key_provider, settings.key_passphrase_file)
    return Keys.open(settings.keys, provider=held, create=True, needs=state.key_ids())


def root_key_printed(state: State) -> bool:
    """Tell whether the root key in force was printed since it was made (security: escrow).

    Parameters
    ----------
    state
        Whose trail says when it was printed and when it was changed.

    Returns
    -------
    bool
        False also after a rotation: what lies in the safe opens nothing any more.
    """
    return state.audit.newest("key.use", "root") > state.audit.newest("key.rotate", "root")
