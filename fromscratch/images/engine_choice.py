"""The container engines of this machine, and the choice of one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from fromscratch.advice import advice
from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.engines.contract import Engine, Status
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.engine import EngineImages, Via
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.progress import SILENT, Progress

_READS_LAYOUTS = "it reads what is packed for it: see pack, to the form oci or oci-archive"
_READS_ROOTS = "it starts a bare root: see pack, to the form tar, and unpack that"
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "nerdctl": "say containerd, whose images it shows",
        "ctr": "say containerd",
        "moby": "say docker",
        "lxc": f"{_READS_LAYOUTS}, then lxc-create -t oci",
        "lxd": _READS_ROOTS,
        "incus": _READS_ROOTS,
        "nspawn": _READS_ROOTS,
        "systemd-nspawn": _READS_ROOTS,
        "chroot": _READS_ROOTS,
        "apptainer": _READS_LAYOUTS,
        "singularity": _READS_LAYOUTS,
        "rkt": "it reads what is packed for it: see pack, to the form aci",
        "crictl": "say containerd",
        "cri-o": _READS_LAYOUTS,
        "crun": "it keeps no images; run can start one by it",
        "runc": "it keeps no images; run can start one by it",
    }
)


def engine(word: str, choices: Sequence[str] = ()) -> Engine:
    """The engine of this name, installed or not.

    Raises UsageError for an unknown name, with the choices: all engines, if they are not given.
    """
    if word not in catalogue.engines():
        every = f"write {catalogue.alternatives(choices or catalogue.engines())}"
        raise UsageError(f"{word!r} is not an engine that is known here", _INSTEAD.get(word, every))
    return _images_in(word).engine_here()


def find_engine(word: str | None = None) -> Status:
    """The engine of this name, or the first that answers. Raises MissingTool with the reasons if none does."""
    if word is not None:
        return engine(word).status().need()
    probed = []
    for known in catalogue.engines():
        found = engine(known).status()
        if found.available:
            return found
        probed.append(found)
    raise MissingTool(
        f"no container engine can be used: {'; '.join(one.problem for one in probed)}",
        advice(probed[0].hint, "; run needs none, nor does pack"),
    )


def engine_with(name: str) -> str | None:
    """The first engine that answers and has an image of this name."""
    for known in catalogue.engines():
        found = engine(known)
        if found.status().available and found.image_id(name):
            return known
    return None


def images_in(
    engine: Engine, store: Store, via: str, progress: Progress = SILENT, limits: Limits = DEFAULT_LIMITS
) -> EngineImages:
    """The transport of this engine. `via` is import or load."""
    way: Via = "load" if via == "load" else "import"
    return _images_in(engine.kind)(engine=engine, store=store, via=way, progress=progress, limits=limits)


def _images_in(word: str) -> type[EngineImages]:
    return cast(type[EngineImages], catalogue.by_word(word))
