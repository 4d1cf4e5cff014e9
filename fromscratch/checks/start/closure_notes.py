"""Notes on files that something in the closure of a container's programs asks for, and that its image lacks."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fromscratch import paths
from fromscratch.checks.start.container import Container
from fromscratch.checks.start.finding import Finding, Lack
from fromscratch.checks.start.linking import Linking
from fromscratch.errors import FormatError
from fromscratch.formats.elf.symbols import imported
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.runtimes import is_runtime
from fromscratch.linker.search import Node
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, shown

_BY_NAME = frozenset({"getpwnam", "getpwnam_r", "getpwent", "getgrnam", "getgrnam_r", "initgroups"})
_OWN_NAME = frozenset({"getpwuid", "getpwuid_r"})
_ACCOUNTS = _BY_NAME | _OWN_NAME | {"getgrgid", "getgrgid_r"}
_SHELL = frozenset({"system", "popen"})
_MAKE_FILES = ("mkstemp", "mkstemp64", "mkostemp", "mkostemp64", "mkdtemp")
_TEMPORARY = frozenset({*_MAKE_FILES, "tmpfile", "tmpfile64", "tempnam", "tmpnam"})
_TIMED = frozenset({"localtime", "localtime_r", "mktime", "tzset", "__localtime64", "__localtime64_r"})
_LOCALES = frozenset({"setlocale", "newlocale"})
_TRUST_OF_OPENSSL = ("SSL_CTX_set_default_verify_paths", "SSL_CTX_set_default_verify_store")
_TRUST = frozenset({*_TRUST_OF_OPENSSL, "X509_STORE_set_default_paths", "gnutls_certificate_set_x509_system_trust"})
_SERVES = frozenset({"listen", "accept", "accept4"})
_TMP = lazy_regex(rb"(/tmp)(?=[/\0])")
_GO_TLS = lazy_regex(rb"(/etc/ssl/certs/ca-certificates\.crt)")
_MODULES = {"files": _ACCOUNTS, "dns": frozenset({"getaddrinfo", "gethostbyname", "gethostbyname_r"})}
_FIRST_WITH_BUILT_IN = 34  # GLIBC 2.34 has the modules "files" and "dns" in libc itself
_MAX_ARCHIVE = 1 << 30


def closure_notes(container: Container, linking: Linking, lacking: Iterable[Lack]) -> Iterator[Finding]:
    """The notes on what the image lacks, of these kinds, as far as something asks for it."""
    closure = _Closure(container, linking)
    for kind in lacking:
        yield from _NOTES[kind](closure)


class User(NamedTuple):
    """An object that calls a `function`, by its place and by the path by which it was found."""

    place: TreePath
    path: str
    function: str


class _Closure:
    """What the programs of a container load, with the symbols that each object imports, read when they are needed."""

    def __init__(self, container: Container, linking: Linking) -> None:
        self.container = container
        self._nodes: dict[TreePath, Node] = {}
        for node in linking.objects.values():
            self._nodes.setdefault(TreePath(node.root.place(node.path) or node.path), node)
        self._programs = {TreePath(node.root.place(node.path) or node.path) for node in linking.programs}
        self._own_libraries = tuple({f"lib{node.path.rpartition('/')[2]}" for node in linking.programs})
        self._imports: dict[TreePath, frozenset[str]] = {}
        self.scene = Scene(
            view=container.tree,
            objects={place: node.elf for place, node in self._nodes.items()},
            files=frozenset(),
            requested=tuple(self._programs),
            imports=self.imports,
        )

    def imports(self, place: TreePath) -> frozenset[str]:
        known = self._imports.get(place)
        if known is None:
            node = self._nodes[place]
            with node.root.reading(node.path) as read:
                try:
                    known = imported(node.elf, read)
                except FormatError:
                    known = frozenset()  # a damaged symbol table: the loader may never look at it
            self._imports[place] = known
        return known

    def user(self, symbols: frozenset[str], *, programs_only: bool = False) -> User | None:
        """The first program, or library of its own, that calls one of these functions because it uses it.

        What libraries of others could call, it seldom makes them.
        """
        for place, node in self._nodes.items():
            name = paths.name(place)
            is_own = (node.elf.soname or "").startswith(self._own_libraries) and not programs_only
            if place not in self._programs and not is_own:
                continue
            if is_runtime(node.elf.soname or name) or is_runtime(name):
                continue
            called = sorted(self.imports(place) & symbols)
            if called:
                return User(place, self.path(place), called[0])
        return None

    def path(self, place: TreePath) -> str:
        """The path by which an object was found, on one line."""
        return shown(self._nodes[place].path)

    @property
    def is_glibc(self) -> bool:
        return any(node.elf.soname in glibc.SONAMES for node in self._nodes.values())


def _note(text: str, hint: str) -> Finding:
    return Finding("note", text, hint)


def _accounts(closure: _Closure) -> Iterator[Finding]:
    container = closure.container
    if container.entry("/etc/passwd") is None:
        if (container.config.user or "0")[:1].isdigit() and (user := closure.user(_ACCOUNTS)):
            text = f"{user.path} calls {user.function}, and the image has no /etc/passwd"
            yield _note(text, "accounts: {} writes one with root, users: adds others")
    elif user := closure.user(_OWN_NAME, programs_only=True):
        text = f"{user.path} asks for the name of its user, and /etc/passwd has none for {container.who.uid}"
        yield _note(text, "add it with accounts: users:")


def _shell(closure: _Closure) -> Iterator[Finding]:
    if user := closure.user(_SHELL):
        text = f"{user.path} calls {user.function}, which runs /bin/sh, and that is not in the image"
        yield _note(text, "add a shell under rootfs:, such as busybox or dash, unless that use of it is never made")


def _temporary(closure: _Closure) -> Iterator[Finding]:
    container = closure.container
    user = closure.user(_TEMPORARY)
    if user is None or not rodata.texts(closure.scene, user.place, _TMP):
        return
    fault = "the image has none" if container.entry("/tmp") is None else f"{container.user} may not write to it"
    yield _note(
        f"{user.path} calls {user.function} and names /tmp, and {fault}",
        "bring a folder /tmp with the mode 1777, as by an overlay with modes:",
    )


def _certificates(closure: _Closure) -> Iterator[Finding]:
    """Clients alone count: a server that could connect to others too seldom does."""
    client = closure.user(_TRUST, programs_only=True)
    found = [client.place] if client and not closure.imports(client.place) & _SERVES else []
    found += [place for place, elf in closure.scene.objects.items() if (elf.soname or "").startswith("libcurl")]
    found += [place for place in closure.scene.objects if _is_go_with_tls(closure, place)]
    if found:
        yield _note(
            f"{closure.path(found[0])} trusts the system's certificates in TLS connections, and the image has none",
            "add ca-certificates under rootfs:, or the file /etc/ssl/certs/ca-certificates.crt",
        )


def _is_go_with_tls(closure: _Closure, place: TreePath) -> bool:
    return closure.scene.objects[place].is_static and bool(rodata.texts(closure.scene, place, _GO_TLS))


def _locale(closure: _Closure) -> Iterator[Finding]:
    env = closure.container.config.env
    key = next((name for name in ("LC_ALL", "LC_CTYPE", "LANG") if env.get(name)), None)
    if key is None or env[key] in ("C", "POSIX") or not closure.is_glibc:
        return
    folder = next((libc.locales for libc in glibc.found_in(closure.scene)), "/usr/lib/locale")
    folder = env.get("LOCPATH") or folder
    if _has_locale(closure.container, folder, env[key]):
        return
    for place in closure.scene.objects:
        if not glibc.is_part(closure.scene.objects[place].soname) and closure.imports(place) & _LOCALES:
            text = f"image.env: {key} is {env[key]!r}, and the image has no such locale in {folder}"
            hint = "add the locale (package libc-bin for C.UTF-8, locales-all for others), or take the variable out"
            yield _note(f"{text}, which {closure.path(place)} asks for", hint)
            return


def _has_locale(container: Container, folder: str, locale: str) -> bool:
    own = _plain(locale)
    if any(_plain(name) == own for name in views.names(container.tree, folder)):
        return True
    archive = f"{folder}/locale-archive"
    entry = container.entry(archive)
    if not isinstance(entry, File) or entry.content.size > _MAX_ARCHIVE:
        return False
    from fromscratch.formats.glibc import locale_archive

    with container.root.reading(archive) as read:
        try:
            return any(_plain(name) == own for name in locale_archive.names(read))
        except FormatError:
            return False


def _plain(locale: str) -> str:
    """A locale's name with its codeset as GLIBC compares it: C.UTF-8 is C.utf8."""
    name, dot, codeset = locale.partition(".")
    return f"{name}{dot}{''.join(char for char in codeset if char.isalnum() or char == '@').lower()}"


