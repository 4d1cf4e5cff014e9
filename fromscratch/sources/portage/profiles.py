"""Which profile is meant: profiles/profiles.desc of a repository, Package Manager Specification 4.4.1."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from fromscratch.errors import ImageError, UsageError
from fromscratch.model.image import Platform
from fromscratch.nearest import nearest

_ARCHITECTURES = {
    "386": "x86",
    "amd64": "amd64",
    "arm": "arm",
    "arm64": "arm64",
    "loong64": "loong",
    "mips64le": "mips",
    "mipsle": "mips",
    "ppc64le": "ppc64",
    "riscv64": "riscv",
    "s390x": "s390",
}


class Profile(Struct, frozen=True):
    """A line of profiles.desc: `path` lies below profiles/."""

    architecture: str
    path: str
    status: str


def gentoo_architecture(platform: Platform) -> str:
    """Gentoo's name for an architecture, which is a keyword as well."""
    return _ARCHITECTURES[platform.architecture]


def parse(text: str) -> Iterator[Profile]:
    """The profiles that a profiles.desc lists, in its order."""
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        if len(fields) == 3:
            yield Profile(*fields)


def choose(wish: str, platform: Platform, main: str, listed: list[Profile], has: Callable[[str, str], bool]) -> str:
    """The profile as REPOSITORY:PATH. `has` says whether a repository has one; `main` is the name of the main one.

    Without a wish it is the first stable one of the platform, rather one without 32-bit libraries, which the
    compiler of a machine seldom makes. Raises UsageError, ImageError.
    """
    ours = [each for each in listed if each.architecture == gentoo_architecture(platform)]
    if wish:
        repository, _, path = wish.rpartition(":")
        if not has(repository or main, path):
            near = nearest(path, [each.path for each in ours], count=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see profiles/profiles.desc of the repository"
            raise UsageError(f"profile: {repository or main} has no profiles/{path}", hint)
        return f"{repository or main}:{path}"
    if not ours:
        known = sorted({each.architecture for each in listed})
        raise ImageError(
            f"portage: {main} has no profile for {platform} ({gentoo_architecture(platform)})",
            f"it has some for {', '.join(known)}" if known else "name one under profile:",
        )
    stable = [each for each in ours if each.status == "stable"] or ours
    plain = [each for each in stable if each.path.endswith("/no-multilib")]
    return f"{main}:{(plain or stable)[0].path}"
