"""How a container of a package starts: the command, user and variables that the package's unit says."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.formats.systemd_unit import Service, Unit, parse, service, split
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, File, Origin
from fromscratch.paths import TreePath, decode
from fromscratch.transforms.scripted import postgresql
from fromscratch.transforms.scripted.foreground import in_foreground
from fromscratch.transforms.scripted.units import FOLDERS, PROGRAMS, Found, program, services

_MAX_FILE = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PROFILES = "/etc/ufw/applications.d"
_MADE = frozenset({"chmod", "chown", "install", "ln", "mkdir", "touch"})  # which the build makes
_SHELLS = frozenset({"bash", "dash", "sh"})
_NO_SERVER = frozenset({"oneshot"})
_MOST_INSTANCES = 5
_MOST_CONFIGURED = 4
_VERSION = re.compile(r"-?[0-9][0-9.]*")
_SUFFIX = re.compile(r"(-server|-daemon|-core|-bin)?-?[0-9.]*$")
_PORT = re.compile(r"(?im)^[ \t]*(?:-p|(?:http[-_])?(?:listen|port|listen[-_]?port|bind[-_]?port|server[-_.]?port))"
                   r"[ \t=:]+(?:[\w.*\[\]:]*:)?(\d{2,5})\b")  # fmt: skip


class Start(Struct, frozen=True, kw_only=True):
    """What the image of a package starts; `because` says where that stands, `notes` what the user should know.

    `command` is empty where nothing that stays in the foreground is known. `first` are commands, in shell, that a
    container runs before it, which do nothing when it starts again.
    """

    command: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = {}
    working_folder: str = ""
    ports: tuple[str, ...] = ()
    because: str = ""
    notes: tuple[str, ...] = ()


def start_of(tree: ChangingTree, package: str) -> Start:
    """What a container with this package should start: its service, or else the program of its name."""
    known = services(tree)
    found = _service(known, package)
    if found is not None:
        return _of_service(tree, found, package)
    template = _template(known, package)
    if template is not None:
        return _of_template(tree, template, package)
    script = next(filter(tree.find, (f"/etc/init.d/{name}" for name in (package, _base(package)))), "")
    path = None if script else _program(tree, package)
    if path is None:
        how = f"only {script}, which needs a system" if script else "no program of its name either"
        return Start(notes=(f"{package} has no service, and {how}: say under cmd: what to start",))
    return Start(command=(path,), because=f"{package} has no service; this is its program")


def _service(found: Sequence[Found], package: str) -> Found | None:
    """The service of a package: the one of its name, or of those that it ships the likest; never a task that ends."""
    servers = [one for one in found if one.service.commands and one.service.type not in _NO_SERVER]
    base = _base(package)
    for name in (package, base, f"{base}d", base.split("-")[0]):
        for one in servers:
            if one.service.name in (name, f"{name}@default"):
                return one
    alike = [one for one in servers if _stem(one.service.name) == _stem(package)]
    if alike:  # of a package that this one stands for: php-fpm brings php8.4-fpm
        return max(alike, key=lambda one: one.service.name)
    shipped = [one for one in servers if _ships(one.origins, package)]
    related = [one for one in servers if len(base) > 2 and one.service.name.startswith(base)]
    plain = [one for one in shipped or related if "@" not in one.service.name]
    return max(plain, key=lambda one: SequenceMatcher(a=package, b=one.service.name).ratio(), default=None)


def _stem(name: str) -> str:
    """The name without versions."""
    return _VERSION.sub("", name)


def _template(found: Sequence[Found], package: str) -> Found | None:
    """The template of the package's name, whose instances are services."""
    names = (package, _base(package), _stem(package))
    return next((one for one in found if one.service.name in [f"{name}@" for name in names]), None)


