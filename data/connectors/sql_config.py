"""Settings of a view in another system's database, its point addresses, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from data.connectors.base import ConnectorConfig, Point, PointAddress, Secret
from data.ingest.kinds import KINDS

DRIVERS = {"postgresql": "pg8000", "mysql": "pymysql", "mariadb": "pymysql"}
_NAME = re.compile(r"[\w$ .()（）/-]{1,64}")


class SqlViewConfig(ConnectorConfig):
    """Settings of a view."""

    url: str = Field(description="数据库地址：postgresql://用户@主机:端口/库，不含密码")
    password: Secret | None = Field(
        None, description="密码：env:变量名、file:路径或 credential:名称"
    )
    tls: bool = Field(default=False, description="加密连接，并核对对方证书")
    ca_file: Path | None = Field(None, description="对方证书的签发者；空为系统所信任的")
    schema_name: str = Field("", description="模式名；空为默认")
    view: str = Field(description="视图名")
    content: Literal["readings", "batches", "outputs", "trips", "fuel", "jobs", "prices"] = Field(
        "readings", description="一行是什么：readings 为读数，其余同 import 命令的种类"
    )
    columns: dict[str, str] = Field(min_length=1, description="本系统的列名对视图的列名")
    constants: dict[str, str] = Field(default_factory=dict, description="每行相同的列，如站点")
    cursor: str = Field(description="游标列：行最后改动的时间或递增的版本号")
    key: tuple[str, ...] = Field(min_length=1, description="唯一标识一行的列")
    void: str = Field("", description="作废标志列")
    void_words: tuple[str, ...] = Field(
        ("1", "true", "y", "作废", "void"), description="作废标志列里表示作废的值"
    )
    zone: str = Field("Asia/Shanghai", description="时间不带时区时按哪个时区")
    period_s: float = Field(300, ge=1, le=86_400, description="多少秒读一次（秒）")
    overlap_s: float = Field(300, ge=0, le=86_400, description="每次回读多少秒，防止晚提交的行漏掉")
    page_rows: int = Field(1000, ge=1, le=10_000, description="一次取多少行")
    statement_s: float = Field(20, ge=1, le=300, description="一条查询最长时间（秒）")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            port = url.port
        except ValueError as error:
            raise ValueError("数据库地址读不懂") from error
        if url.password is not None:
            raise ValueError("密码不能写在地址里；请填在密码一项")
        if url.query or url.fragment:
            raise ValueError("数据库地址里不要带参数")
        base = url.path.strip("/")
        if url.scheme not in DRIVERS or not url.hostname or not base or port == 0:
            raise ValueError("数据库地址应是 postgresql、mysql 或 mariadb，写明主机和库")
        return value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [self.view, self.cursor, *self.key, *self.columns.values()]
        names += [name for name in (self.schema_name, self.void) if name]
        if not all(_NAME.fullmatch(name) for name in names):
            raise ValueError("视图名或列名里有不允许的字符")
        if self.content == "readings":
            needed, known = {"timestamp"}, {"timestamp", "point", "value", "quality"}
            if "point" in self.columns or "value" in self.columns:
                needed |= {"point", "value"}
        else:
            kind = KINDS[self.content]
            known = {column.name for column in kind.columns}
            needed = {c.name for c in kind.columns if c.required} - set(self.constants)
        if needed - set(self.columns) or (set(self.columns) | set(self.constants)) - known:
            raise ValueError("列的对应有缺少或多余")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError) as error:
            raise ValueError("没有这个时区") from error
        return self


class ViewAddress(PointAddress):
    """Column 地址: what the view's point column holds; without such a column a column's name."""

    name: str

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return a point's name.

        Raises
        ------
        ValueError
            It is empty.
        """
        if not address.strip():
            raise ValueError("地址应写成视图里的测点编码，或列名")
        return cls(name=address.strip())

    @classmethod
    def check(cls, point: Point, cfg: ConnectorConfig) -> None:
        """Refuse points where rows are no readings, and column names that cannot be any."""
        if not isinstance(cfg, SqlViewConfig):
            return
        if cfg.content != "readings":
            raise ValueError("这个视图不是读数，不用点表")
        if "point" not in cfg.columns and not _NAME.fullmatch(point.address.strip()):
            raise ValueError("视图名或列名里有不允许的字符")


def trouble(error: Exception) -> str:
    """Return what went wrong as a sentence; the database's own words may hold its secrets."""
    said = str(getattr(error, "orig", error)).lower()
    known: Mapping[str, str] = {
        "password": "数据库不接受这个账号或密码",
        "access denied": "数据库不接受这个账号或密码",
        "28p01": "数据库不接受这个账号或密码",
        "57014": "查询超过限定时间，已放弃",
        "max_statement_time": "查询超过限定时间，已放弃",
        "maximum statement execution": "查询超过限定时间，已放弃",
        "42p01": "没有这个视图，或账号无权读它",
        "42501": "没有这个视图，或账号无权读它",
        "1146": "没有这个视图，或账号无权读它",
        "1142": "没有这个视图，或账号无权读它",
        "42703": "视图里没有配置的某一列",
        "1054": "视图里没有配置的某一列",
        "certificate": "加密连接失败：请核对证书",
    }
    return next((words for mark_, words in known.items() if mark_ in said), "数据库连不上或中断了")
