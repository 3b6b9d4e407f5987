"""The factor library the product ships: factors.csv with its sources and digest."""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path

from accounting.factors import FactorLibrary, library
from data.digest import sm3

FILE = Path(__file__).parent / "factors" / "factors.csv"


@cache
def shipped() -> FactorLibrary:
    """Return the shipped factors; the digest is the document's SM3."""
    body = FILE.read_bytes()
    rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    return library(rows, sm3(body))
