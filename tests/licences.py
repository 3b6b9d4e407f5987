"""Fail on a dependency whose licence we may not ship: no GPL, no AGPL; LGPL only as an extra."""

from __future__ import annotations

import json
import re
import subprocess
import sys

# Development tools that are never shipped with the product.
TOOLS = {"pip", "setuptools", "wheel"}
FORBIDDEN = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|LGPL|Lesser General)", re.IGNORECASE)


def main() -> int:
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    bad = [
        f"{row['Name']} {row['Version']}: {row['License']}"
        for row in json.loads(listed)
        if row["Name"] not in TOOLS and FORBIDDEN.search(row["License"])
    ]
    unknown = [row["Name"] for row in json.loads(listed) if row["License"] in ("UNKNOWN", "")]
    for line in (*bad, *(f"{name}: licence unknown" for name in unknown)):
        sys.stderr.write(line + "\n")
    sys.stdout.write(f"licences: {len(json.loads(listed))} packages, {len(bad)} forbidden\n")
    return 1 if bad or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
