"""What a container needs by the configuration of its image, and the folders that are mounted or written to."""

import shlex
from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.errors import UsageError
from fromscratch.formats.glibc.passwd import identity
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File, Origin
from fromscratch.model.image import DEFAULT_PATH, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.slimming.retained import SLIM, Retained

_SHELL = ("/bin/sh", "-c")

# Mounted over by engines, or written to by any program; engines also look up users and homes.
_FOLDERS = (
    "/proc",
    "/sys",
    "/dev",
    "/tmp",
    "/var/tmp",
    "/run",
    "/run/lock",
    "/var/run",
    "/var/lock",
    "/var/log",
    "/root",
)
_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/etc/passwd", "/etc/group")
# Programs and scanners ask for the distribution and its release.
_RELEASE = ("/etc/os-release", "/etc/debian_version", "/etc/alpine-release", "/etc/redhat-release")
# The folders that a merged /usr has as symlinks.
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libo32")


def search_path(config: RunConfig) -> list[str]:
    """The folders of the image's PATH, or those that engines set where it has none."""
    return [folder for folder in config.env.get("PATH", DEFAULT_PATH).split(":") if folder]


def add_configured(retained: Retained, config: RunConfig) -> None:
    """Keep the programs that the configuration starts, its user, volumes and working directory."""
    for words, where in _commands(config):
        origin = _configuration(where)
        for path in _programs(retained.tree, config, words):
            retained.follow(path, origin)
    for library in config.env.get("LD_PRELOAD", "").replace(":", " ").split():
        if library.startswith("/"):
            retained.follow(library, _configuration("LD_PRELOAD"))
    for volume in config.volumes:
        retained.follow(volume, _configuration("a volume"))
    if config.working_dir:
        retained.follow(config.working_dir, _configuration("the working directory"))
    retained.follow(_home(retained.tree, config.user), _configuration("the home of its user"))


def add_mount_points(retained: Retained) -> None:
    """Keep the folders and files that engines mount, and the links of a merged /usr, as far as the tree has them."""
    for path in (*_FOLDERS, *_FILES):
        retained.follow(path, Origin(SLIM, "asked for", "every image: it is mounted, looked up or written to"))
    for path in _RELEASE:
        retained.follow(path, Origin(SLIM, "asked for", "every image: it says which distribution this is"))
    for link in _MERGED:
        retained.follow(link, Origin(SLIM, "asked for", "every image: the folders of a merged /usr"))


def _configuration(where: str) -> Origin:
    return Origin(SLIM, "asked for", f"the configuration of the image: {where}")


def _home(tree: Rootfs, user: str) -> str:
    try:
        return identity(tree, user).home
    except UsageError:  # a user that the image does not have either
        return "/"


def _commands(config: RunConfig) -> Iterator[tuple[Sequence[str], str]]:
    """The words that are started, and what of the configuration has them."""
    yield config.entrypoint, "the entry point"
    yield config.cmd, "the command"
    match config.healthcheck.test if config.healthcheck else ():
        case ("CMD", *words):
            yield words, "the health check"
        case ("CMD-SHELL", text, *_):
            shell = config.shell or _SHELL
            yield (*shell, text), "the health check"


def _programs(tree: Rootfs, config: RunConfig, words: Sequence[str]) -> Iterator[str]:
    """The programs and files that words of a command name: by their path, or the first word by PATH.

    What stands behind `-c`, as in sh -c TEXT, is read as words too, any of which may name a program.
    """
    for number, word in enumerate(words):
        yield from _file(tree, config, word, search=number == 0)
        if number and words[number - 1] == "-c":
            for inner in _words(word):
                yield from _file(tree, config, inner, search=True)


def _file(tree: Rootfs, config: RunConfig, word: str, *, search: bool) -> Iterator[str]:
    if "/" in word:
        path = word if word.startswith("/") else f"{config.working_dir or '/'}/{word}"
        entry = views.look(tree, path)
        if isinstance(entry, File | Directory) and views.place(tree, path) != paths.ROOT:
            yield path
    elif search and word:
        for folder in search_path(config):
            entry = views.look(tree, f"{folder}/{word}")
            if isinstance(entry, File) and entry.meta.mode & 0o111:
                yield f"{folder}/{word}"
                return


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # the shell will refuse it, or reads it otherwise
        return text.split()
