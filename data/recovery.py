"""What is put in order before anything else happens: acknowledged files, open announcements."""

from __future__ import annotations

from data.approvals import restore_settings
from data.batch_notes import keep_notes
from data.engine import Engine
from data.ingest.load import drain
from data.rebuild import rebuilt


def recovered(engine: Engine) -> None:
    """Load what was acknowledged, then conclude what a stop left open.

    Parameters
    ----------
    engine
        The opened data directory; nothing else may be writing to it.

    Raises
    ------
    data.store.StoreError
        The disk is full; what was acknowledged waits, and so does what depends on it.
    """
    if rebuilt(engine) + drain(engine):
        restore_settings(engine)
    keep_notes(engine)
    _conclude(engine)


def _conclude(engine: Engine) -> None:
    """Conclude announced actions by what the data say of them (T/CASMES 615 9.5)."""
    audit = engine.state.audit
    for intent in audit.unconcluded():
        with engine.store.read() as cursor:
            kept = cursor.execute(
                "SELECT 1 FROM applied_intent WHERE intent = ?", [intent.seq]
            ).fetchone()
        audit.conclude(intent, applied=kept is not None or audit.has_parts(intent.seq))
