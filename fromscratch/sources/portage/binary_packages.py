"""Binary packages (gpkg, GLEP 78) in the store, each by the key of all that it was made of."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.formats.gentoo.installed import package
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store

_RECORD = "portage-binary"
_ENDING = ".gpkg.tar"


def put(store: Store, keys: Mapping[str, str], folder: Path) -> None:
    """Put into a package folder of Portage those that the store has; `keys` are by CATEGORY/PACKAGE-VERSION."""
    records = {cpv: store.record(_RECORD, key) for cpv, key in keys.items()}
    digests = {cpv: raw.decode() for cpv, raw in records.items() if raw}
    put_digests(store, {cpv: text for cpv, text in digests.items() if store.has(Digest.parse(text))}, folder)


def put_digests(store: Store, digests: Mapping[str, str], folder: Path) -> None:
    """Put these binary packages into a package folder of Portage; their digests are by CATEGORY/PACKAGE-VERSION."""
    for cpv, text in digests.items():
        place = _folder(folder, cpv) / f"{cpv.rpartition('/')[2]}-1{_ENDING}"
        with disk.explained(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            # A copy: a build could change a link, and with it the store.
            shutil.copyfile(store.path(Digest.parse(text)), place)


def keep(store: Store, keys: Mapping[str, str], folder: Path) -> None:
    """Take into the store what Portage has built into its folder, also before a failure."""
    for cpv, key in keys.items():
        if store.record(_RECORD, key) is not None:
            continue
        found = sorted(_folder(folder, cpv).glob(f"{cpv.rpartition('/')[2]}-[0-9]*{_ENDING}"))
        if found:
            with open(found[-1], "rb") as stream:
                digest = store.add_stream(stream)
            store.write_record(_RECORD, key, str(digest).encode())


def _folder(top: Path, cpv: str) -> Path:
    """CATEGORY/PACKAGE, as Portage sorts several builds of one version."""
    category, _, name = cpv.partition("/")
    found = package(category, name)
    return top / (found.name if found else cpv)
