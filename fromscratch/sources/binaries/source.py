"""The source itself: it collects programs and their closure, and checks that the image's loader will find it all."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec

from fromscratch.advice import Command, Setting, advice
from fromscratch.errors import Conflict, ImageError
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.platform import platform_of
from fromscratch.host.machine import lookup
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.machine.view import with_hard_links
from fromscratch.host.storage.store import Store
from fromscratch.linker.beyond.glibc.locales import UTF8
from fromscratch.linker.closure import Linker, Missing
from fromscratch.linker.gather import GatherResult, gather
from fromscratch.linker.offers import SHOWN
from fromscratch.linker.root import Root
from fromscratch.linker.tree_root import RootBeneath, TreeRoot
from fromscratch.model.content import HostFile, digest_of
from fromscratch.model.entry import Entry, File, Meta, Origin, with_meta
from fromscratch.model.resolution import locate
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Stacked
from fromscratch.paths import TreePath, matcher, shown
from fromscratch.sources.binaries.additions import Additions, additions, regular_files
from fromscratch.sources.binaries.etc import with_account, with_etc
from fromscratch.sources.binaries.finders import finders
from fromscratch.sources.binaries.loader_check import startable
from fromscratch.sources.binaries.options import BinariesOptions, label, split
from fromscratch.sources.binaries.recorded import recorded
from fromscratch.sources.binaries.relocation import moved_libraries, placed_programs
from fromscratch.sources.binaries.sysroots import how_to_get
from fromscratch.sources.contract import Context, Source


class Closure(NamedTuple):
    """What an item brings: what it names, and all that this needs besides."""

    added: Rootfs
    result: GatherResult


class BinariesSource(Source):
    """`looked_up` is what the item names, on nothing below, where that was looked up already. `shown_offers` is how
    many of the things that are offered are noted; None for all."""

    def __init__(
        self,
        options: BinariesOptions,
        context: Context,
        looked_up: Additions | None = None,
        shown_offers: int | None = SHOWN,
    ) -> None:
        self.label = label(options)
        self._options, self._context, self._additions = options, context, looked_up
        self._shown_offers = shown_offers
        self.library_path = tuple(options.search_folders())

    def may_lack(self, library: str) -> bool:
        return matcher(self._options.allow_missing)(TreePath(f"/{library.lstrip('/')}"))

    def fetch(self, store: Store) -> None:
        """Nothing to bring: the files are here."""

    def fingerprint(self, store: Store) -> str:
        """A digest over what lstat(2) says of every file that would be taken."""
        added, result = self.alone
        hasher = hashlib.sha256(msgspec.json.encode(self._options))
        for path, entry in sorted({**added, **result.entries}.items()):
            hasher.update(f"\0{path!r} {_facts(entry)}".encode())
        hasher.update(json.dumps([missing.name for missing in result.missing]).encode())
        return hasher.hexdigest()

    @cached_property
    def alone(self) -> Closure:
        """The closure with nothing below: what the fingerprint covers, and what the lowest item of a recipe brings.

        It is worked out once: it reads every file that it takes.
        """
        return self._closure(Rootfs())

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """`below` with these programs and what they need that it does not have.

        Raises UsageError for what is not there, ImageError for what a program would not find, and Conflict for a
        library of `below` that is too old for it.
        """
        for text in (*self._options.stage, *self._options.add):
            self._context.own.say(f"binaries {text}", self._context.folder / split(text)[0])
        added, result = self.alone if len(below) == 1 else self._closure(below)
        self._check(result)
        upper = with_hard_links(_laid(Stacked(added, below), added, result))
        tree = below.merged(upper, replace=replace, directories="keep")
        if self._options.etc == "auto":
            origin = Origin(self.label, "made by", "the minimal /etc of every bundle")
            tree = with_account(with_etc(tree, origin), self._options.account, origin)
        self.environment = _environment(self._options, result)
        for text in (*result.warnings, *self.offered(result)):
            self._context.progress.note(text)
        return startable(tree, result, self._options, self.label)

    def offered(self, result: GatherResult) -> Iterator[str]:
        """A line for each thing that is offered; of what could be many, the first few."""
        most = self._shown_offers
        for offer in result.offers[:most]:
            yield advice(f"not taken: {offer.what} (", offer.setting, ")")
        left = len(result.offers[most:]) if most is not None else 0
        if left:
            more = Command(("closure",), (Setting("beyond"), Setting("all")))
            yield advice(f"not taken: … and {left} more, which `", more, "` lists")

    def _closure(self, below: Rootfs) -> Closure:
        options, context = self._options, self._context
        if self._additions is not None and len(below) == 1:
            added, programs = self._additions
        else:
            added, programs = additions(options, context.folder, self.label, context.platform, below, context.own)
        root = lookup.folder(context.folder, options.root, self.label)
        upper = Stacked(added, below)
        roots: list[Root] = [TreeRoot(upper), RootBeneath(MachineRoot(root), upper)]
        if moved := self._moved(added, roots, str(root)):
            roots.insert(1, RootBeneath(TreeRoot(moved), upper))
        linker = Linker(roots, library_path=options.search_folders(), preload=options.preload)
        asked: dict[str, Origin] = {}
        for place in dict.fromkeys((*programs.values(), *regular_files(added))):
            asked[place] = added[place].origins[0]
        runs = recorded(options, context.folder, self.label)
        result = gather(linker, asked, list(finders(options, runs)), self.label, self._is_ours)
        return Closure(added, result)

    def _moved(self, added: Rootfs, roots: Sequence[Root], root: str) -> Rootfs | None:
        """The libraries that lie elsewhere in the image than on this machine; None if there are none."""
        shown_at: dict[str, str] = {}
        for path, destination in map(split, self._options.search):
            if destination is not None:
                shown_at[destination.rstrip("/")] = str(lookup.folder(self._context.folder, path, self.label).resolve())
        programs, image = placed_programs(added, roots[0], root), Stacked(*(each.view for each in roots))
        found = moved_libraries(programs, MachineRoot(), shown_at, image, self.label)
        return found if len(found) > 1 else None

    def _is_ours(self, elf: Elf) -> bool:
        platform = platform_of(elf)
        return platform is None or platform.architecture == self._context.platform.architecture

    def _check(self, result: GatherResult) -> None:
        missing = [each for each in result.missing if not self.may_lack(each.name)]
        if missing:
            raise ImageError(
                "\n".join(dict.fromkeys(_lack(each) for each in missing)),
                how_to_get(missing, self._options.root),
            )
        if result.missing_versions:
            lines = [
                f"{each.by} needs {each.version} of {each.library}, which is older" for each in result.missing_versions
            ]
            raise Conflict(
                "\n".join(dict.fromkeys(lines)),
                "build the program for that library, or take both from one root",
            )


def _environment(options: BinariesOptions, result: GatherResult) -> tuple[tuple[str, str], ...]:
    """LANG where the programs have got the locale that they need; with none of it they ask for the locale "C"."""
    has_utf8 = any(path.lower().endswith(("/c.utf8/lc_ctype", "/c.utf-8/lc_ctype")) for path in result.entries)
    return (("LANG", UTF8),) if has_utf8 and options.utf8 == "auto" and not options.locales else ()


def _laid(upper: Stacked, added: Rootfs, result: GatherResult) -> Rootfs:
    """What was added with all that it takes, each where the symlinks of `upper` lead it."""
    objects = {each.place for each in result.objects}
    first: dict[TreePath, Entry] = {}
    again: dict[TreePath, Entry] = {}
    for path, entry in result.entries.items():
        place = locate(upper, path)
        (again if place in first else first)[place] = (
            _public(entry, loaded=path in objects) if result.root_numbers[path] >= 1 else entry
        )
    return added.merged(Rootfs(first), directories="keep").merged(Rootfs(again), directories="keep")


def _public(entry: Entry, *, loaded: bool) -> Entry:
    """What comes from the machine belongs to root in the image, and a user of it may read what its loader reads."""
    meta: Meta = entry.meta
    readable = (0o555 if meta.mode & 0o111 else 0o444) if loaded else 0
    return with_meta(entry, Meta(meta.mode | readable, 0, 0, meta.mtime, meta.xattrs))


def _lack(missing: Missing) -> str:
    where = missing.fault or (
        f"it is in none of {', '.join(missing.searched)}" if missing.searched else "it is nowhere"
    )
    if missing.searched == (missing.name,):
        where = missing.fault or "there is no such file"
    return shown(f"{missing.name}, needed by {missing.by} ({missing.rule}): {where}")


def _facts(entry: Entry) -> str:
    meta = entry.meta
    text = f"{type(entry).__name__} {meta.mode} {meta.mtime} {meta.xattrs} {getattr(entry, 'target', '')!r}"
    if not isinstance(entry, File):
        return text
    content = entry.content
    return f"{text} {content.size} {content.mtime_ns if isinstance(content, HostFile) else digest_of(content)}"
