"""The command line: parses, calls, prints. See CONTRACT: commands and exit codes."""

from __future__ import annotations

import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console as Terminal
from rich.progress import Progress, TaskID

from client import over_socket
from commands import FAILED, MISUSED, House, Request, engine_options, only_demo_sites, os_user, run
from data.engine import Busy, Engine, lock, opened
from data.export import FORMATS
from data.ingest.factor_file import FACTOR_KIND
from data.ingest.load import ALL_KINDS
from data.ingest.template import template_csv, template_site, template_xlsx
from data.views import VIEWS
from security.api_keys import LONGEST_DAYS, SCOPES
from security.first import demonstration_link, setup_code
from security.problem import Problem
from security.roles import ROLES
from security.start import opened_keys, root_key_printed
from settings import Settings, SettingsError, load
from translations import text

IMPORTED = (*ALL_KINDS, FACTOR_KIND.name)
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
export_app = typer.Typer(no_args_is_help=True)
demo_app = typer.Typer()
user_app = typer.Typer(no_args_is_help=True)
factors_app = typer.Typer(no_args_is_help=True)
period_app = typer.Typer(no_args_is_help=True)
approve_app = typer.Typer(no_args_is_help=True)
key_app = typer.Typer(no_args_is_help=True)
audit_app = typer.Typer(no_args_is_help=True)
api_key_app = typer.Typer(no_args_is_help=True)
interfaces_app = typer.Typer(no_args_is_help=True)
app.add_typer(interfaces_app, name="interfaces", help="接口 / interfaces to meters and systems")
app.add_typer(audit_app, name="audit", help="审计记录 / the audit trail")
app.add_typer(export_app, name="export", help="写出账本 / write the ledger")
app.add_typer(demo_app, name="demo", help="演示厂 / the demonstration plant")
app.add_typer(user_app, name="user", help="账号 / accounts")
app.add_typer(factors_app, name="factors", help="因子库 / the factor library")
app.add_typer(period_app, name="period", help="月结 / month closing")
app.add_typer(approve_app, name="approve", help="待批准的申请 / what waits for a second person")
app.add_typer(api_key_app, name="api-key", help="接口密钥 / keys of programs")
app.add_typer(key_app, name="key", help="密钥 / keys")

ROTATED = ("root", "signing", "envelope", "purposes")
AsJson = Annotated[bool, typer.Option("--json", help="输出一个 JSON 文档 / one JSON document")]


