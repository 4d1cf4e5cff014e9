"""The expression of find: what is tested of each file, and what is done with it."""

from collections.abc import Callable, Mapping

from fromscratch.limits import number
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, Symlink
from fromscratch.paths import encode
from fromscratch.transforms.shell.commands.files.find_search import Found, Search, Test
from fromscratch.transforms.shell.commands.files.targets import last_part
from fromscratch.transforms.shell.file_modes import changed, parse_changes
from fromscratch.transforms.shell.file_tests import file_test, is_newer
from fromscratch.transforms.shell.machine import Machine, NotUnderstood
from fromscratch.transforms.shell.owner_names import group_name, group_number, user_name, user_number
from fromscratch.transforms.shell.patterns import matches
from fromscratch.transforms.shell.posix_regex import posix_regex

_KINDS: Mapping[str, type] = {"d": Directory, "f": File, "l": Symlink, "p": Fifo}
_PERMISSIONS = 0o7777
_BLOCK = 512


class FindExpression:
    """The expression of find as a test of what is found: XCU find."""

    def __init__(self, search: Search, words: list[str]) -> None:
        self._search, self._words = search, [*reversed(words)]

    def expression(self) -> Test:
        """The whole expression. Raises NotUnderstood."""
        test = self._either() if self._words else lambda found: True
        if self._words:
            raise NotUnderstood(f"{self._words[-1]} is in an expression of find")
        if self._search.acts:
            return test
        return lambda found: test(found) and self._search.print(f"{found.name}\n")

    def _either(self) -> Test:
        test = self._both()
        while self._words and self._words[-1] in ("-o", "-or"):
            self._words.pop()
            one, other = test, self._both()
            test = _or(one, other)
        return test

    def _both(self) -> Test:
        test = self._single()
        while self._words and self._words[-1] not in ("-o", "-or", ")", ","):
            if self._words[-1] in ("-a", "-and"):
                self._words.pop()
            one, other = test, self._single()
            test = _and(one, other)
        return test

    def _single(self) -> Test:
        word = self._next()
        if word in ("!", "-not"):
            test = self._single()
            return lambda found: not test(found)
        if word == "(":
            test = self._either()
            if self._next() != ")":
                raise NotUnderstood("a group of find does not end")
            return test
        return self._option(word) or self._action(word) or self._test(word)

    def _next(self) -> str:
        if not self._words:
            raise NotUnderstood("the expression of find ends too early")
        return self._words.pop()

    def _option(self, word: str) -> Test | None:
        search = self._search
        match word:
            case "-maxdepth" | "-mindepth":
                depth = number(self._next())
                if depth is None:
                    raise NotUnderstood("the depth is not a number")
                if word == "-maxdepth":
                    search.most = depth
                else:
                    search.least = depth
            case "-depth" | "-d":
                search.depth_first = True
            case "-follow":
                search.follow = search.links = True
            case "-xdev" | "-mount" | "-noleaf" | "-ignore_readdir_race" | "-nowarn" | "-warn":
                pass
            case "-regextype":
                raise NotUnderstood("the kind of expression is not known")
            case _:
                return None
        return lambda found: True

    def _action(self, word: str) -> Test | None:
        search = self._search
        match word:
            case "-print":
                test = self._printing("%p\\n")
            case "-print0":
                test = self._printing("%p\\0")
            case "-printf":
                test = self._printing(self._next())
            case "-delete":
                search.depth_first = True
                test = search.delete
            case "-exec" | "-execdir":
                test = self._exec(word)
            case "-prune":
                return self._prune
            case "-quit" | "-ls" | "-fprint" | "-ok" | "-fprintf" | "-okdir" | "-fls" | "-fprint0":
                raise NotUnderstood(f"{word} of find is not followed")
            case _:
                return None
        search.acts = True
        return test

    def _printing(self, template: str) -> Test:
        search = self._search
        return lambda found: search.print(_formatted(search.machine, template, found))

    def _prune(self, found: Found) -> bool:
        self._search.pruned = True
        return True

    def _exec(self, word: str) -> Test:
        words: list[str] = []
        while (part := self._next()) not in (";", "+") or (part == "+" and words[-1:] != ["{}"]):
            words.append(part)
        if word == "-execdir" or not words:
            raise NotUnderstood(f"{word} of find is not followed")
        search = self._search
        if part == "+":
            names: list[str] = []
            search.collected.append((words[:-1], names))

            def collect(found: Found) -> bool:
                names.append(found.name)
                return True

            return collect
        return lambda found: search.run([each.replace("{}", found.name) for each in words])

    def _test(self, word: str) -> Test:
        search, machine = self._search, self._search.machine
        match word:
            case "-true" | "-false":
                return lambda found: word == "-true"
            case "-empty":
                return lambda found: _is_empty(machine, found)
            case "-nouser":
                return lambda found: user_name(machine, found.entry.meta.uid) is None
            case "-nogroup":
                return lambda found: group_name(machine, found.entry.meta.gid) is None
            case "-executable" | "-readable" | "-writable":
                return lambda found: file_test(machine, {"e": "x", "r": "r", "w": "w"}[word[1]], found.place)
        if word not in _WITH_VALUE:
            raise NotUnderstood(f"{word} of find is not known")
        value = self._next()
        match word:
            case "-name" | "-iname":
                return lambda found: _is_like(search, value, last_part(found.name), word == "-iname")
            case "-path" | "-wholename" | "-ipath":
                return lambda found: _is_like(search, value, found.name, word == "-ipath")
            case "-lname":
                return lambda found: (
                    isinstance(found.entry, Symlink) and _is_like(search, value, found.entry.target, False)
                )
            case "-regex":
                regex = posix_regex(value)
                return lambda found: regex.fullmatch(found.name) is not None
            case "-type":
                kinds = value.split(",")
                return lambda found: any(_is_kind(found.entry, kind) for kind in kinds)
            case "-xtype":
                return lambda found: _is_kind(machine.tree.find(found.place) or found.entry, value)
        return _test_of_meta(search, word, value)


