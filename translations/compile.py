"""Build the binary catalogue from the .po files of a language (development only)."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HERE = Path(__file__).parent
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # the bytes must not depend on the day


def compiled(language: str) -> bytes:
    """Return the .mo bytes of every .po file of the language together."""
    whole = Catalog(locale=language, creation_date=EPOCH, revision_date=EPOCH)
    for path in sorted((HERE / language).glob("*.po")):
        for message in read_po(io.BytesIO(path.read_bytes()), locale=language):
            if message.id:
                whole.add(message.id, message.string)
    out = io.BytesIO()
    write_mo(out, whole)
    return out.getvalue()


def main() -> None:
    """Write messages.mo of every language that has a folder."""
    for folder in (path for path in HERE.iterdir() if (path / "LC_MESSAGES").is_dir()):
        (folder / "LC_MESSAGES" / "messages.mo").write_bytes(compiled(folder.name))


if __name__ == "__main__":
    main()