class _Screen:
    """A console on the terminal: results to standard output, the rest to standard error."""

    def __init__(self) -> None:
        self._terminal = Terminal(stderr=True)
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def out(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def err(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    def progress(self, task: str, done: int, of: int) -> None:
        if not self._terminal.is_terminal:
            return
        if self._bar is None:
            self._bar = Progress(console=self._terminal, transient=True)
            self._bar.start()
        if task not in self._tasks:
            self._tasks[task] = self._bar.add_task(task, total=of)
        self._bar.update(self._tasks[task], completed=done, total=of)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def settings() -> Settings:
    """Return the settings, or end with what is wrong about them."""
    try:
        return load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(MISUSED) from error


def dispatch(request: Request) -> int:
    """Carry a command out in the running app, or here under the lock if none runs."""
    chosen = settings()
    screen = _Screen()
    until, told = time.monotonic() + chosen.lock_wait_s, False
    try:
        while True:
            code = over_socket(chosen.home, request, screen)
            if code is not None:
                return code
            try:
                return _here(chosen, request, screen)
            except Busy as holder:
                if not told:
                    screen.err(
                        text("等待进程 {holder} 结束", chosen.language, holder=str(holder) or "?")
                    )
                    told = True
                if time.monotonic() > until:
                    screen.err(text("数据目录一直被占用，请稍后重试", chosen.language))
                    return FAILED
                time.sleep(0.2)
    finally:
        screen.close()


def _here(chosen: Settings, request: Request, screen: _Screen) -> int:
    with lock(chosen.home), opened(chosen.home, engine_options(chosen)) as engine:
        return run(House(engine, chosen), request, screen, os_user())


def _end(code: int) -> None:
    raise typer.Exit(code)


@app.command("import")
def import_command(
    kind: Annotated[str | None, typer.Argument(help=" | ".join(IMPORTED))] = None,
    files: Annotated[list[Path] | None, typer.Argument()] = None,
    site: Annotated[str, typer.Option(help="站点 / the site")] = "",
    dry_run: Annotated[bool, typer.Option(help="只检查 / check only")] = False,
    accept_good: Annotated[bool, typer.Option(help="剔除坏行 / leave bad rows out")] = False,
    template: Annotated[str, typer.Option(help="输出某类模板 / print a template")] = "",
    out: Annotated[Path | None, typer.Option(help="模板写到 .csv 或 .xlsx")] = None,
    as_json: AsJson = False,
) -> None:
    """导入文件 / take files in."""
    if template:
        _end(_template(template, out))
    if kind not in IMPORTED or not files:
        raise typer.BadParameter("KIND FILE...: " + ", ".join(IMPORTED))
    values = {
        "kind": kind,
        "files": [str(path.resolve()) for path in files],
        "site": site,
        "dry_run": dry_run,
        "accept_good": accept_good,
        "as_json": as_json,
    }
    _end(dispatch(Request("import", values)))


def _template(kind: str, out: Path | None) -> int:
    from data.ingest.kinds import KINDS

    language = settings().language
    if kind not in IMPORTED:
        raise typer.BadParameter("--template: " + ", ".join(IMPORTED))
    described = FACTOR_KIND if kind == FACTOR_KIND.name else KINDS.get(kind)
    if described is None:
        body = template_site(language).encode()
    elif out is not None and out.suffix == ".xlsx":
        body = template_xlsx(described, language)
    else:
        body = template_csv(described, language).encode()
    if out is None:
        sys.stdout.buffer.write(body)
    else:
        out.write_bytes(body)
    return 0


def _month_option(value: str) -> str:
    if value:
        try:
            date.fromisoformat(f"{value}-01")
        except ValueError as error:
            raise typer.BadParameter("YYYY-MM") from error
    return value


First = Annotated[str, typer.Option("--from", callback=_month_option, help="YYYY-MM")]
Last = Annotated[str, typer.Option("--to", callback=_month_option, help="YYYY-MM")]


@app.command("settle")
def settle_command(first: First = "", last: Last = "", as_json: AsJson = False) -> None:
    """结算有变化的月份 / compute the ledger for what changed."""
    _end(dispatch(Request("settle", {"first": first, "last": last, "as_json": as_json})))


@app.command("forecast")
def forecast_command(as_json: AsJson = False) -> None:
    """预测价格、减排量与收益 / forecast prices, reductions and revenue."""
    _end(dispatch(Request("forecast", {"as_json": as_json})))


def _format_option(value: str) -> str:
    if value not in FORMATS:
        raise typer.BadParameter(" | ".join(FORMATS))
    return value


def _time_option(value: str) -> str:
    try:
        return datetime.fromisoformat(value).astimezone().isoformat() if value else ""
    except ValueError as error:
        raise typer.BadParameter("ISO 8601") from error


def _view_option(value: str) -> str:
    if value and value not in VIEWS:
        raise typer.BadParameter(" | ".join(VIEWS))
    return value


@export_app.command("ledger")
def export_command(
    out: Annotated[Path, typer.Option(help="目标文件 / the file to write")],
    first: First = "",
    last: Last = "",
    form: Annotated[str, typer.Option("--format", callback=_format_option)] = "csv",
    as_of: Annotated[str, typer.Option(callback=_time_option, help="ISO 8601")] = "",
    view: Annotated[str, typer.Option(callback=_view_option, help=" | ".join(VIEWS))] = "",
    as_json: AsJson = False,
) -> None:
    """写出账本 / write the ledger."""
    if view and as_of:
        raise typer.BadParameter("--view, --as-of")
    values = {
        "out": str(out.resolve()),
        "first": first,
        "last": last,
        "form": form,
        "as_of": as_of,
        "view": view,
        "as_json": as_json,
    }
    _end(dispatch(Request("export", values)))


@app.command("trace")
def trace_command(
    indicator: str,
    period: str,
    site: str = "",
    dimension: str = "",
    entity: str = "",
    as_json: AsJson = False,
) -> None:
    """打开一个数值直到读数 / open a figure down to its readings."""
    values = {
        "indicator": indicator,
        "period": period,
        "site": site,
        "dimension": dimension,
        "entity": entity,
        "figure_id": "",
        "as_json": as_json,
    }
    _end(dispatch(Request("trace", values)))


@demo_app.callback(invoke_without_command=True)
def demo_command(
    context: typer.Context,
    months: Annotated[int, typer.Option(min=1, max=120)] = 36,
    seed: Annotated[int, typer.Option()] = 615,
) -> None:
    """建立演示厂 / build the demonstration plant."""
    if context.invoked_subcommand is None:
        yesterday = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
        values = {"months": months, "seed": seed, "last_day": yesterday.isoformat()}
        _end(dispatch(Request("demo", values)))


@demo_app.command("remove")
def demo_remove_command() -> None:
    """删除演示厂 / delete the demonstration plant."""
    _end(dispatch(Request("demo-remove", {})))


def _role_option(value: str) -> str:
    if value not in ROLES:
        raise typer.BadParameter(" | ".join(ROLES))
    return value


PasswordFile = Annotated[Path, typer.Option(help="第一行是密码 / its first line is the password")]

ByUser = Annotated[str, typer.Option("--as", help="担保的管理员 / the administrator who vouches")]
ByPassword = Annotated[
    Path | None, typer.Option("--as-password-file", help="第一行是其密码 / his password")
]
ByCode = Annotated[str, typer.Option("--as-code", help="其动态口令 / his one-time code")]


def _by(user: str, password_file: Path | None, code: str) -> dict[str, str]:
    """Return who vouches for a change of accounts, as a command carries it."""
    file = str(password_file.resolve()) if password_file else ""
    return {"user": user, "password_file": file, "code": code}


@user_app.command("add")
def user_add_command(
    name: str,
    role: Annotated[str, typer.Option(callback=_role_option, help=" | ".join(ROLES))],
    password_file: PasswordFile,
    by: ByUser = "",
    by_password: ByPassword = None,
    by_code: ByCode = "",
    as_json: AsJson = False,
) -> None:
    """建立账号 / make an account."""
    values = {
        "name": name,
        "role": role,
        "password_file": str(password_file.resolve()),
        "by": _by(by, by_password, by_code),
        "as_json": as_json,
    }
    _end(dispatch(Request("user-add", values)))


@user_app.command("disable")
def user_disable_command(name: str) -> None:
    """停用账号，其会话立即结束 / disable an account; its sessions end at once."""
    _end(dispatch(Request("user-disable", {"name": name})))


@user_app.command("reset")
def user_reset_command(
    name: str,
    password_file: PasswordFile,
    by: ByUser = "",
    by_password: ByPassword = None,
    by_code: ByCode = "",
) -> None:
    """重设密码、解锁并启用 / new password; unlocks and enables the account."""
    values = {
        "name": name,
        "password_file": str(password_file.resolve()),
        "by": _by(by, by_password, by_code),
    }
    _end(dispatch(Request("user-reset", values)))


AsOf = Annotated[str, typer.Option("--as-of", callback=_time_option, help="ISO 8601")]


@factors_app.command("list")
def factors_list_command(as_of: AsOf = "", as_json: AsJson = False) -> None:
    """列出因子 / list the factors."""
    _end(dispatch(Request("factors-list", {"as_of": as_of, "as_json": as_json})))


@factors_app.command("show")
def factors_show_command(factor_id: str, as_of: AsOf = "", as_json: AsJson = False) -> None:
    """一个因子及其版本 / one factor and its versions."""
    values = {"factor_id": factor_id, "as_of": as_of, "as_json": as_json}
    _end(dispatch(Request("factors-show", values)))


@factors_app.command("import")
def factors_import_command(
    file: Path,
    document: Annotated[Path | None, typer.Option(help="出处文件 / the source document")] = None,
    dry_run: Annotated[bool, typer.Option(help="只看影响 / show the effect only")] = False,
    as_json: AsJson = False,
) -> None:
    """提出因子的变更，由另一账号批准 / propose factors; another account approves."""
    values = {
        "file": str(file.resolve()),
        "document": str(document.resolve()) if document else "",
        "dry_run": dry_run,
        "as_json": as_json,
    }
    _end(dispatch(Request("factors-import", values)))


@factors_app.command("diff")
def factors_diff_command(
    file: Annotated[Path | None, typer.Argument()] = None,
    first: Annotated[str, typer.Option("--from", callback=_time_option)] = "",
    last: Annotated[str, typer.Option("--to", callback=_time_option)] = "",
    as_json: AsJson = False,
) -> None:
    """文件或两个时间之间的差别 / what a file, or the time between two moments, changes."""
    values = {
        "file": str(file.resolve()) if file else "",
        "first": first,
        "last": last,
        "as_json": as_json,
    }
    _end(dispatch(Request("factors-diff", values)))


Site = Annotated[str, typer.Option(help="站点 / the site")]
Month = Annotated[str, typer.Argument(callback=_month_option, help="YYYY-MM")]


@period_app.command("list")
def period_list_command(site: Site = "", as_json: AsJson = False) -> None:
    """各月的结账状态 / the closing of every month."""
    _end(dispatch(Request("period-list", {"site": site, "as_json": as_json})))


def _period(step: str, month: str, site: str, reason: str, as_json: bool) -> None:
    values = {
        "step": step,
        "month": month,
        "site": site,
        "reason": reason,
        "as_json": as_json,
    }
    _end(dispatch(Request("period-step", values)))


@period_app.command("check")
def period_check_command(month: Month, site: Site = "", as_json: AsJson = False) -> None:
    """核对一个月 / note that a month was checked."""
    _period("check", month, site, "", as_json)


@period_app.command("lock")
def period_lock_command(month: Month, site: Site = "", as_json: AsJson = False) -> None:
    """锁定已核对的月份 / lock a checked month."""
    _period("lock", month, site, "", as_json)


@period_app.command("reopen")
def period_reopen_command(
    month: Month, site: Site = "", reason: str = "", as_json: AsJson = False
) -> None:
    """重新打开月份；已锁定的须批准 / open a month again; a locked one needs approval."""
    _period("reopen", month, site, reason, as_json)


@approve_app.command("list")
def approve_list_command(
    every: Annotated[bool, typer.Option("--all", help="含已处理 / decided ones too")] = False,
    as_json: AsJson = False,
) -> None:
    """待批准的申请 / what waits for a second person."""
    _end(dispatch(Request("approve-list", {"every": every, "as_json": as_json})))


@approve_app.command("show")
def approve_show_command(number: int, as_json: AsJson = False) -> None:
    """一项申请及其影响 / one proposal and what it would change."""
    _end(dispatch(Request("approve-show", {"number": number, "as_json": as_json})))


As = Annotated[str, typer.Option("--as", help="账号 / the account that decides")]


Code = Annotated[str, typer.Option("--code", help="其动态口令，可不给 / its one-time code")]


def _decide(
    number: int, accepted: bool, by: tuple[str, Path, str], reason: str, as_json: bool
) -> None:
    user, password_file, code = by
    values = {
        "number": number,
        "accepted": accepted,
        "user": user,
        "password_file": str(password_file.resolve()),
        "code": code,
        "reason": reason,
        "as_json": as_json,
    }
    _end(dispatch(Request("approve-decide", values)))


@approve_app.command("accept")
def approve_accept_command(
    number: int,
    user: As,
    password_file: PasswordFile,
    code: Code = "",
    reason: str = "",
    as_json: AsJson = False,
) -> None:
    """批准 / accept."""
    _decide(number, True, (user, password_file, code), reason, as_json)


@approve_app.command("reject")
def approve_reject_command(
    number: int,
    user: As,
    password_file: PasswordFile,
    code: Code = "",
    reason: str = "",
    as_json: AsJson = False,
) -> None:
    """驳回 / reject."""
    _decide(number, False, (user, password_file, code), reason, as_json)


def _scope_option(values: list[str]) -> list[str]:
    if any(value not in SCOPES for value in values):
        raise typer.BadParameter(" | ".join(SCOPES))
    return values


@api_key_app.command("add")
def api_key_add_command(
    name: Annotated[str, typer.Argument(help="哪个系统使用 / which system uses it")],
    scope: Annotated[list[str], typer.Option(callback=_scope_option, help=" | ".join(SCOPES))],
    site: Annotated[list[str], typer.Option(help="站点，不写为全部 / site, all without")] = [],  # noqa: B006 (typer reads it)
    address: Annotated[
        list[str], typer.Option(help="允许的地址或网段 / allowed address or network")
    ] = [],  # noqa: B006 (typer reads it)
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="有效天数 / good for")] = 365,
    as_json: AsJson = False,
) -> None:
    """建立接口密钥，只显示一次 / a key of a program, printed once."""
    values = {"name": name, "scopes": scope, "sites": site, "addresses": address, "days": days,
              "as_json": as_json}  # fmt: skip
    _end(dispatch(Request("api-key-add", values)))


