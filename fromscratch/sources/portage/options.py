"""What a recipe may say under `portage:`."""

from collections.abc import Iterable, Mapping, Sequence
from re import Pattern
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from fromscratch.address import Address
from fromscratch.lazy_regex import lazy_regex

GENTOO = "https://github.com/gentoo-mirror/gentoo.git"

# Package Manager Specification 3.1: names of categories, packages, slots, USE flags and repositories.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9+_.-]*"
_ATOM = lazy_regex(
    rf"(?:[<>]?=|[<>~])?(?:{_NAME}/|\*/)?(?:[A-Za-z0-9_][A-Za-z0-9+_.-]*\*?|\*)"
    rf"(?::{_NAME}(?:/{_NAME})?)?(?:\[[A-Za-z0-9+_@,!?=()-]+\])?(?:::{_NAME})?"
)
_SET = lazy_regex(r"@[A-Za-z0-9_-]+")
_FLAG = lazy_regex(r"-?(?:\*|[A-Za-z0-9][A-Za-z0-9+_@-]*)")
_KEYWORD = lazy_regex(r"\*\*|-?~?(?:\*|[A-Za-z0-9_][A-Za-z0-9_-]*)")
_LICENCE = lazy_regex(r"-?(?:\*|@?[A-Za-z0-9_][A-Za-z0-9+_.-]*)")
_REPOSITORY = lazy_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_VERSION = lazy_regex(rf"{_NAME}/{_NAME}-[0-9][A-Za-z0-9_.]*(?:-r[0-9]+)?")
_PACKAGE = lazy_regex(rf"{_NAME}/{_NAME}")
_VARIABLE = lazy_regex(r"[A-Z][A-Z0-9_]*")
_SCP = lazy_regex(r"[^/@:]+@[^/:]+:.*")
_COMMIT = lazy_regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PROFILE = lazy_regex(r"(?:[A-Za-z0-9_-]+:)?[A-Za-z0-9_][A-Za-z0-9+_./-]*")
# What the generated configuration decides, so that what is built stays apart from this machine.
RESERVED = frozenset(
    {
        *("ROOT", "SYSROOT", "EPREFIX", "PORTAGE_CONFIGROOT", "PORTAGE_TMPDIR", "DISTDIR", "PKGDIR", "PORTAGE_LOGDIR"),
        *("PORTAGE_REPOSITORIES", "PORTAGE_USERNAME", "PORTAGE_GRPNAME", "PORTAGE_INST_UID", "PORTAGE_INST_GID"),
        *("USE", "FEATURES", "MAKEOPTS", "EMERGE_DEFAULT_OPTS", "ACCEPT_KEYWORDS", "ACCEPT_LICENSE", "GENTOO_MIRRORS"),
    }
)

Extra = Literal["headers", "static-libraries", "docs"]
Words = str | list[str]


