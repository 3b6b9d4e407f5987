"""Documents that come in: strict types, nothing besides, made from the import files' columns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from data.ingest.columns import Column
from data.ingest.kinds import KINDS

MOST_ROWS = 1000
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
TEXT = r"^[^\x00-\x1f\x7f]*$"
NAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_DAY = r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
TIME = rf"^{_DAY}[T ]({_CLOCK}|24:00(:00)?){_OFFSET}?$"
ZONED = rf"^{_DAY}T{_CLOCK}{_OFFSET}$"
DATE = rf"^{_DAY}$"
Zoned = Annotated[str, StringConstraints(pattern=ZONED, max_length=40)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_TYPES: dict[str, Any] = {
    "number": Number,
    "timestamp": Annotated[str, StringConstraints(pattern=TIME, max_length=40)],
    "date": Annotated[str, StringConstraints(pattern=DATE)],
}


def _type(column: Column) -> Any:  # noqa: ANN401 (an annotation for pydantic)
    if column.choices:
        return Literal[tuple(column.choices)]
    if column.type in _TYPES:
        return _TYPES[column.type]
    words = {"pattern": NAME if column.required else TEXT, "max_length": 200}
    return Annotated[str, StringConstraints(**words)]  # type: ignore[arg-type]


def row_model(kind: str, name: str) -> type[BaseModel]:
    """Return the model of a kind's rows: columns, types and choices of its import file.

    Parameters
    ----------
    kind
        A kind of CONTRACT §2.
    name
        What the model is called in the specification.

    Returns
    -------
    type
        A site may be left out where the document or the key names it.
    """
    fields: dict[str, Any] = {}
    for column in KINDS[kind].columns:
        needed = column.required and not column.may_be_blank and column.name != "site"
        found = _type(column)
        fields[column.name] = (
            (found, Field(description=column.zh))
            if needed
            else (found | None, Field(default=None, description=column.zh))
        )
    return create_model(name, __config__=_STRICT, **fields)


ReadingRow = row_model("readings", "ReadingRow")
BatchRow = row_model("batches", "BatchRow")
OutputRow = row_model("outputs", "OutputRow")
PriceRow = row_model("prices", "PriceRow")


class _Document(BaseModel):
    model_config = _STRICT


class _OfSite(_Document):
    site: Annotated[str, StringConstraints(pattern=NAME, max_length=64)] | None = Field(
        None, description="行所属的站点；密钥只有一个站点时可省略"
    )


class Readings(_OfSite):
    """Readings of meters."""

    sent_at: Zoned | None = Field(
        None, description="发送方的时钟；给出时按它检查时钟偏差，不给时不检查"
    )
    rows: list[ReadingRow] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MOST_ROWS, description="读数，至多 1000 行"
    )


class Batches(_OfSite):
    """Batches of material that were dismantled."""

    rows: list[BatchRow] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MOST_ROWS, description="拆解批次，至多 1000 行"
    )


class Outputs(_OfSite):
    """What batches gave."""

    rows: list[OutputRow] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MOST_ROWS, description="产出物，至多 1000 行"
    )


class Prices(_Document):
    """Daily trades of a market."""

    rows: list[PriceRow] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=MOST_ROWS, description="每日行情，至多 1000 行"
    )


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paged(_Query):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="至多返回多少行")] = 200
    cursor: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=1000),
        Field(description="上一页的 next_cursor"),
    ] = ""  # fmt: skip


Site = Annotated[
    str, StringConstraints(pattern=TEXT, max_length=64), Field(description="站点；不写为全部")
]
Word = Annotated[str, StringConstraints(pattern=TEXT, max_length=100)]
Period = Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2]))?$")]
Day = Annotated[str, StringConstraints(pattern=rf"^({_DAY})?$")]
Moment = Annotated[str, StringConstraints(pattern=rf"^({ZONED[1:-1]})?$", max_length=40)]


class LedgerQuery(Paged):
    """Which figures."""

    site: Site = ""
    grain: Annotated[Literal["", "day", "month", "year"], Field(description="日、月或年")] = ""
    indicator: Annotated[Word, Field(description="指标")] = ""
    dimension: Annotated[Word, Field(description="维度")] = ""
    entity: Annotated[Word, Field(description="对象")] = ""
    from_: Annotated[Period, Field(alias="from", description="起始月份，2026-01")] = ""
    to: Annotated[Period, Field(description="截止月份（含）")] = ""
    as_of: Annotated[Moment, Field(description="按某时刻所知；不写为现在")] = ""


class ReadingsQuery(Paged):
    """Which readings."""

    site: Site = ""
    meter_id: Annotated[
        str, StringConstraints(pattern=NAME, max_length=200), Field(description="表号")
    ]
    from_: Annotated[Moment, Field(alias="from", description="起始时刻（含）")] = ""
    to: Annotated[Moment, Field(description="截止时刻（不含）")] = ""


class MetersQuery(Paged):
    """Which meters."""

    site: Site = ""


class FactorsQuery(_Query):
    """Which state of the factor library."""

    as_of: Annotated[Moment, Field(description="按某时刻所知；不写为现在")] = ""


class AlarmsQuery(Paged):
    """Which alarms."""

    site: Site = ""
    rule: Annotated[
        str,
        StringConstraints(pattern=r"^(A[0-9]{1,2}[a-z]?)?$"),
        Field(description="规则，A1 至 A11"),
    ] = ""
    from_: Annotated[Day, Field(alias="from", description="起始日期，站点当地")] = ""
    to: Annotated[Day, Field(description="截止日期（含），站点当地")] = ""


class NoQuery(_Query):
    """No parameters."""
