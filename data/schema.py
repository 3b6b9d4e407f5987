"""The tables of the analytical store: what is kept, what is derived, what is reported."""

from __future__ import annotations

from data.ingest.kinds import KINDS, Column, Kind

_SQL_TYPE = {
    "text": "VARCHAR",
    "number": "DECIMAL(18,6)",
    "integer": "BIGINT",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "month": "VARCHAR",
    "period": "VARCHAR",
    "flag": "BOOLEAN",
}

RECORD_KINDS = tuple(name for name in KINDS if name != "readings")

_TABLES = """
CREATE TABLE IF NOT EXISTS batch(
    batch INTEGER PRIMARY KEY, kind VARCHAR, site VARCHAR, source VARCHAR, digest VARCHAR,
    received_at TIMESTAMP, new_rows BIGINT, same_rows BIGINT, corrections BIGINT);
CREATE TABLE IF NOT EXISTS site_document(
    site VARCHAR, body VARCHAR, batch INTEGER, approved BOOLEAN);
ALTER TABLE site_document ADD COLUMN IF NOT EXISTS approved BOOLEAN DEFAULT true;
CREATE TABLE IF NOT EXISTS meter_number(
    meter INTEGER PRIMARY KEY, site VARCHAR, meter_id VARCHAR, UNIQUE(site, meter_id));
CREATE TABLE IF NOT EXISTS reading(
    meter INTEGER, ts TIMESTAMP, value DECIMAL(18,6), quality UTINYINT, batch INTEGER,
    line INTEGER);
CREATE TABLE IF NOT EXISTS superseded_reading(
    meter INTEGER, ts TIMESTAMP, batch INTEGER, line INTEGER);
CREATE TABLE IF NOT EXISTS aside_reading(
    meter INTEGER, ts TIMESTAMP, value DECIMAL(18,6), quality UTINYINT, batch INTEGER,
    line INTEGER, why VARCHAR);
CREATE TABLE IF NOT EXISTS repeated_stretch(
    batch INTEGER, meter INTEGER, since TIMESTAMP, until TIMESTAMP, n BIGINT,
    first_line INTEGER, step INTEGER);
CREATE TABLE IF NOT EXISTS rebuilding(begun BOOLEAN);
CREATE TABLE IF NOT EXISTS revoked_batch(
    batch INTEGER PRIMARY KEY, revoked_at TIMESTAMP, actor VARCHAR, reason VARCHAR,
    row_count BIGINT);
CREATE TABLE IF NOT EXISTS intake(
    batch INTEGER PRIMARY KEY, way VARCHAR, file VARCHAR, digest VARCHAR, edits BIGINT,
    left_out BIGINT, reason VARCHAR);
CREATE TABLE IF NOT EXISTS intake_reason(
    batch INTEGER, warning VARCHAR, row_count BIGINT, reason VARCHAR);
CREATE TABLE IF NOT EXISTS intake_alias(
    account VARCHAR, kind VARCHAR, header VARCHAR, name VARCHAR,
    PRIMARY KEY(account, kind, header));
CREATE TABLE IF NOT EXISTS withdrawn_figure(
    site VARCHAR, grain VARCHAR, period VARCHAR, indicator VARCHAR, dimension VARCHAR,
    entity VARCHAR, figure_id VARCHAR, revision INTEGER, withdrawn_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS meter_extent(
    meter INTEGER PRIMARY KEY, first TIMESTAMP, newest TIMESTAMP);
CREATE TABLE IF NOT EXISTS changed_reading(
    meter INTEGER, since TIMESTAMP, until TIMESTAMP, cause VARCHAR, batch INTEGER);
CREATE TABLE IF NOT EXISTS applied_intent(intent BIGINT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS changed_month(
    site VARCHAR, month DATE, cause VARCHAR, batch INTEGER);
CREATE TABLE IF NOT EXISTS meter_hour(
    meter INTEGER, hour TIMESTAMP, quantity DECIMAL(18,6), measured_s DOUBLE,
    estimated_s DOUBLE, blank BOOLEAN);
CREATE TABLE IF NOT EXISTS meter_gap(
    meter INTEGER, since TIMESTAMP, until TIMESTAMP, quantity DECIMAL(18,6), kind VARCHAR);
CREATE TABLE IF NOT EXISTS meter_event(
    meter INTEGER, ts TIMESTAMP, since TIMESTAMP, kind VARCHAR, accepted BOOLEAN,
    before DECIMAL(18,6), shown DECIMAL(18,6), quantity DECIMAL(18,6), estimated BOOLEAN);
CREATE TABLE IF NOT EXISTS meter_day(
    meter INTEGER, day DATE, quantity DECIMAL(18,6), quality UTINYINT, measured_h DOUBLE,
    estimated_h DOUBLE, expected_h DOUBLE, flags BIGINT);
CREATE TABLE IF NOT EXISTS meter_month(
    meter INTEGER, month DATE, quantity DECIMAL(18,6), quality UTINYINT, measured_h DOUBLE,
    estimated_h DOUBLE, expected_h DOUBLE, flags BIGINT);
CREATE TABLE IF NOT EXISTS site_state(
    site VARCHAR PRIMARY KEY, horizon TIMESTAMP, held_meter INTEGER, held_from TIMESTAMP,
    inputs VARCHAR);
CREATE TABLE IF NOT EXISTS settled_month(
    site VARCHAR, month DATE, run INTEGER, PRIMARY KEY(site, month));
CREATE TABLE IF NOT EXISTS alarm(
    site VARCHAR, rule VARCHAR, entity VARCHAR, medium VARCHAR, started TIMESTAMP,
    ended TIMESTAMP, level VARCHAR, shown DOUBLE, threshold DOUBLE, unit VARCHAR, z DOUBLE,
    hits INTEGER, open BOOLEAN);
ALTER TABLE alarm ADD COLUMN IF NOT EXISTS run INTEGER;
CREATE TABLE IF NOT EXISTS alarm_due(site VARCHAR);
CREATE TABLE IF NOT EXISTS ledger(
    figure_id VARCHAR, site VARCHAR, grain VARCHAR, period VARCHAR, indicator VARCHAR,
    dimension VARCHAR, entity VARCHAR, value DOUBLE, unit VARCHAR, basis VARCHAR,
    quality VARCHAR, measured_pct DOUBLE, estimated_pct DOUBLE, uncertainty_pct DOUBLE,
    flags VARCHAR, factor_set VARCHAR, settled_at TIMESTAMP, formula VARCHAR,
    revision INTEGER, supersedes VARCHAR, cause VARCHAR, run INTEGER, terms_digest VARCHAR,
    current BOOLEAN, approval INTEGER);
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS approval INTEGER;
CREATE TABLE IF NOT EXISTS forecast_run(
    run INTEGER PRIMARY KEY, made_at TIMESTAMP, seed BIGINT, inputs VARCHAR, reasons VARCHAR);
CREATE TABLE IF NOT EXISTS forecast(
    forecast_id VARCHAR, run INTEGER, series VARCHAR, site VARCHAR, entity VARCHAR,
    grain VARCHAR, origin VARCHAR, target VARCHAR, p50 DOUBLE, lo50 DOUBLE, hi50 DOUBLE,
    lo80 DOUBLE, hi80 DOUBLE, lo95 DOUBLE, hi95 DOUBLE, model VARCHAR, kind VARCHAR,
    unit VARCHAR);
CREATE TABLE IF NOT EXISTS forecast_backtest(
    run INTEGER, series VARCHAR, site VARCHAR, entity VARCHAR, model VARCHAR, mase DOUBLE,
    smape_pct DOUBLE, coverage80 DOUBLE, coverage95 DOUBLE, intervals INTEGER, origins INTEGER,
    p_better DOUBLE, champion BOOLEAN);
CREATE TABLE IF NOT EXISTS forecast_basis(run INTEGER, site VARCHAR, body VARCHAR);
CREATE TABLE IF NOT EXISTS price_feed(
    tried_at TIMESTAMP, ok BOOLEAN, new_rows INTEGER, digest VARCHAR, failures INTEGER,
    reason_zh VARCHAR, reason_en VARCHAR);
CREATE TABLE IF NOT EXISTS lineage(
    figure_id VARCHAR, place INTEGER, kind VARCHAR, ref VARCHAR, quantity DOUBLE, unit VARCHAR,
    coefficient DOUBLE, factor_id VARCHAR, origin VARCHAR);
"""


def record_table(kind: Kind) -> str:
    """Return the name of a kind's table."""
    return f"record_{kind.name}"


def aside_table(kind: Kind) -> str:
    """Return the name of the table of a kind's rows that do not count: repeated or revoked."""
    return f"aside_{kind.name}"


def record_columns(kind: Kind) -> tuple[Column, ...]:
    """Return the columns kept of a kind; the site is kept for every kind."""
    return tuple(column for column in kind.columns if column.name != "site")


def _record_sql(kind: Kind) -> list[str]:
    columns = "".join(f'"{c.name}" {_SQL_TYPE[c.type]}, ' for c in record_columns(kind))
    whole = f"site VARCHAR, {columns}batch INTEGER, file_row INTEGER"
    return [
        f"CREATE TABLE IF NOT EXISTS {record_table(kind)}({whole})",
        f"CREATE TABLE IF NOT EXISTS {aside_table(kind)}({whole}, why VARCHAR)",
    ]


def statements() -> list[str]:
    """Return every statement that makes an empty store complete; repeating them is harmless."""
    tables = [part.strip() for part in _TABLES.split(";") if part.strip()]
    return tables + [sql for name in RECORD_KINDS for sql in _record_sql(KINDS[name])]
