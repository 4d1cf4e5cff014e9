"""Finder of /bin/sh for programs that run shell commands: by system(3) and popen(3), or by starting a shell themselves.

Which commands these are is not looked into. A requested program is taken at its word; runtimes of languages call such
functions for the programs that they run, and libraries of others for uses that are seldom made: for these a shell is
offered.
"""

from collections.abc import Iterator
from typing import Literal

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import Confidence, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.runtimes import is_runtime
from fromscratch.model import view as views
from fromscratch.paths import TreePath

KIND = "shell"
SHELL = "/bin/sh"  # _PATH_BSHELL of GLIBC and musl, whatever SHELL says

# The functions that start a program: by a shell, by its path, by its name.
_BY_SHELL = ("system", "popen")
BY_PATH = ("execl", "execle", "execv", "execve", "posix_spawn")
BY_NAME = ("execlp", "execvp", "execvpe", "posix_spawnp")
_SHELL_NAME = lazy_regex(rb"\0(/bin/sh|sh)(?=\0)")
_LARGE = 2 << 20
_IN_SOURCES = lazy_regex(
    rb"\bos\.(system|popen)\s*\(|\bshell\s*=\s*True\b|\bget(status)?output\s*\(|\bchild_process\b|\b(shell_exec|passthru"
    rb"|proc_open)\s*\(|\b(os\.execute|io\.popen)\s*\(|\bqx[{(/|!]|%x[{(\[]|\bsystem\s*[(\"']|\|\s*getline\b"
)
"""How programs in these languages have a shell run something."""


def find(scene: Scene, *, shell: Literal["auto", "always", "none"] = "auto") -> Iterator[Finding]:
    """/bin/sh where a program most likely runs it; with "always" where one might, and none with "none"."""
    if shell == "none" or views.place(scene.view, SHELL) is None:
        return
    users = dict(_users(scene))
    needs = next((place for place in users if shell == "always" or _is_needed(scene, place)), None)
    if needs is not None and (shell == "always" or scene.size(SHELL) <= _LARGE):
        detail = f"{needs} ({users[needs]})"
        yield NeededFile(SHELL, needs, detail, KIND, "likely", optional=True)
    elif shell == "always":
        by = next(iter((*scene.requested, *scene.objects)), paths.ROOT)
        yield NeededFile(SHELL, by, f"{by} (a shell in any case)", KIND, "possible", optional=True)
    elif users and not scene.has(SHELL):
        place, how = next(iter(users.items()))
        what = f"{SHELL}, which {place} may run ({how})"
        confidence: Confidence = "likely" if needs is not None else "possible"
        yield Offer(what, Setting(KIND, "always"), KIND, scene.size(SHELL), confidence)


def _users(scene: Scene) -> Iterator[tuple[TreePath, str]]:
    """The objects that can run a shell, each with how it does, those that were requested first."""
    order = [place for place in scene.requested if place in scene.objects]
    for place in dict.fromkeys((*order, *scene.objects)):
        if place not in scene.speculative and (how := _way(scene, place)):
            yield place, how


def _way(scene: Scene, place: TreePath) -> str:
    """How an object runs a shell; empty for one that does not."""
    imports = scene.imports(place)
    called = next((name for name in _BY_SHELL if name in imports), None)
    if called is not None:
        return f"calls {called}"
    by_name = next((name for name in BY_NAME if name in imports), None)
    called = by_name or next((name for name in BY_PATH if name in imports), None)
    if called is None or _is_shell(scene, place):
        return ""
    names = rodata.texts(scene, place, _SHELL_NAME)
    if SHELL in names:
        return f"calls {called} and names {SHELL}"
    return f"calls {by_name} and names sh" if by_name and "sh" in names else ""


def _is_shell(scene: Scene, place: TreePath) -> bool:
    return views.place(scene.view, SHELL) == place


def _is_needed(scene: Scene, place: TreePath) -> bool:
    """Whether an object runs shells because it uses them: a requested program, or a library that bears its name."""
    elf = scene.objects[place]
    name = elf.soname or paths.name(place)
    if is_runtime(name):
        return any(_IN_SOURCES.search(scene.read(each) or b"") for each in scene.requested if each in scene.files)
    if place in scene.requested:
        return True
    return any(name.startswith(f"lib{paths.name(each)}.") for each in scene.requested)
