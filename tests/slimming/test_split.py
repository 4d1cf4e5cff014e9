"""The full image in two layers: laid over each other they are the full tree, whatever was used."""

import tempfile
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage.store import Store
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, tree_path
from fromscratch.slimming.split import COLD_COMMENT, HOT_COMMENT, split
from tests import strategies, trees
from tests.made_images import image_of
from tests.sameness import everything

FULL = trees.tree(
    """
    d 0755 0:0 /etc
    f 0644 0:0 /etc/passwd 'root'
    d 0700 7:7 /srv
    f 0644 0:0 /srv/cold 'c'
    f 4755 0:0 /srv/hot 'h'
    h 4755 0:0 /srv/other => /srv/hot
    d 1777 0:0 /tmp
    """
)


def test_what_was_used_lies_over_the_rest_and_folders_are_in_both() -> None:
    cold, hot = split(FULL, [tree_path("/srv/other"), tree_path("/tmp"), tree_path("/not/there")])
    assert (cold.comment, hot.comment) == (COLD_COMMENT, HOT_COMMENT)
    assert trees.listed(hot.tree) == trees.text(
        """
        d 0700 7:7 /srv
        f 4755 0:0 1 /srv/hot
        h 4755 0:0 /srv/other => /srv/hot
        d 1777 0:0 /tmp
        """
    )
    assert trees.listed(cold.tree) == trees.text(
        """
        d 0755 0:0 /etc
        f 0644 0:0 4 /etc/passwd
        d 0700 7:7 /srv
        f 0644 0:0 1 /srv/cold
        """
    )


def test_there_is_one_layer_where_everything_was_used_or_nothing() -> None:
    assert [part.comment for part in split(FULL, FULL)] == [HOT_COMMENT]
    assert [part.comment for part in split(FULL, [])] == [COLD_COMMENT]
    assert [part.tree for part in split(FULL, FULL)] == [FULL]


@given(strategies.trees(size=20), st.randoms(use_true_random=False))
def test_the_stacked_layers_of_any_tree_are_that_tree(tree: Rootfs, chance: Random) -> None:
    used = [path for path in tree if chance.random() < 0.4]
    parts = split(tree, used)
    with tempfile.TemporaryDirectory() as folder:
        image = image_of(*(b"".join(blocks(part.tree)) for part in parts), config=RunConfig())
        found = root_tree(image, Store(Path(folder)))
        assert everything(found.without([ROOT])) | {ROOT: ()} == everything(tree) | {ROOT: ()}
