"""`ENGINE:REF`: out of an engine by its save, into it by its import of the root, or a load that keeps the digest.

What is the same in every engine; each has its own way in a module of its name.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BufferedReader
from typing import BinaryIO, ClassVar, Literal, Self, assert_never, cast

from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, ImageError, UsageError
from fromscratch.formats.oci.config import image_documents, left_out
from fromscratch.formats.packing.layer_blob import Pieces
from fromscratch.host.engines.contract import Engine, Status, image_name
from fromscratch.host.engines.temporary_names import abandoned, temporary_name
from fromscratch.host.images.archives import Form, read_archive
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.contract import ALL, Receipt, Selection, Transport
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress

Via = Literal["import", "load"]
_IMPORTS = "1"  # how images are imported: a change imports each of them anew
_TEMPORARY = "localhost/fromscratch-root"


class EngineImages(Transport, frozen=True, kw_only=True):
    """The images of an engine. `kind` is the engine's class, `saves` the form in which it saves images.

    `via="import"` flattens the image, and mostly the engine dates it now; `via="load"` keeps it as it is.

    Raises MissingTool when the engine cannot be used, UsageError for a value that the engine's way of
    importing cannot hold, CommandFailed.
    """

    engine: Engine
    store: Store
    via: Via = "import"
    progress: Progress = SILENT
    limits: Limits = DEFAULT_LIMITS

    kind: ClassVar[Callable[..., Engine]]
    saves: ClassVar[Form] = "docker-archive"
    several: ClassVar[bool] = True

    @classmethod
    def at(cls, place: str, store: Store, progress: Progress = SILENT, limits: Limits = DEFAULT_LIMITS) -> Self:
        return cls(engine=cls.engine_here(), store=store, progress=progress, limits=limits)

    @classmethod
    def engine_here(cls) -> Engine:
        """The engine that this machine uses, whether it is there or not."""
        return cls.kind(others=tuple(word for word in catalogue.engines() if word != cls.scheme.rstrip(":")))

    def read(self, name: str, selection: Selection = ALL) -> list[Image]:
        engine = self.engine.status().need().engine
        if engine.image_id(name) is None:
            raise UsageError(f"{engine.kind} has no image {name}", f"`{engine.lists}` lists what it has")
        with self.store.temporary() as path:
            engine.save(name, path, selection.platforms)
            return selection.of(
                read_archive(path, self.store, form=self.saves, limits=self.limits), f"{self.scheme}{name}"
            )

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        image, reference = self.only(images), self._name(image_name(name))
        state = self.engine.status().need()
        with self.progress.task(f"{self.engine.kind} {self.via} {reference}", unit="steps"):
            match self.via:
                case "import":
                    self._say_what_is_lost(image)
                    self._import_changed(image, reference, state)
                case "load":
                    self._load(image, reference, state)
                case _:
                    assert_never(self.via)
        self._sweep()
        return self._receipt(reference, self._ours(image))

    def _import_changed(self, image: Image, name: Reference, state: Status) -> None:
        """Import the image, unless the engine still has under this name what was made of the same image before.

        An engine dates what it imports, so another import would be another image.
        """
        key = f"{_IMPORTS} {self.engine.kind} {name} {image_documents(image).config_descriptor.digest}"
        before = self.store.record("engine-import", key)
        if before is not None and self.engine.image_id(str(name)) == before.decode("utf-8", "replace"):
            return
        self._import(image, name, state)
        if found := self.engine.image_id(str(name)):
            self.store.write_record("engine-import", key, found.encode())

    def _say_what_is_lost(self, image: Image) -> None:
        if names := left_out(image):
            self.progress.note(f"an import does not keep what the image says as {', '.join(names)}; a load does")

    def _receipt(self, name: Reference, ours: Digest) -> Receipt:
        found = self.engine.image_id(str(name))
        if found is None:
            raise ImageError(f"{self.engine.kind} took {name} but does not find it now", f"see `{self.engine.lists}`")
        return Receipt(str(name), Digest.parse(found), ours)

    def _sweep(self) -> None:
        """Remove what other imports have left in the engine that were killed before they could."""
        with suppress(CommandFailed):
            for left in self.engine.temporary_images(_TEMPORARY):
                if abandoned(left.partition(":")[2]):
                    self.engine.forget(left)

    def _ours(self, image: Image) -> Digest:
        """Our own digest of what the engine knows images by: here the configuration."""
        return image_documents(image).config_descriptor.digest

    def _name(self, name: Reference) -> Reference:
        """The name that the engine itself lists the image under."""
        return name

    @abstractmethod
    def _import(self, image: Image, name: Reference, state: Status) -> None:
        """Make an image of the root and the configuration. Leaves nothing else, however it ends."""

    @abstractmethod
    def _load(self, image: Image, name: Reference, state: Status) -> None:
        """Bring the image there as it is."""


def temporary_reference() -> Reference:
    """What an image is called that stays only as long as another one is made."""
    return Reference.parse(f"{_TEMPORARY}:{temporary_name()}")


def in_storage(name: Reference) -> Reference:
    """How podman and buildah call it in the storage that they share: a name without a host is one of localhost's."""
    return name if name.host else replace(name, host="localhost")


def tidied(tidy: Callable[[], None]) -> None:
    """Do what can be done twice, to its end: a first interruption begins it anew, and goes on afterwards."""
    with suppress(CommandFailed):
        try:
            tidy()
        except KeyboardInterrupt:
            tidy()
            raise


def stream_of(pieces: Iterator[bytes]) -> BinaryIO:
    return cast(BinaryIO, BufferedReader(Pieces(pieces)))