def _of_template(tree: ChangingTree, found: Found, package: str) -> Start:
    """The start of the instance that the files of the tree make; it is not known where none or several do."""
    unit = parse(_text(tree, found.path))
    instances = [*_instances(tree, unit)]
    if len(instances) == 1:
        one = service(f"{found.service.name}{instances[0]}", unit)
        return _of_service(tree, replace(found, service=one), package)
    if found.service.name == postgresql.TEMPLATE and (cluster := postgresql.cluster(tree)):
        because = "a cluster of PostgreSQL is made when a container first starts: give /var/lib/postgresql a volume"
        return Start(command=cluster.command, first=(cluster.made_by,), ports=(postgresql.PORT,), because=because)
    command = unit.text("Service", "ExecStart").lstrip("-@:+!")
    several = f"of {', '.join(instances[:_MOST_INSTANCES])}" if instances else "and the image has none"
    return Start(notes=(
        f"{package} is started once for each instance %i, {several}: say under cmd: what to start, in the foreground",
        f"ExecStart= of {found.path}: {command}",
    ))  # fmt: skip


def _instances(tree: ChangingTree, unit: Unit) -> Iterator[str]:
    """The instances of a template: its default one, or those that have the file in /etc that its command names."""
    default = unit.text("Install", "DefaultInstance")
    if default:
        yield default
        return
    for pattern in re.findall(r"/etc/[^\s\"']*%i[^\s\"']*", unit.text("Service", "ExecStart"), re.IGNORECASE)[:1]:
        folder, _, name = pattern.rpartition("/")
        before, _, after = name.replace("%I", "%i").partition("%i")
        if "%" in folder or not isinstance(tree.find(folder), Directory):
            return
        for each in tree.children(tree.resolve(folder)):
            if each.startswith(before) and each.endswith(after) and len(each) > len(before) + len(after):
                yield each[len(before) : len(each) - len(after)]


def _base(package: str) -> str:
    """The name without the word for its part, and without a version."""
    return _SUFFIX.sub("", package)


def _ships(origins: Sequence[Origin], package: str) -> bool:
    return any(origin.reason == "shipped in" and origin.detail.split(" ")[0] == package for origin in origins)


def _program(tree: ChangingTree, package: str) -> TreePath | None:
    """The program of the package's name, or the only one that it ships."""
    own = program(tree, package) or program(tree, _base(package))
    if own is not None:
        return own
    shipped = []
    for folder in PROGRAMS[:4]:
        entry = tree.find(folder)
        for name in tree.children(tree.resolve(folder)) if entry is not None else ():
            file = tree.find(f"{folder}/{name}")
            if isinstance(file, File) and _ships(file.origins, package):
                shipped.append(TreePath(f"{folder}/{name}"))
    return shipped[0] if len(shipped) == 1 else None


def _of_service(tree: ChangingTree, found: Found, package: str) -> Start:
    one = found.service
    if one.commands[0].as_root:  # it changes to a user by itself
        one = replace(one, user="", group="")
    variables = dict(one.environment)
    for file in one.environment_files:
        variables |= _variables(_text(tree, file.lstrip("-")))
    words = _substituted(one.commands[0].words, variables)
    path = program(tree, words[0]) if words else None
    if path is not None:
        words = (path, *words[1:])
    command = in_foreground(words, forks=one.type == "forking") if words else None
    if command is None:
        command = _known_server(tree, package)
    home = _home(tree, one.user)
    return Start(
        command=command or (),
        user=one.user + (f":{one.group}" if one.user and one.group and one.group != one.user else ""),
        environment={**({"HOME": home} if home else {}), **{key: value for key, value in variables.items() if value}},
        working_folder=home if one.working_folder == "~" else one.working_folder,
        ports=tuple(_ports(tree, one, package, words)),
        because=f"ExecStart= of {found.path}",
        notes=tuple(_notes(one, words, command)),
    )


def _known_server(tree: ChangingTree, package: str) -> tuple[str, ...] | None:
    """The program of the package's name, by itself, if it is known how that stays in the foreground."""
    path = program(tree, package) or program(tree, _base(package))
    return in_foreground((path,), forks=True) if path is not None else None


