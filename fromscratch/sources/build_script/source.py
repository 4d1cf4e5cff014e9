"""Programs built by the recipe's own commands: once for the same inputs, in a clean folder, without network."""

import hashlib
from pathlib import Path

import msgspec

from fromscratch.digest import Digest
from fromscratch.errors import CannotStart, ImageError, UsageError
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.container.build_root import Build, check_possible, hand_over, make_root, run_build
from fromscratch.host.container.materialise import materialise
from fromscratch.host.container.preparation import private_folder
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.tree_archive import add_tree
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, ancestors, matcher, tree_path
from fromscratch.sources.build_script.environment import HOME, INSTALLED, SOURCES, TEMPORARY, variables
from fromscratch.sources.build_script.image_tools import ImageTools
from fromscratch.sources.build_script.inputs import Input, sources_of
from fromscratch.sources.build_script.log import TRACE, log_of
from fromscratch.sources.build_script.machine import MachineTools
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.build_script.tools import Tools
from fromscratch.sources.contract import Context, Pin, TreeSource
from fromscratch.transforms.normalise import normalised
from fromscratch.transforms.placement import parse_modes, parse_owner, placed, with_modes, with_owner

_RECORD, _WORK = "build-script", "build-script"
_SCRIPT = "/build/script"


class BuildScriptSource(TreeSource):
    """What one script installs."""

    result_records = (_RECORD,)

    def __init__(self, options: BuildScriptOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._tools: Tools = ImageTools(options, context) if options.image else MachineTools(options, context)
        self._inputs = [Input(each, context) for each in options.sources()]
        names = [each.path or each.url.rpartition("/")[2] for each in options.sources()]
        self.label = f"build_script {names[0] if names else context.place}"

    def fetch(self, store: Store) -> None:
        """Download the sources that have an address, and settle the image. What this machine lacks is told now."""
        self._tools.fetch(store)
        for each in self._inputs:
            each.fetch(store)
        if _recorded(store, self._key(store)) is None:
            with private_folder(store.workspace(_WORK, "roots")) as place:
                check_possible(place)

    def fingerprint(self, store: Store) -> str:
        return self._key(store)

    def pins(self, store: Store) -> list[Pin]:
        """The sources, each by the digest of its bytes."""
        return [*(each.pin(store) for each in self._inputs), *self._tools.pins(store)]

    def build(self, store: Store) -> Rootfs:
        """Raises MissingTool for what this machine lacks, CommandFailed for a script that fails, NotFetched."""
        key = self._key(store)
        digest = _recorded(store, key)
        if digest is None:
            with store.lock(f"build-script-{key}", self._tell_waiting):
                digest = _recorded(store, key) or self._run(store, key)
        else:
            self._context.progress.note(f"{self.label} is built already")
        return self._selected(read_tree(store.path(digest), self._origin()))

    def _origin(self) -> Origin:
        return Origin(self.label, "found in", f"what the script of {self._context.place} installed")

    def _tell_waiting(self) -> None:
        self._context.progress.note(f"{self.label}: waiting for another build of the same to end")

    def _key(self, store: Store) -> str:
        """A digest over all that the result may depend on, but for which files of it are taken."""
        options, context = self._options, self._context
        hasher = hashlib.sha256()
        for part in (
            options.script,
            msgspec.json.encode(options.env, order="sorted").decode(),
            str(context.platform),
            str(context.epoch),
            self._tools.identity(store),
            *(each.fingerprint(store) for each in self._inputs),
        ):
            hasher.update(f"{len(part)} {part}\n".encode("utf-8", "surrogateescape"))
        return hasher.hexdigest()

    def _run(self, store: Store, key: str) -> Digest:
        """Run the script in a new folder, and keep what it installs."""
        context = self._context
        sources = normalised(sources_of(self._inputs, store), context.epoch)
        with private_folder(store.workspace(_WORK, "roots")) as place:
            root = place / "root"
            root.mkdir()
            system = self._tools.system(place, store)
            make_root(root, system.folder)
            self._fill(root, sources)
            env = variables(context.platform, context.epoch, context.jobs, system, self._options.env)
            build = Build(
                root=root,
                argv=self._argv(),
                env={**env, "PS4": TRACE},
                cwd=SOURCES,
                system=system.folder,
                folders=system.folders,
            )
            with (
                context.progress.task(f"build {self.label}", unit="steps") as task,
                log_of(self._options.script, context.log, task) as log,
            ):
                try:
                    code = run_build(build, log.line)
                except CannotStart as error:
                    raise self._without_interpreter() from error
                if code:
                    raise log.failure(self.label, code, context.log)
            tree = scan(root / INSTALLED.lstrip("/"), self._origin(), owner=(0, 0))
            if len(tree) == 1:
                raise UsageError(
                    f"the script of {self.label} installed nothing",
                    'have it put what is to be taken below $DESTDIR, as in: make install DESTDIR="$DESTDIR"',
                )
            return _stored(store, key, normalised(tree, context.epoch))

    def _fill(self, root: Path, sources: Rootfs) -> None:
        """The folders of a build, with the sources and the script, for the user that builds."""
        with disk.explained(root):
            for folder in (SOURCES, INSTALLED, TEMPORARY, HOME):
                (root / folder.lstrip("/")).mkdir()
                (root / folder.lstrip("/")).chmod(0o755)  # whatever the umask
            materialise(sources, root / SOURCES.lstrip("/"))
            script = root / _SCRIPT.lstrip("/")
            script.write_text(self._options.script, encoding="utf-8", errors="surrogateescape")
            script.chmod(0o755)
        hand_over(root / "build")

    def _argv(self) -> list[str]:
        return [_SCRIPT] if self._options.script.startswith("#!") else ["/bin/sh", "-ex", _SCRIPT]

    def _without_interpreter(self) -> ImageError:
        """A plain error, since the exit codes of CannotStart are those of a container's command, not of a build."""
        first = self._options.script.partition("\n")[0]
        if first.startswith("#!"):
            return ImageError(
                f"the script of {self.label} cannot be started by its first line, {first}",
                "name an interpreter that is there, by its whole path",
            )
        return ImageError(
            f"the script of {self.label} cannot be started: there is no /bin/sh",
            "add a shell to the image whose programs it has, or name another interpreter in a first line, as in  #!",
        )

    def _selected(self, tree: Rootfs) -> Rootfs:
        """What the recipe takes of what was installed."""
        options = self._options
        if options.take:
            chosen = _matching(tree, options.take, self.label)
            above = {each for path in chosen for each in ancestors(tree_path(path))}
            tree = tree.without([path for path in tree if path not in chosen and path not in above])
        skipped = matcher(options.exclude)
        tree = tree.without([path for path in tree if skipped(path)])
        owner, modes = parse_owner(options.owner), parse_modes(options.modes)
        if owner is not None and owner != (0, 0):
            tree = with_owner(tree, owner)
        return placed(with_modes(tree, modes), tree_path(options.into))


def _matching(tree: Rootfs, globs: list[str], label: str) -> set[str]:
    found: set[str] = set()
    for glob in globs:
        matches = matcher([glob])
        here = {path for path in tree if path != ROOT and matches(path)}
        if not here:
            installed = [path for path in tree if not tree.children(path)][:10]
            raise UsageError(
                f"take: {glob} matches nothing that the script of {label} has installed",
                f"it has installed {', '.join(installed)}",
            )
        found |= here
    return found


def _recorded(store: Store, key: str) -> Digest | None:
    """The tar of what was installed before by the same."""
    known = store.record(_RECORD, key)
    try:
        digest = Digest.parse(known.decode()) if known else None
    except ImageError:
        return None
    return digest if digest is not None and store.has(digest) else None


def _stored(store: Store, key: str, tree: Rootfs) -> Digest:
    digest = add_tree(store, tree)
    store.write_record(_RECORD, key, str(digest).encode())
    return digest
