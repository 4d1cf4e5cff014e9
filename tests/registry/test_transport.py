"""A registry as a transport: what every transport promises."""

from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.host.registry.pull import pull_from
from fromscratch.host.storage.store import Store
from fromscratch.images.registry import RegistryImages
from fromscratch.model.image import Image
from tests.images.contract import IMAGE, Place, TransportContract
from tests.made_images import ARM64
from tests.registry.pictures import Desk, picture
from tests.registry.registries import Registry

pytestmark = [pytest.mark.slow, pytest.mark.engine]


class TestRegistry(TransportContract):
    @pytest.fixture
    def place(self, registry: Registry, desk: Desk, tmp_path: Path) -> Place:
        name, store = f"{registry.host}/team/hello:1", Store(tmp_path / "other")

        def read() -> Image:
            [image] = pull_from(name, store, access=desk.access())[1]
            return image

        return Place(
            transport=RegistryImages(store=desk.store, access=desk.access()),
            reference=name,
            read=read,
            holds=lambda: (
                [registry.manifest("team/hello", tag) for tag in registry.tags("team/hello")],
                registry.uploads(),
            ),
            digest=lambda: Digest.of(registry.manifest("team/hello", "1")[0]),
            store=store,
        )


def test_a_registry_holds_several_platforms(registry: Registry, desk: Desk) -> None:
    transport = RegistryImages(store=desk.store, access=desk.access())
    receipt = transport.write([IMAGE, picture(10, platform=ARM64)], f"{registry.host}/team/hello:1")
    assert receipt.reference == f"docker://{registry.host}/team/hello:1"
    assert receipt.digest == Digest.of(registry.manifest("team/hello", "1")[0])
