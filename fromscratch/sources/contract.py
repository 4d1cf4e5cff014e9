"""What every source is: something that lays entries over a tree; and what a kind of source says of itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, get_origin, runtime_checkable

from msgspec import Struct
from msgspec.structs import fields

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.installed import Records
from fromscratch.formats.slice import Slice
from fromscratch.host.images.by_name import NamedImage
from fromscratch.host.machine.doctor_check import Check
from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT, Progress
from fromscratch.transforms import merged_usr
from fromscratch.transforms.scripted.account_numbers import GivenNumbers
from fromscratch.transforms.shell.left_out import LeftOut

NameImage = Callable[[str, Path], NamedImage]
"""What the text of a recipe in this folder means as an image. Raises UsageError."""


def _no_images(text: str, folder: Path) -> NamedImage:
    raise UsageError(f"{text}: images cannot be read here", "bind the source with something that reads images")


def _nothing_below(store: Store) -> Records:
    return Records()


class Context(Struct, frozen=True, kw_only=True):
    """What surrounds a source: everything it may depend on besides its options and the store.

    `folder` is where relative paths of the recipe start; `place` names the item in messages and
    origins, such as `rootfs[0]`; `jobs` bounds what runs side by side; `log` is where the full
    output of programs is kept; `own` are folders that no source may take files from; `limits` bound what archives
    may expand to; `named_image` says what a name of an image means; `present` reads which packages the items below
    have already, as the records of package managers in their trees list them; `numbers` are those that the recipe gives
    to accounts; `epoch` counts seconds since 1970, the one time of everything in the image.
    """

    folder: Path
    place: str
    platform: Platform
    progress: Progress = SILENT
    jobs: int = 2
    log: Path | None = None
    own: OwnFolders = NONE
    limits: Limits = DEFAULT_LIMITS
    named_image: NameImage = _no_images
    epoch: int = 0
    present: Callable[[Store], Records] = _nothing_below
    numbers: GivenNumbers = GivenNumbers()


class Source(Protocol):
    """One item under `rootfs:` of a recipe, bound to its context."""

    label: str
    """What origins and messages call it: its kind and what it names, such as `debian bookworm`."""

    keeps_host_owners: bool = False
    """Whether its entries have the owners that this machine shows, which may be others to another user."""

    build_folders: Sequence[str] = ()
    """The kinds of the store's work folders (`Store.workspace`) that its builds go on in; a second build at the same
    time must not see them. A source that has some keeps what it has built in the store, and builds it once, unless
    it names `result_records`."""

    result_records: Sequence[str] = ()
    """The kinds of the store's records by which it finds what it has built before. A second build that is to prove
    that it gives the same bytes does not see them, and so builds again."""

    chooses_packages: bool = False
    """Whether its fetch decides which packages are needed, and asks the context which of them are there already."""

    library_path: Sequence[str] = ()
    """Folders of the image that its programs are started with in LD_LIBRARY_PATH, beside those of the image's own."""

    environment: Sequence[tuple[str, str]] = ()
    """Variables that its programs are to be started with, unless the image says otherwise; known after `lay`."""

    def may_lack(self, library: str) -> bool:
        """Whether its options allow that a library which a program needs is missing."""
        return False

    def fetch(self, store: Store) -> None:
        """Bring everything that `lay` will need into the store. The only method that may use the network."""

    def fingerprint(self, store: Store) -> str:
        """A text that changes whenever `lay` could bring other entries; cheap.

        Raises NotFetched when `fetch` has to run first.
        """

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """`below` with what this source brings.

        Uses only the store, this machine's files that the options name, and no network. An entry that would replace
        another is a Conflict, unless `replace`. Raises NotFetched when `fetch` has to run first.
        """


class TreeSource(Source, Protocol):
    """A source that brings the same tree whatever is below it."""

    def build(self, store: Store) -> Rootfs:
        """The tree, by the rules of `lay`."""

    def lay(self, below: Rootfs, store: Store, *, replace: bool) -> Rootfs:
        """A root whose /bin and so on are links into /usr may lie over one where they are folders."""
        return merged_usr.merged(below, self.build(store), replace=replace)


class Base(Struct, frozen=True, kw_only=True):
    """The image that a tree was taken from: the digest of its manifest, its name in a registry if it has one, and how
    its containers start, if they are to start so again."""

    digest: Digest
    reference: Reference | None = None
    config: RunConfig | None = None


@runtime_checkable
class Based(Protocol):
    """A source that may take its whole tree from an image."""

    def base(self, store: Store) -> Base | None:
        """That image; None if only a part of one is taken. Raises NotFetched."""


class Pin(Struct, frozen=True, kw_only=True):
    """One input that `fetch` settled: what exactly `build` takes, whatever its name means elsewhere by then.

    `version` is a package's version, a repository's release or commit, or the name that a tag was read under; `url` is
    an address without secrets; `digest` is ALGORITHM:HEX of the bytes, of the signed index for a repository, and of
    the manifest for an image. What is not known is empty.
    """

    kind: Literal["repository", "index", "package", "distfile", "image", "archive"]
    name: str
    version: str = ""
    url: str = ""
    digest: str = ""