def _time_zone(closure: _Closure) -> Iterator[Finding]:
    container = closure.container
    zone = container.config.env.get("TZ", "").lstrip(":")
    if not zone or zone in ("UTC", "GMT", "UTC0") or any(char.isdigit() or char in "<>,+" for char in zone):
        return
    folder = next((libc.zones for libc in glibc.found_in(closure.scene)), "/usr/share/zoneinfo")
    path = zone if zone.startswith("/") else f"{folder}/{zone}"
    if isinstance(container.entry(path), File):
        return
    for place in closure.scene.objects:
        if not glibc.is_part(closure.scene.objects[place].soname) and closure.imports(place) & _TIMED:
            text = (
                f"image.env: TZ is {zone!r}, and the image has no {shown(path)}: {closure.path(place)} uses UTC instead"
            )
            yield _note(text, "add tzdata under rootfs:, or take the variable out")
            return


def _name_services(closure: _Closure) -> Iterator[Finding]:
    """GLIBC before 2.34 loads its modules for name services at run time."""
    libc = next(iter(glibc.found_in(closure.scene)), None)
    if libc is None or not 0 < libc.version < _FIRST_WITH_BUILT_IN:
        return
    for module, functions in _MODULES.items():
        name = f"libnss_{module}.so.2"
        if isinstance(closure.container.entry(f"{paths.parent(libc.place)}/{name}"), File):
            continue
        if user := closure.user(functions):
            text = (
                f"{user.path} calls {user.function}, for which GLIBC 2.{libc.version} loads {name}: the image has none"
            )
            yield _note(text, f"add {name} under rootfs:, of the same GLIBC")


_NOTES: dict[Lack, Callable[[_Closure], Iterator[Finding]]] = {
    "account": _accounts,
    "shell": _shell,
    "temporary folder": _temporary,
    "certificates": _certificates,
    "locale": _locale,
    "time zone": _time_zone,
    "name services": _name_services,
}
