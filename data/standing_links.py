"""The ways in that are always there: REST push and upload, with their documents (7.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.connectors.base import InterfaceDoc
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.listing import Part, meters_page

MOST = 1000


@dataclass(frozen=True)
class Standing:
    """A way in that needs no configuration.

    Parameters
    ----------
    name
        What its document is called; a dot is in no configured interface's name.
    title, doc
        What people call it, and what it says of itself.
    """

    name: str
    title: str
    doc: InterfaceDoc


REST = Standing(
    "builtin.rest", "REST 推送接口",
    InterfaceDoc(
        purpose="供有编程能力的系统（采集网关、生产管理、交易平台）主动推送读数、批次、产出和行情。",
        function="接收 POST 的 JSON 文档，整份校验、逐行判断后写入暂存库才应答；"
        "同一幂等键只算一次；另开放账本、读数、告警和预测的只读查询。",
        physical="以太网 HTTP，服务监听 {bind}:{port}；跨网段或经公网时须在前置反向代理启用 TLS。",
        protocol="OpenAPI 3.1，路径 /api/v1；密钥放在 Authorization: Bearer，"
        "按范围、有效期和来源地址限制；"
        "一份至多 {rows} 行，每个密钥每秒 {rate} 次；可附 X-Content-SM3 摘要或 SM3-HMAC 签名；"
        "错误按 RFC 9457 应答，繁忙时答 503 和 Retry-After。",
        test="用同一幂等键重发应答 duplicate；改动一个字节应答 422；"
        "过期、越权和地址不符的密钥分别被拒；"
        "未登记的表号逐行退回。",
        duties="推送方保管密钥、为每份文档编号、收到 503 或断网时保留原文重发；"
        "系统管理员签发与吊销密钥；系统方应答即落盘并保存收据。",
    ),
)  # fmt: skip
UPLOAD = Standing(
    "builtin.upload", "文件上传与导入",
    InterfaceDoc(
        purpose="接收没有联网条件的资料：电费单、地磅单、台账和补抄读数，由数据员在页面或命令行导入。",
        function="识别编码和列名，逐格校验，列出错误与影响，确认后整件入库；"
        "同一文件再来不变，改动的行作为更正，整批可查来源。",
        physical="浏览器经本系统网页上传，或在服务器上执行 import 命令；不占用现场通信设备。",
        protocol="CSV（UTF-8 或 GB18030）、XLSX、XLS，读数还可用 Parquet；"
        "共 {kinds} 种文件，列名中英文均可；"
        "文件以 SM3 摘要查重，时间按 ISO 8601，不带时区的按站点时间。",
        test="每种模板各导入一份；错一格、缺一列、重复导入、截断和换名各试一次，核对行号与说明。",
        duties="资料提供方对内容负责并保留原件；数据员导入并处理退回的行；"
        "管理者抽查更正；系统方保存原文件和导入记录。",
    ),
)  # fmt: skip


def upload_fields() -> list[tuple[str, str, str, str, bool]]:
    """Return every column of every import file: kind, column, Chinese names, whether required."""
    return [
        (kind.name, kind.zh, column.name, column.zh, column.required)
        for kind in KINDS.values()
        for column in kind.columns
    ]


def pushed_meters(
    engine: Engine, sites: tuple[str, ...] | None = None
) -> Sequence[Mapping[str, object]]:
    """Return the meters that may be pushed to, as they are described now; None for all sites."""
    rows: list[Mapping[str, object]] = []
    following: str | None = ""
    while following is not None:
        page = meters_page(engine, "", Part(MOST, following, sites))
        rows += page.rows
        following = page.next_cursor
    return rows