def _notes(one: Service, words: Sequence[str], command: Sequence[str] | None) -> Iterator[str]:
    if command is None:
        yield f"{shlex.join(words)} goes into the background: say under cmd: how it stays in the foreground"
    for before in one.before:
        name = paths.name(TreePath(before.words[0]))
        if name not in _MADE and name != paths.name(TreePath(words[0])):  # a server looks at its configuration itself
            yield f"before its start systemd would run: {shlex.join(before.words)}"
    if any(word.startswith(("fd://", "systemd:")) for word in command or ()):
        yield "it expects its socket from systemd: name an address in its options or configuration"


def _substituted(words: Sequence[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The words with variables as systemd puts them in: a lone $NAME may become several words."""
    found: list[str] = []
    for word in words:
        if word.startswith("$") and _NAME.fullmatch(word[1:]):
            found += split(variables.get(word[1:], ""))
        elif word.startswith("${") and word.endswith("}") and _NAME.fullmatch(word[2:-1]):
            found.append(variables.get(word[2:-1], ""))
        else:
            found.append(_BRACED.sub(lambda match: variables.get(match[1], match[0]), word))
    return tuple(found)


def _variables(text: str) -> dict[str, str]:
    """The assignments of an environment file."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and _NAME.fullmatch(name):
            found[name] = " ".join(split(value)) if value[:1] in ("'", '"') else value.strip()
    return found


def _home(tree: ChangingTree, user: str) -> str:
    """The home folder of a user, if the tree has it: servers write there, and no login sets HOME."""
    for line in _text(tree, "/etc/passwd").split("\n"):
        fields = line.split(":")
        if user and len(fields) == 7 and fields[0] == user and fields[5] != "/" and tree.find(fields[5]) is not None:
            return fields[5]
    return ""


def _ports(tree: ChangingTree, one: Service, package: str, words: Sequence[str]) -> list[str]:
    """The ports that it listens on, as its socket says, a profile for firewalls, or its configuration."""
    sockets = [value for folder in FOLDERS[:1:-1] for value in _sockets(_text(tree, f"{folder}/{one.name}.socket"))]
    profile = next(filter(None, (_text(tree, f"{_PROFILES}/{name}") for name in (one.name, package))), "")
    of_profile = [port for line in re.findall(r"(?m)^ports=(.*)$", profile)[:1] for port in _profile_ports(line)]
    files = [word for word in words[1:] if word.startswith("/etc/")] or [*_configuration(tree, (one.name, package))]
    configured = [match for file in files for match in _PORT.findall(_text(tree, file))]
    configured = [*dict.fromkeys(configured)]
    if len(configured) > _MOST_CONFIGURED:  # those of others, as a firewall names them
        configured = []
    # A profile names what it may listen on; what its configuration says too, it does.
    said = [*(port for port in configured if port in of_profile), *(of_profile or configured)]
    return list(dict.fromkeys(sockets or said))[:8]


def _configuration(tree: ChangingTree, names: Sequence[str]) -> Iterator[str]:
    """The files of configuration that are called as one of these."""
    for name in dict.fromkeys(each for one in names for each in (one.partition("@")[0], _base(one))):
        folder = TreePath(f"/etc/{name}")
        yield f"{folder}.conf"
        yield from (f"{folder}/{each}" for each in tree.children(folder) if each.endswith((".conf", ".cfg")))


def lacks_shell(tree: ChangingTree, start: Start) -> bool:
    """Whether the command, or what comes before it, is one of a shell that the tree does not have."""
    shell = "/bin/sh" if start.first else next(iter(start.command), "")
    return shell.rpartition("/")[2] in _SHELLS and program(tree, shell) is None


def _sockets(text: str) -> Iterator[str]:
    unit = parse(text)
    for key, protocol in (("ListenStream", ""), ("ListenDatagram", "/udp")):
        for value in unit.texts("Socket", key):
            number = value.rpartition(":")[2]
            if number.isdigit():
                yield number + protocol


def _profile_ports(line: str) -> Iterator[str]:
    for part in line.split("|"):
        numbers, _, protocol = part.strip().partition("/")
        for number in numbers.split(","):
            if number.isdigit():
                yield number + ("/udp" if protocol == "udp" else "")


def _text(tree: ChangingTree, path: str) -> str:
    entry = tree.find(path)
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return ""
    return decode(read(entry.content))
