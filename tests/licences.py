"""Fail on a dependency whose licence we may not ship: no GPL, no AGPL; LGPL only as an extra.

Writes the bill of materials beside it: build/sbom.json, CycloneDX 1.5.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# Development tools that are never shipped with the product.
TOOLS = {"pip", "setuptools", "wheel"}
BILL = Path(__file__).parent.parent / "build" / "sbom.json"
FORBIDDEN = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|LGPL|Lesser General)", re.IGNORECASE)


def bill(rows: list[dict[str, str]]) -> dict[str, object]:
    """The bill of materials of the installed packages."""
    components = [
        {
            "type": "library",
            "name": row["Name"],
            "version": row["Version"],
            "purl": f"pkg:pypi/{row['Name'].lower()}@{row['Version']}",
            "licenses": [{"license": {"name": row["License"]}}],
        }
        for row in rows
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components}


def main() -> int:
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = json.loads(listed)
    BILL.parent.mkdir(exist_ok=True)
    BILL.write_text(json.dumps(bill(rows), indent=1) + "\n", encoding="utf-8")
    bad = [
        f"{row['Name']} {row['Version']}: {row['License']}"
        for row in rows
        if row["Name"] not in TOOLS and FORBIDDEN.search(row["License"])
    ]
    unknown = [row["Name"] for row in rows if row["License"] in ("UNKNOWN", "")]
    for line in (*bad, *(f"{name}: licence unknown" for name in unknown)):
        sys.stderr.write(line + "\n")
    sys.stdout.write(f"licences: {len(rows)} packages, {len(bad)} forbidden\n")
    return 1 if bad or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
