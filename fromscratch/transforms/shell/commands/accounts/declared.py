"""What packages declare in files, made where their scripts call for it, or all of it: sysusers.d(5), tmpfiles.d(5)."""

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import ImageError, NotInTree
from fromscratch.formats import sysusers, tmpfiles
from fromscratch.model.content import read
from fromscratch.model.entry import Entry, File, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode
from fromscratch.transforms.accounts import GROUP, PASSWD, SHADOW
from fromscratch.transforms.scripted import system_accounts, temporary_files
from fromscratch.transforms.scripted.account_files import AccountNumbers, Table
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.present import account_files, saved
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_ACCOUNT_FILES = (PASSWD, GROUP, SHADOW)
_MASTERS = ("/usr/share/base-passwd/passwd.master", "/usr/share/base-passwd/group.master")
_MAX_FILE = 1 << 20


class _Row(Struct, frozen=True):
    """A line of a declaring file, and where it stands."""

    file: TreePath
    number: int
    text: str
    origins: tuple[Origin, ...]

    def origin(self, label: str) -> Origin:
        because = self.origins[0] if self.origins else None
        return Origin(label, "made by", f"line {self.number} of {self.file}", because)


def make_accounts(machine: Machine, names: Collection[str] | None = None) -> None:
    """Make the accounts of all sysusers.d files, or of those with these names."""
    rows = [*_rows(machine, system_accounts.FOLDERS, names)]
    found = [(row, sysusers.parse(row.text)) for row in rows]
    for row, parsed in found:
        if parsed.faults:
            _leave_out(machine, row, "it does not say which account")
    known = {*account_files(machine).users.numbers(), *account_files(machine).groups.numbers()}
    lines = [line for _, parsed in found for line in parsed.lines]
    reasons = [
        row.origin(machine.label)
        for row, parsed in found
        if any(line.name not in known or line.kind == "m" for line in parsed.lines)
    ]
    if reasons:
        _add_accounts(machine, lines, reasons)


def _add_accounts(machine: Machine, lines: Sequence[sysusers.Line], reasons: Sequence[Origin]) -> None:
    """Add accounts to the files, which get these origins where they change."""
    present: dict[TreePath, Entry] = {}
    for path in _ACCOUNT_FILES:
        entry = machine.tree.find(path)
        if isinstance(entry, File):
            present[path] = entry
    given = machine.state(AccountNumbers)
    tree = system_accounts.with_system_accounts(Rootfs(present), [*_with_given(lines, given)], reasons[0], given.choose)
    for path in _ACCOUNT_FILES:
        made, before = tree.find(path), present.get(path)
        if not isinstance(made, File) or (isinstance(before, File) and read(before.content) == read(made.content)):
            continue
        origins = (*(before.origins if before else ()), *reasons)
        machine.tree.put(path, replace(made, origins=tuple(dict.fromkeys(origins))))


def _with_given(lines: Sequence[sysusers.Line], given: AccountNumbers) -> Iterator[sysusers.Line]:
    """The lines with the numbers that the recipe gives to their names."""
    for line in lines:
        table = {"u": given.users, "g": given.groups}.get(line.kind, {})
        if line.kind == "u" and line.name in given.groups:
            yield sysusers.Line("g", line.name, str(given.groups[line.name]))
        if line.name in table:
            _, colon, group = line.id.partition(":")
            line = replace(line, id=f"{table[line.name]}{colon}{group}")
        yield line


def make_files(machine: Machine, names: Collection[str] | None = None) -> None:
    """Make what all tmpfiles.d files declare, or those with these names, as at the start of a system."""
    rows = [(row, line) for row in _rows(machine, temporary_files.FOLDERS, names) for line in _lines(row)]
    first: dict[str, _Row] = {}
    plain = [(row, line) for row, line in rows if line.kind not in "zZ" and first.setdefault(line.path, row) is row]
    plain.sort(key=lambda each: each[1].path)  # a folder before what it holds
    for row, line in (*plain, *(each for each in rows if each[1].kind in "zZ")):
        try:
            unowned = temporary_files.make_temporary_files(machine.tree, [line], row.origin(machine.label))
        except ImageError as error:
            _leave_out(machine, row, str(error), is_account=False)
            continue
        for each in unowned:
            _leave_out(machine, row, f"there is no account {each.account}")


