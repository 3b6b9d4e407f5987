"""Walking down from a figure: a meter's days, its hours, its raw readings; and their CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, has_request_context, request

from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import denied, in_scope
from data import course
from figures.course import (
    UNITS,
    MeterSeen,
    course_rows,
    meter_drawer,
    point_cell,
    reading_rows,
)
from figures.drawer import missing_drawer
from figures.html import Content
from security import web
from security.roles import may_open

_MONTH = r"\d{4}-(?:0[1-9]|1[0-2])"
PERIOD = re.compile(rf"{_MONTH}(?:-(?:0[1-9]|[12]\d|3[01])|{course.SPAN}{_MONTH})?")
_NAME = re.compile(r"[^\x00-\x1f]{1,80}")
READINGS_OF = "/emission"  # who may open this page may see what its figures are made of
LONGEST = timedelta(days=3653)  # ten years of months are drawn at once
BOM = "\ufeff"


def bind_course(server: Flask, reader: PageReader, default: str) -> None:
    """Register the download of what a meter's drawer shows."""

    @server.get("/download/trace/meter.csv")
    def meter_csv() -> Response:
        what = request.args.get("what", "")
        seen = meter_seen(reader, request.args, readings=what == "readings")
        if seen is None:
            abort(404)
        chosen = language(default)
        rows = reading_rows(seen, chosen) if what == "readings" else course_rows(seen, chosen)
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows([[_text(c) for c in r] for r in rows])
        name = re.sub(r"[^A-Za-z0-9_-]", "_", seen.meter)
        kind = "readings" if what == "readings" else "course"
        period = seen.period.replace(course.SPAN, "_")
        return Response(
            (BOM + out.getvalue()).encode(), mimetype="text/csv",
            headers={"Content-Disposition":
                     f"attachment; filename=meter_{name}_{period}_{kind}.csv"},
        )  # fmt: skip


def _text(cell: str) -> str:
    """Return a cell that a spreadsheet takes as text: a formula is never run."""
    return f"'{cell}" if cell[:1] in ("=", "+", "@", "\t") else cell


def opened_meter(reader: PageReader, asked: Mapping[str, Any], chosen: str) -> Content:
    """Return the drawer of a meter that was asked for."""
    daily = len(str(asked.get("period", ""))) == len("2026-07-31")
    seen = meter_seen(reader, asked, readings=daily)
    return missing_drawer(chosen) if seen is None else meter_drawer(seen, chosen)


def may_read() -> bool:
    """Tell whether who asks may see readings: who may open the pages of the whole site."""
    session = web.current() if has_request_context() else None
    return session is None or may_open(session.role, READINGS_OF)


def meter_seen(reader: PageReader, asked: Mapping[str, Any], *, readings: bool) -> MeterSeen | None:
    """Return a meter in a period; None where there is none or it may not be seen.

    Parameters
    ----------
    reader
        The pages' reader.
    asked
        site, meter and period (a day, a month or several) as the browser sent them.
    readings
        Whether its raw readings are wanted, which several months have not.
    """
    site, name, period = (str(asked.get(key) or "") for key in ("site", "meter", "period"))
    if not (PERIOD.fullmatch(period) and _NAME.fullmatch(name) and may_read()):
        return None
    several = course.SPAN in period
    if several and readings:
        return None
    if not in_scope(site):
        denied(f"meter {site}/{name}")
        return None
    info = reader.sites().get(site)
    found = course.meter(reader.engine, site, name) if info is not None else None
    if info is None or found is None:
        return None
    try:
        first, end = course.ends(period)
    except ValueError:
        return None
    if not timedelta(0) < end - first <= LONGEST:
        return None
    points = (
        course.months(reader.engine, found, period) if several
        else course.days(reader.engine, found, period) if len(period) == len("2026-07")
        else course.hours(reader.engine, found, first, end, info.zone)
    )  # fmt: skip
    whole = course.whole(reader.engine, found, period)
    raw = course.readings(reader.engine, found, first, end, info.zone) if readings else []
    return MeterSeen(
        site, name, found.name, found.medium, found.unit, period, found.places,
        point_cell(whole, UNITS.get(found.medium, found.unit)), points, raw, info.demo,
    )  # fmt: skip