_OF_NAMES = "-name -iname -path -wholename -ipath -lname -regex"
_OF_META = "-type -xtype -user -group -uid -gid -perm -size -newer -links"
_WITH_VALUE = frozenset((*_OF_NAMES.split(), *_OF_META.split()))


def _and(one: Test, other: Test) -> Test:
    return lambda found: one(found) and other(found)


def _or(one: Test, other: Test) -> Test:
    return lambda found: one(found) or other(found)


def _is_like(search: Search, pattern: str, text: str, ignore_case: bool) -> bool:
    if ignore_case:
        pattern, text = pattern.lower(), text.lower()
    return matches(pattern, text, search.budget)


def _is_kind(entry: Entry, kind: str) -> bool:
    if kind in ("b", "c"):
        return isinstance(entry, Device) and entry.kind == kind
    if kind not in _KINDS:
        raise NotUnderstood(f"the type {kind} is not known")
    return isinstance(entry, _KINDS[kind])


def _target(found: Found) -> str:
    return found.entry.target if isinstance(found.entry, Symlink) else ""


def _size(found: Found) -> int:
    match found.entry:
        case File():
            return found.entry.content.size
        case Symlink():
            return len(encode(found.entry.target))
    raise NotUnderstood("the size of a folder is not known of a tree")


def _is_empty(machine: Machine, found: Found) -> bool:
    if isinstance(found.entry, Directory):
        return not machine.tree.children(found.place)
    return isinstance(found.entry, File) and not found.entry.content.size


def _test_of_meta(search: Search, word: str, value: str) -> Test:
    machine = search.machine
    match word:
        case "-user":
            uid = user_number(machine, value)
            return lambda found: found.entry.meta.uid == uid
        case "-group":
            gid = group_number(machine, value)
            return lambda found: found.entry.meta.gid == gid
        case "-uid" | "-gid":
            return _compared(value, lambda found: found.entry.meta.uid if word == "-uid" else found.entry.meta.gid)
        case "-perm":
            return _permissions(value)
        case "-newer":
            reference = machine.tree.find(search.call.path(value))
            if reference is None:
                raise NotUnderstood(f"{value} is not in the tree")
            other = reference
            return lambda found: is_newer(found.entry, other)
        case "-size":
            if value.endswith("c"):
                return _compared(value[:-1], _size)
            return _compared(value.removesuffix("b"), lambda found: -(-_size(found) // _BLOCK))
    raise NotUnderstood(f"{word} {value} of find is not known")


def _compared(text: str, of: Callable[[Found], int]) -> Test:
    count = number(text.lstrip("+-"))
    if count is None:
        raise NotUnderstood(f"{text} is not a number")
    expected = count
    if text.startswith("+"):
        return lambda found: of(found) > expected
    if text.startswith("-"):
        return lambda found: of(found) < expected
    return lambda found: of(found) == expected


def _permissions(text: str) -> Test:
    mode = changed(0, parse_changes(text.lstrip("-/")), directory=False)
    if text.startswith("/"):
        return lambda found: not mode or bool(found.entry.meta.mode & mode)
    if text.startswith("-"):
        return lambda found: found.entry.meta.mode & mode == mode
    return lambda found: found.entry.meta.mode & _PERMISSIONS == mode


def _formatted(machine: Machine, template: str, found: Found) -> str:
    meta = found.entry.meta
    facts = {
        "%p": found.name,
        "%f": last_part(found.name),
        "%h": found.name.rpartition("/")[0] or ".",
        "%u": user_name(machine, meta.uid) or str(meta.uid),
        "%g": group_name(machine, meta.gid) or str(meta.gid),
        "%U": str(meta.uid),
        "%G": str(meta.gid),
        "%m": f"{meta.mode:o}",
        "%d": str(found.depth),
        "%l": _target(found),
        "%%": "%",
        "\\n": "\n",
        "\\t": "\t",
        "\\0": "\0",
        "\\\\": "\\",
    }
    text, position = [], 0
    while position < len(template):
        if template[position] in "%\\":
            code = template[position : position + 2]
            if code not in facts:
                raise NotUnderstood(f"{code} is in a format of find")
            text.append(facts[code])
            position += 2
        else:
            text.append(template[position])
            position += 1
    return "".join(text)
