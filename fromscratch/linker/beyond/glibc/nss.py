"""Finder of name services, by which glibc looks up users, groups and hosts (its manual, "Name Service Switch").

/etc/nsswitch.conf names the modules. Without one, glibc before 2.34 would look for users through NIS
and for hosts in the DNS before the file; so an image that uses any of this gets one.
"""

from collections.abc import Iterator, Sequence

from fromscratch.formats.glibc import nsswitch
from fromscratch.linker.beyond.contract import Finding, GeneratedFile, NeededFile, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.glibc.library import Glibc
from fromscratch.model import view as views
from fromscratch.paths import TreePath

KIND = "nss"
CONFIGURATION = TreePath("/etc/nsswitch.conf")

_FUNCTIONS = {
    "passwd": "getpwnam getpwnam_r getpwuid getpwuid_r getpwent getpwent_r setpwent getpw wordexp",
    "group": "getgrnam getgrnam_r getgrgid getgrgid_r getgrent getgrent_r setgrent initgroups getgrouplist",
    "shadow": "getspnam getspnam_r getspent getspent_r setspent",
    "gshadow": "getsgnam getsgnam_r getsgent getsgent_r setsgent",
    "initgroups": "initgroups getgrouplist",
    "hosts": "getaddrinfo getaddrinfo_a getnameinfo gethostbyname gethostbyname_r gethostbyname2 gethostbyname2_r"
    " gethostbyaddr gethostbyaddr_r gethostent gethostent_r sethostent",
    "networks": "getnetbyname getnetbyname_r getnetbyaddr getnetbyaddr_r getnetent getnetent_r setnetent",
    "services": "getaddrinfo getaddrinfo_a getnameinfo getservbyname getservbyname_r getservbyport getservbyport_r"
    " getservent getservent_r setservent",
    "protocols": "getprotobyname getprotobyname_r getprotobynumber getprotobynumber_r getprotoent getprotoent_r"
    " setprotoent",
    "rpc": "getrpcbyname getrpcbyname_r getrpcbynumber getrpcbynumber_r getrpcent getrpcent_r setrpcent",
    "ethers": "ether_ntohost ether_hostton",
    "netgroup": "setnetgrent getnetgrent getnetgrent_r innetgr",
    "aliases": "getaliasbyname getaliasbyname_r getaliasent getaliasent_r setaliasent",
    "publickey": "getpublickey getsecretkey",
}
_TABLES = {
    "/etc/services": _FUNCTIONS["services"].replace("getaddrinfo getaddrinfo_a getnameinfo ", ""),
    "/etc/protocols": _FUNCTIONS["protocols"],
    "/etc/rpc": _FUNCTIONS["rpc"],
    "/etc/ethers": _FUNCTIONS["ethers"],
    "/etc/netgroup": _FUNCTIONS["netgroup"],
    "/etc/aliases": _FUNCTIONS["aliases"],
}
_WRITTEN = ("passwd", "group", "shadow", "gshadow", "hosts", "networks", "services", "protocols", "ethers", "rpc")
_ACCOUNTS = frozenset({"passwd", "group", "shadow", "gshadow"})
_HOSTS_ONLY = frozenset({"dns", "resolve", "myhostname", "mymachines", "wins", "libvirt", "libvirt_guest"})
_BUILT_IN = frozenset({"files", "dns"})  # of libc itself, since 2.34


def find(
    scene: Scene,
    *,
    configuration: str = "made",
    modules: Sequence[str] = ("files", "dns"),
    tables: bool = True,
) -> Iterator[Finding]:
    """`configuration` is "made" for a small one of our own with these `modules`, or "tree" for that of the root.

    One that the image has already holds before both. `tables` are /etc/services and its kind, for programs that
    ask for them by their own functions.
    """
    libraries = glibc.found_in(scene)
    used = _used(scene) if libraries else {}
    if not used:
        return
    user = next(iter(used.values()))
    there = views.place(scene.view, CONFIGURATION)
    holds = there is not None and (configuration == "tree" or scene.has(CONFIGURATION))
    if holds:
        detail = f"{libraries[0].place} (for {user})"
        yield NeededFile(CONFIGURATION, libraries[0].place, detail, KIND, "certain", optional=True)
        services = nsswitch.services(scene.read(CONFIGURATION) or b"")
    else:
        services = _configured(modules)
        yield GeneratedFile(CONFIGURATION, nsswitch.text(services), f"for {user}, which asks for names", KIND)
    for libc in libraries:
        yield from _modules(libc, services, used, generated=not holds)
    if tables:
        yield from _files(scene)


def _used(scene: Scene) -> dict[str, TreePath]:
    """The databases that objects ask for, each with the first object that does."""
    found: dict[str, TreePath] = {}
    for database, functions in _FUNCTIONS.items():
        for user in glibc.users(scene, *functions.split()):
            found.setdefault(database, user)
    return found


def _configured(modules: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """These modules for every database that each can answer for."""
    chosen = tuple(dict.fromkeys(modules)) or ("files",)
    by_host = {name for name in chosen if name in _HOSTS_ONLY or name.startswith("mdns")}
    plain = tuple(name for name in chosen if name == "files") or ("files",)
    accounts = tuple(name for name in chosen if name not in by_host)
    hosts = tuple(name for name in chosen if name in by_host or name == "files")
    return {
        database: (accounts or plain) if database in _ACCOUNTS else (hosts or plain) if database == "hosts" else plain
        for database in _WRITTEN
    }


def _modules(
    libc: Glibc, services: dict[str, tuple[str, ...]], used: dict[str, TreePath], *, generated: bool
) -> Iterator[Finding]:
    """glibc opens libnss_NAME.so.2 when a database is first asked for, and passes over one that is not there."""
    databases: dict[str, str] = {}
    for database in used:
        for name in services.get(database, ()):
            databases.setdefault(name, database)
    for name, database in databases.items():
        if "/" in name or (name in _BUILT_IN and libc.version >= 34):
            continue
        module = f"libnss_{name}.so.2"
        detail = f"{libc.place} ({CONFIGURATION} names {name} for {database}, which {used[database]} asks for)"
        yield NeededFile(module, libc.place, detail, KIND, "declared", library=True, optional=not generated)


def _files(scene: Scene) -> Iterator[Finding]:
    for path, functions in _TABLES.items():
        for user in glibc.users(scene, *functions.split()):
            called = sorted(scene.imports(user).intersection(functions.split()))[0]
            yield NeededFile(path, user, f"{user} (calls {called})", KIND, "likely", optional=True)
            break
