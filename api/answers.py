"""Documents that go out, as the specification names them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rejected(_Answer):
    """A row that was not taken, or a remark on one that was."""

    index: int = Field(description="行在 rows 中的位置，从 0 起")
    code: str
    column: str | None
    value: str | None
    reason: str
    remedy: str
    detail: str


class Receipt(_Answer):
    """What became of a posted document; it is on the disk."""

    batch_id: str
    accepted: int = Field(description="收下的行数")
    duplicate: bool = Field(description="同一幂等键、同样的正文以前来过")
    digest_verified: bool = Field(description="正文的摘要或签名核对过")
    rejected: list[Rejected] = Field(description="没有收下的行")
    notes: list[Rejected] = Field(description="收下但有疑点的行")


class BatchState(_Answer):
    """Where a posted document is by now."""

    batch_id: str
    kind: str
    site: str
    state: Literal["waiting", "loaded", "refused"]
    received_at: str
    loaded_at: str | None
    batch: int | None = Field(description="入库批次号")
    outcome: dict[str, Any] = Field(description="入库结果；held 为暂扣的读数与原因")
    receipt: Receipt


class LedgerRow(_Answer):
    """A figure, as the exported ledger has it."""

    site: str
    grain: str
    period: str
    indicator: str
    dimension: str
    entity: str
    value: float | None
    unit: str
    basis: str
    quality: str
    measured_pct: float | None
    estimated_pct: float | None
    uncertainty_pct: float | None
    flags: str
    factor_set: str
    figure_id: str
    settled_at: str


class _Page(_Answer):
    next_cursor: str | None = Field(description="没有下一页时为 null")


class LedgerPage(_Page):
    """Figures."""

    rows: list[LedgerRow]


class ReadingRow(_Answer):
    """A reading that counts."""

    site: str
    meter_id: str
    timestamp: str
    value: float
    quality: Literal["good", "uncertain", "bad", "manual"]
    batch: int


class ReadingsPage(_Page):
    """Readings."""

    rows: list[ReadingRow]


class MetersPage(_Page):
    """Meters as they are now."""

    rows: list[dict[str, Any]]


class AlarmsPage(_Page):
    """Alarms."""

    rows: list[dict[str, Any]]


class Indicators(_Answer):
    """Every indicator by dimension."""

    rows: list[dict[str, Any]]


class Factors(_Answer):
    """The factor library."""

    digest: str
    rows: list[dict[str, Any]]


class Trace(BaseModel):
    """A figure down to factors and readings."""

    model_config = ConfigDict(extra="allow")

    figure_id: str
    indicator: str
    period: str
    value: float | None
    unit: str
    formula: str
    terms: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    supersedes: str | None
    cause: str | None


class Forecasts(_Answer):
    """Forecasts and how they were tested."""

    forecasts: list[dict[str, Any]]
    backtests: list[dict[str, Any]]
    reason: str | None = Field(description="为什么是空的")


class Health(_Answer):
    """Whether the service works."""

    status: Literal["ok", "degraded"]


class Fault(_Answer):
    """A place in the request that is not right."""

    location: str
    index: int | None
    column: str | None
    value: str | None
    reason: str
    remedy: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str = Field(description="出了什么事、怎么办，按 Accept-Language 的语言")
    instance: str
    code: str = Field(description="给程序看的代码，不随语言变")
    retryable: bool = Field(description="原样重发是否可能成功")
    errors: list[Fault] = Field(description="请求里不对的地方")