def image_pin(text: str, image: NamedImage, digest: str) -> Pin:
    """The pin of an image that a recipe calls `text`; `digest` is that of its manifest for one platform."""
    reference = image.reference
    name, version = (reference.repository, reference.tag) if reference else (text, "")
    return Pin(kind="image", name=name, version=version, digest=digest)


@runtime_checkable
class DecidesPlatform(Protocol):
    """A source whose own configuration may say which platform its tree is for."""

    def own_platform(self, store: Store, *, bring: bool) -> Platform | None:
        """That platform; None if any will do, or if it is not known yet. Only with `bring` it may use the network."""


@runtime_checkable
class Pinned(Protocol):
    """A source that can say what its fetch settled."""

    def pins(self, store: Store) -> Sequence[Pin]:
        """Every input, in a fixed order. Uses no network. Raises NotFetched when `fetch` has to run first."""


@runtime_checkable
class Noted(Protocol):
    """A source that has left something undone which its tree may need, such as the effect of a script."""

    def notes(self, store: Store) -> Sequence[str]:
        """A line for each, for the evidence. Asked after `lay`."""


@runtime_checkable
class LeavesOut(Protocol):
    """A source that reads the scripts of packages and cannot follow all of their commands."""

    def left_out(self, store: Store) -> Sequence[LeftOut]:
        """The commands that were not followed. Asked after `lay`."""


@runtime_checkable
class Configurable(Protocol):
    """A source whose configuration can be looked at, and changed in a menu."""

    def configure(self, store: Store, *, menu: bool = False, part: str = "") -> object:
        """Make the configuration; with `menu`, let the user change it. May use the network.

        `part` names a part that has a menu of its own; empty, it is the whole. The answer, as text, says where
        the configuration is and what was changed. Raises UsageError for a part that it does not have.
        """


@runtime_checkable
class SavesConfiguration(Configurable, Protocol):
    """A source whose whole configuration can be written down for use without a recipe."""

    def save_configuration(self, store: Store, file: Path) -> object:
        """Write the whole configuration into one file, which the configured program takes by itself. May use the
        network. The answer, as text, says how."""


class PackageContents(Struct, frozen=True):
    """A package as its archive has it now: the paths that it ships, where they stand in `tree`."""

    version: str
    tree: Rootfs
    files: frozenset[TreePath]


@runtime_checkable
class PackageArchive(Protocol):
    """A source of packages that can be asked for one of them."""

    def contents(self, store: Store, package: str) -> PackageContents:
        """The newest version of a package, without what it depends on. Uses the network."""


@runtime_checkable
class PackageLookup(Protocol):
    """A source of packages that knows which names its indexes have."""

    def unavailable(self, store: Store, packages: Iterable[str]) -> frozenset[str]:
        """Those of the packages, as its options name them, that no index has. Uses the network."""


class Template(Struct, frozen=True, kw_only=True):
    """What `init` writes for a kind: `items` are the lines under `rootfs:`, with comments that explain them.

    `missing_file` is a file or folder that has to be there before the recipe can be built, and `advice` says how it
    comes there. One that is only `optional` goes into every recipe, and has its item commented out.
    """

    items: str
    missing_file: str = ""
    advice: str = ""
    optional: bool = False


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of source: all that a recipe and the command line know of it.

    `options` are what a recipe may say under the kind's word, `bind` makes the source of them and touches nothing yet.
    `shorthand` is the option, as recipes spell it, that a bare text under the word stands for. `checks` look at what
    the kind needs of this machine, for `doctor`, and `checks_of_store` at what it has in the store. Sources of a kind
    that `decides_platform` are `DecidesPlatform`. `items_for` gives the template's lines for what lies in or beside a
    folder, if there is anything for the kind. A kind that takes
    slices of packages names their `manager`, and `for_slice` makes the options of an item that is a slice alone: of the
    slice, its file, a release or nothing, and an item to be like.
    """

    options: type[Struct]
    bind: Callable[[Any, Context], Source]
    shorthand: str
    template: Template
    checks: Callable[[], Iterator[Check]] = lambda: iter(())
    checks_of_store: Callable[[Store], Iterator[Check]] = lambda _: iter(())
    manager: str = ""
    decides_platform: bool = False
    items_for: Callable[[Path], str | None] = lambda folder: None
    for_slice: Callable[[Slice, Path, str, Any], Struct] | None = None
    for_package: Callable[[str], tuple[str, dict[str, Any]]] | None = None
    shell_packages: tuple[str, ...] = ()

    def written_out(self, text: str) -> dict[str, Any]:
        """The options that a bare text stands for."""
        field = next(each for each in fields(self.options) if each.encode_name == self.shorthand)
        plural = _may_be_list(self.options.__annotations__[field.name])
        return {self.shorthand: [text] if plural else text}


def _may_be_list(annotation: object) -> bool:
    """Whether a list is among what an annotation allows, such as Annotated[str | list[str], Meta(…)]."""
    return get_origin(annotation) is list or any(map(_may_be_list, get_args(annotation)))
