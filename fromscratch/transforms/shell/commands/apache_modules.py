"""a2enmod(8), a2ensite, a2enconf, their opposites and a2query(1): which parts of Apache's configuration count."""

import re
from collections.abc import Iterator

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.model.content import read
from fromscratch.model.entry import File, Meta, Symlink
from fromscratch.paths import TreePath, decode
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_TOP = TreePath("/etc/apache2")
_KINDS = {"mod": "mods", "site": "sites", "conf": "conf"}
_FLAGS = {
    "-f": "force", "--force": "force", "-m": "", "--maintmode": "", "-p": "purge", "--purge": "purge", "-q": "",
    "--quiet": "",
}  # fmt: skip
_QUERIES = {"-m": "mods", "-s": "sites", "-c": "conf"}
_FAILED, _NOT_ENABLED = Result(1), Result(32)
_MOST = 64


def _enable(machine: Machine, call: Call) -> Result:
    kind = _KINDS[call.name[4:]]
    names = options.read(call.arguments, _FLAGS, {}).operands
    return Result(max([_enabled(machine, kind, name.removesuffix(".conf"), ()) for name in names], default=0))


def _enabled(machine: Machine, kind: str, name: str, above: tuple[str, ...]) -> int:
    """Link a part and those that it depends on; 1 if there is none of this name."""
    files = dict(_available(machine, kind, name))
    if not files or len(above) > _MOST:
        return 1
    for text in files.values():
        for line in re.findall(r"(?m)^# Depends: (.*)$", text) if kind == "mods" else ():
            for other in line.split():
                if other not in above and _enabled(machine, kind, other, (*above, name)):
                    return 1
        for line in re.findall(r"(?m)^# Conflicts: (.*)$", text) if kind == "mods" else ():
            if any(_is_enabled(machine, kind, other) for other in line.split()):
                return 1
    for file in files:
        place = paths.join(paths.join(_TOP, f"{kind}-enabled"), file)
        if machine.tree.find(place, follow_last=False) is None:
            link = Symlink(Meta(0o777), f"../{kind}-available/{file}", (machine.origin(),))
            machine.tree.put(place, link)
    return 0


def _available(machine: Machine, kind: str, name: str) -> Iterator[tuple[str, str]]:
    """The files of a part with their text: of a module the one that loads it first."""
    for ending in (".load", ".conf") if kind == "mods" else (".conf",):
        entry = machine.tree.find(f"{_TOP}/{kind}-available/{name}{ending}")
        if isinstance(entry, File):
            yield f"{name}{ending}", decode(read(entry.content))
        elif ending == ".load":
            return


def _is_enabled(machine: Machine, kind: str, name: str) -> bool:
    ending = ".load" if kind == "mods" else ".conf"
    return machine.tree.find(f"{_TOP}/{kind}-enabled/{name.removesuffix('.conf')}{ending}") is not None


def _disable(machine: Machine, call: Call) -> Result:
    kind = _KINDS[call.name[5:]]
    for name in options.read(call.arguments, _FLAGS, {}).operands:
        for ending in (".load", ".conf"):
            try:
                path = f"{_TOP}/{kind}-enabled/{name.removesuffix('.conf')}{ending}"
                machine.tree.remove(machine.tree.resolve(path, follow_last=False))
            except NotInTree:
                continue
    return Result()


def _query(machine: Machine, call: Call) -> Result:
    words = [word for word in call.arguments if word != "-q"]
    if words == ["-M"]:
        names = machine.tree.children(paths.join(_TOP, "mods-enabled"))
        found = [name[4:-5] for name in names if name.startswith("mpm_") and name.endswith(".load")]
        return Result(0, f"{found[0]}\n".encode()) if found else _FAILED
    if len(words) != 2 or words[0] not in _QUERIES:
        raise NotUnderstood("this use of a2query is not known")
    return Result() if _is_enabled(machine, _QUERIES[words[0]], words[1]) else _NOT_ENABLED


COMMANDS = {
    **{f"a2en{kind}": Command(_enable, "link") for kind in _KINDS},
    **{f"a2dis{kind}": Command(_disable, "link") for kind in _KINDS},
    "a2query": Command(_query, "link"),
}
