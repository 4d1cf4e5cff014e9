"""The commands that an engine starts in a container: that of the image, and its health check."""

from collections.abc import Iterator, Sequence

from fromscratch.checks.start import suggestions
from fromscratch.checks.start.container import Container
from fromscratch.checks.start.execution import Program, Run, executed, found_in_path
from fromscratch.checks.start.finding import Finding
from fromscratch.checks.start.shell import shell_commands
from fromscratch.model.entry import File
from fromscratch.model.image import RunConfig
from fromscratch.paths import encode, is_within, shown, tree_path

_MAX_APPLETS = 16 << 20


def command(container: Container) -> Iterator[Finding | Program]:
    """What is wrong with Entrypoint and Cmd, as engines put them together, and the programs that they start."""
    config = container.config
    words = [*config.entrypoint, *config.cmd]
    if not words and config == RunConfig():
        return  # nothing is said of how it runs: a root for others, such as a base
    if not words:
        yield Finding(
            "note",
            "the image names no command: whoever starts a container of it has to",
            "write one under image: cmd:, unless the image is a base of others",
        )
        return
    yield from words_started(container, words, "image.entrypoint" if config.entrypoint else "image.cmd")


def health_check(container: Container) -> Iterator[Finding | Program]:
    """The same of the health check: a container in which it cannot start is never healthy."""
    check = container.config.healthcheck
    match check.test if check is not None else ():
        case ("CMD", *words) if words:
            yield from words_started(container, words, "image.healthcheck")
        case ("CMD-SHELL", text):
            shell = container.config.shell or ("/bin/sh", "-c")
            yield from words_started(container, [*shell, text], "image.healthcheck")


def words_started(container: Container, words: Sequence[str], label: str) -> Iterator[Finding | Program]:
    """What is wrong with starting these words, the first of which is a program."""
    word = words[0]
    if not word or any("\0" in each for each in words):
        what = "a word of it holds a NUL byte" if word else "its first word is empty"
        yield Finding("error", f"{label}: {what}", "name a program, such as /bin/sh")
        return
    path = container.absolute(word) if "/" in word else found_in_path(container, word)
    run = Run(label, "error")
    hint = suggestions.for_writing(word)
    if hint and (path is None or container.absence(path)):
        yield Finding("error", f"{label}: there is no program {word!r}", hint)
        return
    if path is None:
        folder = next(
            (
                f"{each}/{word}"
                for each in container.path.split(":")
                if container.tree.find(f"{each}/{word}", follow_last=False)
            ),
            None,
        )
        if folder is not None and not isinstance(container.entry(folder), File):
            yield from executed(container, folder, run)  # a dangling symlink, or a directory of that name
            return
        text = f"{label}: there is no program {word!r} in PATH ({container.path})"
        yield Finding("error", text, suggestions.for_missing_program(container, word, ""))
        return
    outcome = [*executed(container, path, run)]
    if any(isinstance(each, Finding) for each in outcome) and _comes_at_run_time(container, path):
        for each in outcome:
            if isinstance(each, Finding):
                yield Finding("note", f"{each.text}; {_VOLUME}", each.hint)
        return
    yield from outcome
    if not any(isinstance(each, Finding) for each in outcome):
        yield from _applet(container, path, run)
        yield from shell_commands(container, path, words, label)


_VOLUME = "it lies in a volume, so it may come with that"


def _comes_at_run_time(container: Container, path: str) -> bool:
    """Whether a path lies in a volume, which a user may fill with something else."""
    if ".." in path.split("/"):
        return False
    return any(
        is_within(tree_path(path), tree_path(volume)) for volume in container.config.volumes if ".." not in volume
    )


def _applet(container: Container, path: str, run: Run) -> Iterator[Finding]:
    """What is wrong with a name of busybox that it does not know: its table of names is in its data."""
    name = path.rpartition("/")[2]
    real = container.inode_path(path).rpartition("/")[2]
    entry = container.entry(path)
    if not real.startswith("busybox") or name.startswith("busybox") or not isinstance(entry, File):
        return
    if entry.content.size > _MAX_APPLETS:
        return
    with container.root.reading(path) as read:
        data = read(0, _MAX_APPLETS)
    has_table = b"\0ls\0" in data or b"\0sh\0" in data
    if has_table and b"\0" + encode(name) + b"\0" not in data:
        text = f"{run.label}: {shown(path)} is busybox, which has no applet {name!r}"
        yield Finding(run.level, text, "name one that it has, or add the program itself under rootfs:")