@api_key_app.command("list")
def api_key_list_command(as_json: AsJson = False) -> None:
    """列出接口密钥 / the keys of programs."""
    _end(dispatch(Request("api-key-list", {"as_json": as_json})))


@api_key_app.command("revoke")
def api_key_revoke_command(
    prefix: Annotated[str, typer.Argument(help="密钥的前缀 / the key's prefix")],
) -> None:
    """吊销接口密钥，立即生效 / let a key open nothing any more, at once."""
    _end(dispatch(Request("api-key-revoke", {"prefix": prefix})))


@key_app.command("list")
def key_list_command(as_json: AsJson = False) -> None:
    """列出密钥及其编号 / the keys and their ids."""
    _end(dispatch(Request("key-list", {"as_json": as_json})))


@key_app.command("print")
def key_print_command() -> None:
    """输出根密钥，打印后封存 / the root key, to be printed and locked away."""
    _end(dispatch(Request("key-print", {"what": "root"})))


def _key_option(value: str) -> str:
    if value not in ROTATED:
        raise typer.BadParameter(" | ".join(ROTATED))
    return value


@key_app.command("rotate")
def key_rotate_command(
    what: Annotated[str, typer.Argument(callback=_key_option, help=" | ".join(ROTATED))],
) -> None:
    """轮换密钥，旧数据仍可读 / a new key; what the old one sealed stays readable."""
    _end(dispatch(Request("key-rotate", {"what": what})))