def _lines(row: _Row) -> tuple[tmpfiles.Line, ...]:
    return tmpfiles.parse(row.text).lines


def _rows(machine: Machine, folders: Sequence[str], names: Collection[str] | None) -> Iterator[_Row]:
    """The lines of the files *.conf by their names; of the same name that of the earlier folder. A name may be a
    path."""
    files: dict[str, TreePath] = {}
    for folder in folders:
        try:
            place = machine.tree.resolve(folder)
        except NotInTree:
            continue
        for name in machine.tree.children(place):
            if name.endswith(".conf"):
                files.setdefault(name, TreePath(f"{folder}/{name}"))
    among = sorted(files) if names is None else names
    for name in among:
        path = TreePath(name) if name.startswith("/") else files.get(name)
        entry = machine.tree.find(path) if path else None
        if path is None or not isinstance(entry, File) or entry.content.size > _MAX_FILE:
            continue
        for number, text in enumerate(decode(read(entry.content)).split("\n"), 1):
            if text.strip() and not text.lstrip().startswith("#"):
                yield _Row(path, number, text, entry.origins)


def _leave_out(machine: Machine, row: _Row, why: str, *, is_account: bool = True) -> None:
    """Note a line that was not followed, as of the package that ships the file."""
    before = machine.package, machine.script, machine.line
    shipped = next((origin.detail for origin in row.origins if origin.reason == "shipped in"), "")
    package = shipped.split(" ")[0]
    machine.package = package if package in machine.packages else machine.package or paths.name(row.file)
    machine.script, machine.line = row.file, row.number
    machine.leave_out(" ".join(row.text.split()), why, "account" if is_account else "folder")
    machine.package, machine.script, machine.line = before


def sysusers_command(machine: Machine, call: Call) -> Result:
    """systemd-sysusers: the accounts of the named files, or of all."""
    flags = {"--no-pager": "", "--dry-run": "dry", "--inline": "inline", "--cat-config": "cat"}
    words = options.read(call.arguments, flags, {"--root": "root", "--replace": "", "--image": "image"})
    if words.options and ({"inline", "cat", "image"} & {*words.options} or (words.get("root") or "/") != "/"):
        raise NotUnderstood("it reads accounts from elsewhere")
    if not words.has("dry"):
        make_accounts(machine, words.operands or None)
    return Result()


def tmpfiles_command(machine: Machine, call: Call) -> Result:
    """systemd-tmpfiles: with --create what the named files declare, or all."""
    flags = {
        "--create": "create", "--clean": "", "--remove": "", "--boot": "", "--graceful": "", "--user": "user",
        "--no-pager": "", "-E": "", "--dry-run": "dry", "--purge": "purge", "--cat-config": "cat",
    }  # fmt: skip
    values = {"--root": "root", "--prefix": "prefix", "--exclude-prefix": "prefix", "--replace": "", "--image": "image"}
    words = options.read(call.arguments, flags, values)
    if {"user", "purge", "cat", "image", "prefix"} & {*words.options} or (words.get("root") or "/") != "/":
        raise NotUnderstood("it makes files of a part or of another root")
    if words.has("create") and not words.has("dry"):
        make_files(machine, words.operands or None)
    return Result()


def update_passwd(machine: Machine, call: Call) -> Result:
    """update-passwd: the accounts that every system of the distribution has, where they are missing."""
    accounts = account_files(machine)
    for source, table in zip(_MASTERS, (accounts.users, accounts.groups), strict=True):
        _add_rows(machine, source, table)
    return saved(machine, accounts)


def _add_rows(machine: Machine, source: str, table: Table) -> None:
    entry = machine.tree.find(source)
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return
    for line in decode(read(entry.content)).split("\n"):
        row = line.split(":")
        if len(row) >= 4 and table.find(row[0]) is None and table.numbered(int(row[2])) is None:
            table.put(row)


COMMANDS = {
    "systemd-sysusers": Command(sysusers_command, "account"),
    "systemd-tmpfiles": Command(tmpfiles_command, "folder"),
    "update-passwd": Command(update_passwd, "account"),
}
