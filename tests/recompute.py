"""Recompute figures from `trace` alone: terms, factors and readings. Imports nothing of ours.

Run as a script: reads one trace document per line on standard input and prints, per line,
`ok` or what does not agree. The meters' constants are given as a JSON file.
"""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

HOUR = timedelta(hours=1)


def span(document, offset_hours=8):
    """The period's ends in UTC; the demonstration plant's zone is eight hours ahead."""
    words = document["period"]
    if document["grain"] == "day":
        start = datetime.fromisoformat(words)
        end = start + timedelta(days=1)
    else:
        start = datetime.fromisoformat(words + "-01")
        end = (start + timedelta(days=32)).replace(day=1)
    shift = timedelta(hours=offset_hours)
    return tuple((edge - shift).replace(tzinfo=UTC) for edge in (start, end))


def limit(rule, length):
    hours = max(length, timedelta(minutes=rule["step_min"])) / HOUR
    return 1.2 * rule["rated"] * hours


def ahead(readings, place):
    """The readings within the 24 hours after one."""
    until = readings[place][0] + timedelta(hours=24)
    return [(t, v) for t, v in readings[place + 1 : place + 200] if t <= until]


def intervals(readings, rule):
    """Yield (since, until, quantity) of a register by the published rules."""
    (since, before), rest = readings[0], readings[1:]
    for place, (at, shown) in enumerate(rest):
        changes = [c for c in rule["changes"] if since < c["at"] <= at]
        if changes:
            quantity, start = 0.0, before
            for change in changes:
                quantity += change["old_end"] - start
                start = change["new_start"]
            quantity = (quantity + shown - start) * rule["multiplier"]
        elif shown < before:
            if before > 0.9 * rule["max"] and shown < 0.1 * rule["max"]:
                quantity = (shown - before + rule["max"]) * rule["multiplier"]
            elif (before - shown) * rule["multiplier"] <= rule["rated"]:
                yield since, at, 0.0
                since = at
                continue
            elif any(v >= before for _, v in ahead(rest, place)):
                continue
            else:
                since, before = at, shown
                continue
        else:
            quantity = (shown - before) * rule["multiplier"]
            if quantity > limit(rule, at - since) + 1e-9 and any(
                before <= v < shown
                and (v - before) * rule["multiplier"] <= limit(rule, t - since) + 1e-9
                for t, v in ahead(rest, place)
            ):
                continue
        yield since, at, quantity
        since, before = at, shown


def metered(document, meter, rule):
    """A meter's quantity in the period, from the readings in the document."""
    start, end = span(document)
    readings = [
        (datetime.fromisoformat(r["timestamp"]), r["value"])
        for r in document["readings"]
        if r["meter_id"] == meter and r["quality"] != "bad"
    ]
    if not readings:
        return None
    parts = []
    for since, until, quantity in intervals(sorted(readings), rule):
        length = until - since
        long = length > 1.5 * timedelta(minutes=rule["step_min"]) and length > timedelta(hours=3)
        if long:
            if document["grain"] == "month" and start <= since and until <= end:
                parts.append(quantity)
            continue
        overlap = min(until, end) - max(since, start)
        if overlap > timedelta(0):
            parts.append(quantity * (overlap / length))
    return math.fsum(parts)


def check(document, rules):
    """Say what does not agree, or nothing."""
    total = math.fsum(
        t["quantity"] * t["coefficient"] for t in document["terms"] if t["kind"] != "divisor"
    )
    value = document["value"]
    if value is None:
        return "" if not document["terms"] else "null with terms"
    if not math.isclose(total, value, rel_tol=1e-9, abs_tol=1e-9):
        return f"terms give {total}, figure says {value}"
    for term in document["terms"]:
        if term["kind"] != "meter" or not term["coefficient"]:
            continue
        found = metered(document, term["ref"], rules[term["ref"]])
        if found is None or not math.isclose(found, term["quantity"], rel_tol=1e-6, abs_tol=1e-4):
            return f"{term['ref']}: readings give {found}, term says {term['quantity']}"
    return ""


def main():
    rules = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for rule in rules.values():
        for change in rule["changes"]:
            at = datetime.fromisoformat(change["at"]) - timedelta(hours=8)
            change["at"] = at.replace(tzinfo=UTC)
    for line in sys.stdin:
        document = json.loads(line)
        wrong = check(document, rules)
        name = "/".join(document[k] for k in ("period", "indicator", "dimension", "entity"))
        sys.stdout.write(f"{name}: {wrong or 'ok'}\n")


if __name__ == "__main__":
    main()
