"""What to do about a program that is not in the image: what took it away, what is there instead, how it is written."""

from collections.abc import Iterator

from fromscratch.checks.start.container import EXECUTE, Container
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.nearest import nearest
from fromscratch.paths import shown

SHELLS = ("bash", "dash", "ash", "sh", "busybox", "zsh", "ksh", "mksh")
_SHELL_ONLY = frozenset({"&&", "||", ";", "|", ">", "<", ">>", "&"})


def for_missing_program(container: Container, word: str, place: str) -> str:
    """A hint for the first word of a command, `word`, which would stand at `place` ("" for one of PATH)."""
    return (
        _trimmed(container, word, place)
        or _present(container, word)
        or "add the package or file that has it under rootfs:, or name another program"
    )


def for_writing(word: str) -> str:
    """A hint for a missing program whose name is meant for a shell, or is several words; empty for any other."""
    if word[:1] in "'\"":
        return f"each item of the list is one word as it stands: write {_listed(word)}, without quotes inside"
    if word.startswith(("$", "~")):
        return 'no shell reads the command, so nothing is expanded: write the path, or [/bin/sh, -c, "..."]'
    if " " not in word.strip():
        return ""
    if _SHELL_ONLY & {*word.split()} or "$(" in word or "; " in word:
        import shlex

        return f"only a shell understands that: write [/bin/sh, -c, {shlex.quote(word)}]"
    return f"each item of the list is one word: write {_listed(word)}"


def _listed(text: str) -> str:
    """A command line as a list of a recipe."""
    import shlex

    try:
        words = shlex.split(text)
        words = shlex.split(words[0]) if len(words) == 1 else words
    except ValueError:
        words = text.replace('"', "").replace("'", "").split()
    return shown(f"[{', '.join(word if word.isalnum() or '/' in word[:1] else _quoted(word) for word in words)}]")


def _quoted(word: str) -> str:
    return word if not set(word) & set(" ,[]{}\"'#:&*!|>%@`") else '"' + word.replace('"', '\\"') + '"'


def _trimmed(container: Container, word: str, place: str) -> str:
    places = [place] if place else [f"{folder}/{word}" for folder in container.path.split(":")]
    for each in places:
        rule = container.rule_that_removed(each)
        if rule:
            return removed_by(rule, each)
    return ""


def removed_by(rule: str, path: str) -> str:
    """A hint for what a rule of `trim`, or an item of `paths`, took; for a symlink the rule says which target was taken
    from it."""
    rule, _, target = rule.partition(", which takes ")
    path = target or path
    if rule.startswith("paths["):
        return f"{rule} deleted {shown(path)}: leave that item out"
    return f"{rule!r} under trim: took it; put '!{shown(path)}' behind that rule"


def _present(container: Container, word: str) -> str:
    """Programs of the image that may be meant: of the same name elsewhere, another shell, or a name that is like it."""
    name = word.rpartition("/")[2]
    there = {path.rpartition("/")[2]: path for path in _programs(container)}
    if name in there:
        return f"{shown(there[name])} is there: write that"
    if name in SHELLS:
        shell = next((there[each] for each in SHELLS if each in there), None)
        return (
            f"{shown(shell)} is there: write that, or add {name} under rootfs:"
            if shell
            else f"the image has no shell: name the program itself, or add {name} under rootfs:"
        )
    if place := _same_name(container, name):
        return f"{shown(place)} is there: write that, or put its folder into PATH"
    near = nearest(name, there)
    return f"did you mean {shown(there[near[0]])}?" if near else ""


def _programs(container: Container) -> Iterator[str]:
    """The programs in the folders of PATH and the usual ones, the first folder's last."""
    folders = dict.fromkeys([*container.path.split(":"), "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"])
    for folder in reversed([each for each in folders if each.startswith("/")]):
        for name in views.names(container.tree, folder):
            path = f"{folder.rstrip('/')}/{name}"
            entry = container.entry(path)
            if isinstance(entry, File) and container.may(entry.meta, EXECUTE):
                yield path
    yield from _anywhere(container)


def _same_name(container: Container, name: str) -> str:
    """The program of this name that lies least deep in the whole image; empty if there is none."""
    ending = f"/{name}"
    found = [path for path in container.tree if path.endswith(ending)]
    entries = [(path.count("/"), path) for path in found if _is_program(container, path)]
    return min(entries)[1] if entries else ""


def _is_program(container: Container, path: str) -> bool:
    entry = container.entry(path)
    return isinstance(entry, File) and bool(entry.meta.mode & 0o111)


def _anywhere(container: Container) -> Iterator[str]:
    """Programs beside those folders, such as /app/server; only of folders with few names."""
    for top in ("/", "/app", "/opt", "/srv"):
        for name in views.names(container.tree, top)[:200]:
            path = f"{top.rstrip('/')}/{name}"
            if _is_program(container, path):
                yield path


def programs_in(container: Container, folder: str) -> list[str]:
    """The first few programs that lie in a folder."""
    found = []
    for name in views.names(container.tree, folder):
        entry = container.entry(f"{folder.rstrip('/')}/{name}")
        if isinstance(entry, File) and entry.meta.mode & 0o111:
            found.append(f"{folder.rstrip('/')}/{name}")
    return found[:3]