class EbuildRepository(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository of ebuilds: at a git or rsync address, or in a folder of this machine."""

    git: Annotated[str, Meta(description="the address of a git repository; only its newest commit is fetched")] = ""
    rsync: Annotated[str, Meta(description="the address of an rsync module, such as rsync://HOST/gentoo-portage")] = ""
    path: Annotated[str, Meta(description="a folder of this machine, relative to the recipe")] = ""
    name: Annotated[str, Meta(description="its name, if profiles/repo_name in it is to be checked against that")] = ""
    branch: Annotated[str, Meta(description="the branch or tag of git to take; the default one when left out")] = ""
    commit: Annotated[str, Meta(description="the commit of git to take, which never changes; by its full name")] = ""
    certificate: Annotated[
        str, Meta(description="a file with certificates (PEM) that may vouch for the server, relative to the recipe")
    ] = ""
    priority: Annotated[
        int | None, Meta(description="which repository a package is taken from if several have the same version")
    ] = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.git, self.rsync, self.path))) != 1:
            raise ValueError("repositories: say one of git:, rsync: and path: for each")
        if self.rsync and not self.rsync.startswith(("rsync://", "ssh://")):
            raise ValueError(f"rsync: {str(Address(self.rsync))!r} is not an address; write it as rsync://HOST/MODULE")
        if (self.branch or self.commit or self.certificate) and not self.git:
            raise ValueError("branch:, commit: and certificate: are for a repository in git")
        if self.branch and self.commit:
            raise ValueError("say either branch: or commit:")
        if self.commit and not _COMMIT.fullmatch(self.commit):
            raise ValueError(f"commit: {self.commit!r} is not the full name of a commit, which has 40 digits")
        if self.branch.startswith("-"):
            raise ValueError(f"branch: {self.branch!r} is not a name")
        _each("name", [self.name] if self.name else [], _REPOSITORY, "the name of a repository, such as gentoo")

    @property
    def address(self) -> str:
        """Where it is, as the recipe says it."""
        return self.git or self.rsync or self.path


class PortageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages that Portage builds from ebuilds, with what they need at run time."""

    packages: Annotated[
        str | list[str], Meta(description="what to install, such as app-misc/jq, =app-arch/lz4-1.10.0 or a set, @NAME")
    ]
    repositories: Annotated[
        list[str | EbuildRepository],
        Meta(description="repositories of ebuilds, the main one first: addresses of git or rsync, or folders"),
    ] = field(default_factory=lambda: [GENTOO])
    container: Annotated[
        str, Meta(description="an image with Portage and a compiler to build with, in the place of this machine's own")
    ] = ""
    sync_hours: Annotated[
        int, Meta(description="how many hours to wait before repositories are asked again; 0: at each fetch", ge=0)
    ] = 24
    profile: Annotated[
        str, Meta(description="such as default/linux/amd64/23.0; the main repository's first stable one if left out")
    ] = ""
    use: Annotated[Words, Meta(description="USE flags for all packages, with - before one that is off")] = []
    package_use: Annotated[dict[str, Words], Meta(description="USE flags for some packages, by atom")] = {}
    accept_keywords: Annotated[Words, Meta(description="keywords to accept beside the profile's, such as ~amd64")] = []
    package_accept_keywords: Annotated[dict[str, Words], Meta(description="keywords for some packages, by atom")] = {}
    package_mask: Annotated[list[str], Meta(description="packages that are not taken, by atom")] = []
    package_unmask: Annotated[list[str], Meta(description="packages to take although the profile masks them")] = []
    accept_license: Annotated[Words, Meta(description="licences to accept beside the profile's; * for all")] = []
    package_license: Annotated[dict[str, Words], Meta(description="licences for some packages, by atom")] = {}
    package_env: Annotated[
        dict[str, dict[str, str]], Meta(description="variables for the build of some packages, by atom")
    ] = {}
    make_conf: Annotated[dict[str, str], Meta(description="further variables of make.conf, such as CFLAGS")] = {}
    mirrors: Annotated[
        Words,
        Meta(description="mirrors of source archives (GENTOO_MIRRORS): addresses or folders; Gentoo's if left out"),
    ] = []
    binhosts: Annotated[
        list[str], Meta(description="addresses of binary packages, with an index Packages, to take where they fit")
    ] = []
    provided: Annotated[
        list[str], Meta(description="packages with versions that count as installed, such as sys-apps/file-5.45")
    ] = []
    tools: Annotated[
        list[str], Meta(description="packages that builds run and this machine has, such as dev-util/re2c")
    ] = []
    older: Annotated[
        bool, Meta(description="take a commit that is older than the one that was fetched before from there")
    ] = False
    threads: Annotated[int, Meta(description="compilers that run at a time for one package; 0: as called", ge=0)] = 0
    jobs: Annotated[int, Meta(description="packages that are built at a time; 0: as called", ge=0)] = 0
    keep: Annotated[
        list[Extra], Meta(description="what is for building or reading and is left out otherwise, such as headers")
    ] = []
    merged_usr: Annotated[
        bool, Meta(description="make /bin, /sbin and /lib* links into /usr, unless the profile is one with split-usr")
    ] = True
    records: Annotated[bool, Meta(description="keep package records in /var/db/pkg for scanners")] = False

    def __post_init__(self) -> None:
        if not self.atoms:
            raise ValueError("packages: name at least one")
        if not self.repositories:
            raise ValueError("repositories: name at least one, the main one first")
        for atom in self.atoms:
            if not _SET.fullmatch(atom):
                _check_atoms("packages", [atom])
        for name, atoms in self._by_atom().items():
            _check_atoms(name, atoms)
        self._check_words()
        for each in self.repositories:
            if isinstance(each, str):
                repository(each)
        for values in (self.make_conf, *self.package_env.values()):
            _check_variables(values)
        _each("provided", self.provided, _VERSION, "a package with its version, such as sys-apps/file-5.45")
        for address in self.binhosts:
            if not address.startswith(("https://", "http://", "file://")):
                raise ValueError(f"binhosts: {str(Address(address))!r} is not an address; write https://HOST/FOLDER")
        _each("tools", self.tools, _PACKAGE, "a package, such as dev-util/re2c")
        if ".." in self.profile.split("/"):
            raise ValueError(f"profile: {self.profile!r} leads out of profiles/")
        _each("profile", [self.profile] if self.profile else [], _PROFILE, "a path below profiles/ of a repository")

    def _by_atom(self) -> dict[str, Iterable[str]]:
        return {
            "package_use": self.package_use,
            "package_accept_keywords": self.package_accept_keywords,
            "package_license": self.package_license,
            "package_env": self.package_env,
            "package_mask": self.package_mask,
            "package_unmask": self.package_unmask,
        }

    def _check_words(self) -> None:
        def check(name: str, everywhere: Words, some: Mapping[str, Words], form: Pattern[str], what: str) -> None:
            _each(name, words(everywhere), form, what)
            for values in some.values():
                _each(f"package_{name}", words(values), form, what)

        check("use", self.use, self.package_use, _FLAG, "a USE flag, such as ssl or -ssl")
        check(
            "accept_keywords", self.accept_keywords, self.package_accept_keywords, _KEYWORD, "a keyword, such as ~amd64"
        )
        check("license", self.accept_license, self.package_license, _LICENCE, "a licence or @GROUP of them, or *")

    @property
    def atoms(self) -> list[str]:
        """What was asked for."""
        return words(self.packages)

    @property
    def resolved_repositories(self) -> list[EbuildRepository]:
        """The repositories in full."""
        return [repository(each) if isinstance(each, str) else each for each in self.repositories]


def words(given: str | Sequence[str]) -> list[str]:
    """The words of an option that may be one text, with blanks in it, or a list."""
    return given.split() if isinstance(given, str) else list(given)


def repository(text: str) -> EbuildRepository:
    """The repository that a bare text means. Raises ValueError."""
    if text.startswith("rsync://"):
        return EbuildRepository(rsync=text)
    if "://" in text or _SCP.fullmatch(text):
        return EbuildRepository(git=text)
    return EbuildRepository(path=text)


def _check_atoms(name: str, atoms: Iterable[str]) -> None:
    for atom in atoms:
        if not _ATOM.fullmatch(atom):
            raise ValueError(f"{name}: {atom!r} is not an atom; write CATEGORY/PACKAGE, such as app-misc/jq")


def _each(name: str, values: Iterable[str], form: Pattern[str], what: str) -> None:
    for value in values:
        if not form.fullmatch(value):
            raise ValueError(f"{name}: {value!r} is not {what}")


def _check_variables(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not a variable of make.conf; they are in capitals, such as CFLAGS")
        if name in RESERVED:
            raise ValueError(f"{name} is decided by the other options; it cannot be a variable of make.conf here")
        if any(character in value for character in "\n\0"):
            raise ValueError(f"{name}: a value has one line")
