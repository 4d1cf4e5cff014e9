"""Portage's configuration, made of the options of a recipe: the files of /etc/portage, portage(5) and make.conf(5)."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from fromscratch.sources.portage.options import PortageOptions, words

# The private namespace that builds run in does what these do; user and network are not Portage's to change there.
FEATURES = (
    "-sandbox",
    "-usersandbox",
    "-userpriv",
    "-userfetch",
    "-usersync",
    "-network-sandbox",
    "-ipc-sandbox",
    "-pid-sandbox",
    "-mount-sandbox",
    "-news",
    "-merge-sync",
    "-merge-wait",
    "-preserve-libs",
    "-parallel-fetch",
    "-pkgdir-index-trusted",
    "-distlocks",
    "buildpkg",
    "parallel-install",
)


class PlacedRepository(Struct, frozen=True, kw_only=True):
    """A repository where Portage finds it: `name` is what its profiles/repo_name says."""

    name: str
    location: str
    priority: int | None = None


class Layout(Struct, frozen=True, kw_only=True):
    """Where Portage finds its repositories and puts things: absolute paths as its own process sees them.

    `variables` are further ones of make.conf, after all others, which they may refer to.
    """

    repositories: Sequence[PlacedRepository]
    distfiles: str
    binary_packages: str
    work: str
    logs: str
    features: Sequence[str] = FEATURES
    variables: Mapping[str, str] = {}


def target_files(options: PortageOptions, layout: Layout, *, jobs: int, provided: Sequence[str] = ()) -> dict[str, str]:
    """The files below etc/portage for the root that is filled; `provided` counts as installed in it.

    `jobs` is what `threads` and `jobs` of the options are if those say nothing.
    """
    environments = {f"env/{number}.conf": values for number, values in enumerate(options.package_env.values())}
    files = {
        "make.conf": _variables(_make_conf(options, layout, jobs)) + _variables(layout.variables),
        "repos.conf": repos_conf(layout.repositories),
        "package.use": _table(options.package_use),
        "package.accept_keywords": _table(options.package_accept_keywords),
        "package.license": _table(options.package_license),
        "package.mask": _lines(options.package_mask),
        "package.unmask": _lines(options.package_unmask),
        "package.env": _table({atom: f"{number}.conf" for number, atom in enumerate(options.package_env)}),
        "profile/package.provided": _lines(sorted({*provided, *options.provided})),
        **{name: _variables(values) for name, values in environments.items()},
    }
    return {name: text for name, text in files.items() if text}


def machine_files(layout: Layout, provided: Sequence[str]) -> dict[str, str]:
    """The files below etc/portage for this machine, whose tools the builds use: `provided` are its packages."""
    files = {
        "make.conf": _variables(_places(layout) | {"ACCEPT_KEYWORDS": "**", "ACCEPT_LICENSE": "*"}),
        "repos.conf": repos_conf(layout.repositories),
        "profile/package.provided": _lines(sorted(set(provided))),
    }
    return {name: text for name, text in files.items() if text}


def repos_conf(repositories: Sequence[PlacedRepository]) -> str:
    """repos.conf, whose first repository is the main one. Nothing is synced by Portage itself."""
    parts = [f"[DEFAULT]\nmain-repo = {repositories[0].name}\n"]
    for each in repositories:
        priority = "" if each.priority is None else f"priority = {each.priority}\n"
        parts.append(f"[{each.name}]\nlocation = {each.location}\n{priority}auto-sync = no\n")
    return "\n".join(parts)


def _make_conf(options: PortageOptions, layout: Layout, jobs: int) -> dict[str, str]:
    settings = {
        **_places(layout),
        "USE": " ".join(words(options.use)),
        # Beside what the profile says, as in make.conf itself: both variables add up.
        "ACCEPT_KEYWORDS": " ".join(words(options.accept_keywords)),
        "ACCEPT_LICENSE": " ".join(words(options.accept_license)),
        "MAKEOPTS": f"-j{options.threads or jobs}",
        "EMERGE_DEFAULT_OPTS": f"--jobs={options.jobs or jobs}",
        "GENTOO_MIRRORS": " ".join(words(options.mirrors)),
    }
    given = {name: value for name, value in settings.items() if value}
    return {**given, **options.make_conf}


def _places(layout: Layout) -> dict[str, str]:
    return {
        "DISTDIR": layout.distfiles,
        "PKGDIR": layout.binary_packages,
        "PORTAGE_TMPDIR": layout.work,
        "PORTAGE_LOGDIR": layout.logs,
        "FEATURES": " ".join(layout.features),
    }


def _variables(values: Mapping[str, str]) -> str:
    """Lines of make.conf; variables within the values are expanded there, commands are not."""
    return "".join(f'{name}="{_quoted(value)}"\n' for name, value in values.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _table(values: Mapping[str, str | list[str]]) -> str:
    return "".join(f"{atom} {' '.join(words(given))}".rstrip() + "\n" for atom, given in values.items())


def _lines(values: Iterable[str]) -> str:
    return "".join(f"{value}\n" for value in values)