def _day_option(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat() if value else ""
    except ValueError as error:
        raise typer.BadParameter("YYYY-MM-DD") from error


@audit_app.command("verify")
def audit_verify_command(
    anchors: Annotated[
        list[Path] | None, typer.Option(help="外部锚点文件 / anchors kept elsewhere")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """核对全部审计记录 / verify the whole trail."""
    values = {
        "anchor": str(settings().audit_anchor),
        "anchors": [str(path.resolve()) for path in anchors or ()],
        "as_json": as_json,
    }
    _end(dispatch(Request("audit-verify", values)))


@audit_app.command("export")
def audit_export_command(
    out: Annotated[Path, typer.Option(help="目标文件 / the file to write")],
    first: Annotated[str, typer.Option("--from", callback=_day_option, help="YYYY-MM-DD")] = "",
    last: Annotated[str, typer.Option("--to", callback=_day_option, help="YYYY-MM-DD")] = "",
    with_verifier: Annotated[
        bool, typer.Option(help="附上独立校验程序 / with the program that verifies it")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """写出带签名的审计记录 / write signed records."""
    values = {
        "out": str(out.resolve()),
        "first": first,
        "last": last,
        "with_verifier": with_verifier,
        "as_json": as_json,
    }
    _end(dispatch(Request("audit-export", values)))


@audit_app.command("report")
def audit_report_command(
    month: Annotated[str, typer.Argument(callback=_month_option, help="YYYY-MM")],
    out: Annotated[Path, typer.Option(help="目标文件 / the file to write")],
) -> None:
    """某月的审计报告 / the report of a month."""
    values = {"anchor": str(settings().audit_anchor), "month": month, "out": str(out.resolve())}
    _end(dispatch(Request("audit-report", values)))


@interfaces_app.command("list")
def interfaces_list_command(as_json: AsJson = False) -> None:
    """接口及其状态 / the interfaces and how they are."""
    _end(dispatch(Request("interfaces-list", {"as_json": as_json})))


@interfaces_app.command("save")
def interfaces_save_command(
    file: Annotated[Path, typer.Argument(help="接口文件（TOML）/ the interface (TOML)")],
) -> None:
    """保存接口及其点表为新版本 / keep an interface and its points as a new version."""
    _end(dispatch(Request("interfaces-save", {"file": str(file.resolve())})))


@interfaces_app.command("enable")
def interfaces_enable_command(name: str) -> None:
    """启用接口 / let the collector run an interface."""
    _end(dispatch(Request("interfaces-enable", {"name": name})))


@interfaces_app.command("disable")
def interfaces_disable_command(name: str) -> None:
    """停用接口 / let the collector run an interface no more."""
    _end(dispatch(Request("interfaces-disable", {"name": name})))


@interfaces_app.command("remove")
def interfaces_remove_command(name: str) -> None:
    """移除接口，历史版本保留、编号不再使用 / take away for good; versions and name stay."""
    _end(dispatch(Request("interfaces-remove", {"name": name})))


@interfaces_app.command("points")
def interfaces_points_command(name: str) -> None:
    """输出点表（CSV）/ print the point table."""
    _end(dispatch(Request("interfaces-points", {"name": name})))


@interfaces_app.command("probe")
def interfaces_probe_command(name: str, as_json: AsJson = False) -> None:
    """逐点试读一次 / read every point once."""
    _end(dispatch(Request("interfaces-probe", {"name": name, "as_json": as_json})))


@interfaces_app.command("doc")
def interfaces_doc_command(
    out: Annotated[Path, typer.Option(help="目标目录 / the folder to write to")],
    names: Annotated[
        list[str] | None, typer.Argument(help="接口；不写为全部 / interfaces; none named: all")
    ] = None,
) -> None:
    """接口集成文档（PDF、DOCX、HTML）/ the integration documents of clause 7.2."""
    values = {"out": str(out.resolve()), "names": names or []}
    _end(dispatch(Request("interfaces-doc", values)))


@interfaces_app.command("resend")
def interfaces_resend_command(name: str) -> None:
    """重新判断隔离的读数 / judge again what is held back."""
    _end(dispatch(Request("interfaces-resend", {"name": name})))


@app.command("collect")
def collect_command(
    attached: Annotated[bool, typer.Option("--attached", hidden=True)] = False,
) -> None:
    """只运行采集程序 / the collector alone."""
    chosen = settings()
    if not (chosen.home / "state.db").exists():
        sys.stderr.write(text("数据目录还是空的；请先启动服务或导入数据", chosen.language) + "\n")
        _end(FAILED)
    from data.collector import Running, collect

    try:
        collect(chosen.home, chosen.language, chosen.disk_floor_mb, attached=attached)
    except Running:
        sys.stderr.write(text("采集程序已在运行", chosen.language) + "\n")
        _end(FAILED)


@app.command("setup")
def setup_command() -> None:
    """输出新的一次性设置码 / print a new one-time set-up code."""
    _end(dispatch(Request("setup", {})))


@app.command("serve")
def serve_command() -> None:
    """启动网页服务 / start the web service."""
    _serve(settings(), demonstration=False)


def _serve(chosen: Settings, *, demonstration: bool) -> None:
    from server import serve

    try:
        with lock(chosen.home), opened(chosen.home, engine_options(chosen)) as engine:
            opened_keys(chosen, engine.state)
    except Problem as problem:
        sys.stderr.write(problem.told(chosen.language) + "\n")
        _end(FAILED)
    except Busy as holder:
        sys.stderr.write(
            text("数据目录正被进程 {holder} 使用", chosen.language, holder=str(holder)) + "\n"
        )
        _end(FAILED)
    serve(chosen, lambda engine: _say_ready(chosen, engine, demonstration=demonstration))


def _say_ready(chosen: Settings, engine: Engine, *, demonstration: bool) -> None:
    """Say where the service answers, and what is said once: how to make accounts, to look."""
    address = f"http://{chosen.bind}:{chosen.port}"
    lines = [text("已启动：{address}（Ctrl+C 停止）", chosen.language, address=address)]
    code = setup_code(engine.state)
    if code is not None:
        lines.append(
            text(
                "还没有账号：打开 {address}/setup，输入一次性设置码 {code}",
                chosen.language,
                address=address,
                code=code,
            )
        )
    if chosen.key_provider == "file" and not root_key_printed(engine.state):
        lines.append(
            text(
                "根密钥还没有打印封存：运行 python manage.py key print，打印后锁入保险柜；"
                "遗失后加密内容无法恢复",
                chosen.language,
            )
        )
    link = None
    if demonstration:
        link = demonstration_link(engine.state, only_demo_sites(engine), chosen.bind)
    if link is not None:
        lines.append(
            text(
                "只看演示厂（只读，链接只能用一次）：{address}",
                chosen.language,
                address=address + link,
            )
        )
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


@app.command("start", hidden=True)
def start_command() -> None:
    """演示厂（若数据目录为空）并启动 / the demonstration plant if there is nothing, then serve."""
    chosen = settings()
    if not any((chosen.home / name).exists() for name in ("carbon.duckdb", "spool.db")):
        yesterday = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
        values = {"months": 36, "seed": 615, "last_day": yesterday.isoformat()}
        code = dispatch(Request("demo", values))
        if code:
            _end(code)
    _serve(chosen, demonstration=True)


if __name__ == "__main__":
    app()
