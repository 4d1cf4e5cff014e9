"""What every transport promises: one suite, run on each of them.

A test class derives from `TransportContract` and gives the fixture `place`.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage.store import Store
from fromscratch.images.contract import ALL, Receipt, Selection, Transport
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.proof.validate import validate
from fromscratch.transforms.layering import layered
from tests.made_images import ARMV7, FULL_CONFIG, HERE, image_of
from tests.trees import listed, tree

TREE = tree("""
    d 0755 0:0 /bin
    f 4755 0:0 /bin/su 'setuid'
    f 0755 0:0 /bin/ping 'capable' {security.capability=0x0100000200200000000000000000000000000000}
    h 0755 0:0 /bin/ping6 => /bin/ping {security.capability=0x0100000200200000000000000000000000000000}
    l 0777 0:0 /bin/sh -> su
    c 0666 0:0 1,3 /dev/null
    f 0640 7:8 /etc/caf\\xc3\\xa9\\x20\\xff 'not a UTF-8 name'
    d 1777 0:0 /tmp
    p 0600 1000:1000 /run/queue
    d 0750 65532:65532 /srv
""")


def packed(tree: Rootfs) -> bytes:
    """The tar of a tree."""
    return b"".join(bytes(block) for block in blocks(tree))


def by_turns(tree: Rootfs) -> Rootfs:
    """The tree as if two sources had brought it, every second entry each."""
    origins = Origin("one", "found in", "a"), Origin("two", "found in", "b")
    turns = enumerate(tree.items())
    return Rootfs({path: replace(entry, origins=(origins[turn % 2],)) for turn, (path, entry) in turns})


TAR = packed(TREE)
DIVIDED = layered(by_turns(TREE), "source", ("one", "two"), "both")
IMAGE = image_of(TAR, config=FULL_CONFIG, platform=HERE, created=1_700_000_000)
OTHER = image_of(packed(tree("d 0755 0:0 /other")), platform=HERE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A transport with what the suite needs to look behind it.

    `read` gives the image that is at the place now, `holds` everything that is there, in any form
    that can be compared, `digest` what the place itself says the image's digest is. Configurations
    are compared after `config`, which evens out what the place cannot keep; `keeps_platform` is whether
    anything there tells the platform. `name` is what the transport reads it by, where that is not the reference.
    """

    transport: Transport
    reference: str
    read: Callable[[], Image]
    holds: Callable[[], object]
    digest: Callable[[], Digest]
    store: Store
    config: Callable[[RunConfig], RunConfig] = lambda config: config
    keeps_platform: bool = True
    name: str | None = None

    def read_back(self, selection: Selection = ALL) -> list[Image] | Rootfs:
        """What the transport itself gives back."""
        return self.transport.read(self.reference if self.name is None else self.name, selection)


class TransportContract:
    def test_everything_survives(self, place: Place) -> None:
        receipt = place.transport.write([IMAGE], place.reference)
        there = place.read()
        validate(there, place.store)
        assert place.config(there.config) == place.config(IMAGE.config)
        assert listed(root_tree(there, place.store)) == listed(TREE)
        assert not place.keeps_platform or there.platform == IMAGE.platform
        assert receipt.digest == place.digest()

    def test_what_is_written_is_read_back(self, place: Place) -> None:
        place.transport.write([IMAGE], place.reference)
        if not self.readable:
            with pytest.raises(UsageError, match="not read"):
                place.read_back()
            return
        found = place.read_back()
        if isinstance(found, Rootfs):
            assert listed(found) == listed(TREE)
            return
        [image] = found
        assert (place.config(image.config), image.platform) == (place.config(IMAGE.config), IMAGE.platform)
        assert listed(root_tree(image, place.store)) == listed(TREE)
        assert place.read_back(Selection(platforms=(ARMV7, IMAGE.platform), one=True)) == found
        with pytest.raises(UsageError, match="linux/arm/v7"):
            place.read_back(Selection(platforms=(ARMV7,)))

    readable = True
    """Whether the transport reads what it writes."""

    def test_several_platforms_go_there_only_if_it_holds_several(self, place: Place) -> None:
        if type(place.transport).platforms:
            return
        place.transport.write([IMAGE], place.reference)
        before = place.holds()
        with pytest.raises(UsageError, match="only one platform can go there"):
            place.transport.write([IMAGE, replace(IMAGE, platform=ARMV7)], place.reference)
        assert place.holds() == before

    def test_a_plain_image_stays_plain(self, place: Place) -> None:
        place.transport.write([replace(IMAGE, config=RunConfig())], place.reference)
        assert place.config(place.read().config) == place.config(RunConfig())

    def test_layers_are_seen_as_one_root(self, place: Place) -> None:
        upper = tree("""
            f 0644 0:0 /bin/.wh.ping ''
            f 0600 0:0 /bin/new 'n'
        """)
        image = image_of(TAR, packed(upper), config=RunConfig(), platform=HERE)
        place.transport.write([image], place.reference)
        assert listed(root_tree(place.read(), place.store)) == listed(root_tree(image, place.store))

    def test_the_layers_that_a_tree_was_divided_into_are_that_tree(self, place: Place) -> None:
        image = image_of(*(packed(part.tree) for part in DIVIDED), config=RunConfig(), platform=HERE)
        place.transport.write([image], place.reference)
        validate(place.read(), place.store)
        assert listed(root_tree(place.read(), place.store)) == listed(TREE)

    def test_an_image_for_another_platform_is_told_apart(self, place: Place) -> None:
        place.transport.write([replace(IMAGE, platform=ARMV7)], place.reference)
        assert not place.keeps_platform or place.read().platform == ARMV7

    def test_a_second_delivery_takes_the_place_of_the_first(self, place: Place) -> None:
        place.transport.write([OTHER], place.reference)
        receipt = place.transport.write([IMAGE], place.reference)
        assert listed(root_tree(place.read(), place.store)) == listed(TREE)
        assert receipt.digest == place.digest()

    def test_a_failed_delivery_leaves_what_was_there(self, place: Place) -> None:
        place.transport.write([IMAGE], place.reference)
        before = place.holds()
        layer = OTHER.layers[0]
        cut = replace(layer, open=lambda: io.BytesIO(layer.open().read()[:-1]))
        lying = replace(layer, diff_id=Digest.of(b"another"))
        with pytest.raises(ImageError):
            place.transport.write([replace(OTHER, layers=(cut,))], place.reference)
        assert place.holds() == before
        if self.looks_inside:
            with pytest.raises(ImageError):
                place.transport.write([replace(OTHER, layers=(lying,))], place.reference)
            assert place.holds() == before

    looks_inside = False
    """Whether the transport unpacks layers, and so has to find one whose tar is not the promised one."""

    def test_a_receipt_says_where_the_image_is(self, place: Place) -> None:
        receipt = place.transport.write([IMAGE], place.reference)
        assert isinstance(receipt, Receipt)
        assert receipt.reference
