"""The start check over one finished tree: every error and note, in the order in which an engine would meet them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from fromscratch.checks.start.accounts import identity_of
from fromscratch.checks.start.command import command, health_check
from fromscratch.checks.start.container import Container
from fromscratch.checks.start.execution import Program
from fromscratch.checks.start.finding import Finding
from fromscratch.checks.start.folders import folders
from fromscratch.checks.start.linking import Linking
from fromscratch.checks.start.needs import needs
from fromscratch.formats.elf.headers import ET_DYN, ET_EXEC, Elf
from fromscratch.formats.elf.platform import architecture_of
from fromscratch.model.entry import File, HardLink
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_REQUESTED = "asked for"


def start_check(
    tree: Rootfs,
    config: RunConfig,
    platform: Platform,
    *,
    removed: Mapping[TreePath, str] | None = None,
    library_path: Sequence[str] = (),
    may_lack: Callable[[str], bool] = lambda library: False,
) -> list[Finding]:
    """What keeps a container of this tree from starting or working. Nothing is executed, and only the closure is read.

    `removed` has what was trimmed, by which rule. `library_path` and `may_lack` are for programs that the recipe names
    and that are not its command: folders that they are started with, and libraries that they may lack.
    """
    who, findings = identity_of(tree, config.user)
    container = Container(tree, config, platform, who, removed or {}, library_path, may_lack)
    findings += folders(container)
    linking = Linking(container)
    findings += _linked(linking, command(container))
    findings += _linked(linking, health_check(container))
    findings += needs(container, linking)
    findings += _requested(container, linking)
    return list(dict.fromkeys(findings))


def _linked(linking: Linking, outcome: Iterator[Finding | Program]) -> Iterator[Finding]:
    for each in outcome:
        if isinstance(each, Finding):
            yield each
        else:
            yield from linking.check(each)


def _requested(container: Container, linking: Linking) -> Iterator[Finding]:
    """The programs and libraries that an item of the recipe names, as far as their own loader goes."""
    for path, entry in container.tree.items():
        if not isinstance(entry, File | HardLink) or not entry.origins or entry.origins[0].reason != _REQUESTED:
            continue
        file = container.root.file(path)
        if file is not None and file.elf is not None and _is_loaded(file.elf, container.platform):
            yield from linking.check(Program(path, "", "error"), as_requested=True)


def _is_loaded(elf: Elf, platform: Platform) -> bool:
    """Whether a loader of this platform would take the file; others are data to it."""
    found = architecture_of(elf)
    return elf.type in (ET_DYN, ET_EXEC) and found is not None and found[0] == platform.architecture
