"""Small images for tests of the source, and where they lie."""

from pathlib import Path

from msgspec.structs import replace

from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layout import write_layout
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from tests import trees
from tests.made_images import AMD64, image_of

TOOLS = trees.tree(
    r"""
    l 0777 0:0 /bin -> usr/bin
    f 0644 0:0 /etc/tool.conf 'level=1\n'
    d 0755 0:0 /opt
    d 0750 7:7 /opt/app
    f 0755 7:7 /opt/app/run '#!/bin/sh\n'
    l 0777 0:0 /opt/current -> app
    f 4755 0:0 /usr/bin/dash 'dash'
    h 4755 0:0 /usr/bin/sh => /usr/bin/dash
    f 0755 0:0 /usr/bin/tool-1.2 'tool'
    l 0777 0:0 /usr/bin/tool -> tool-1.2
    l 0777 0:0 /usr/bin/broken -> nowhere
    """
)
UPDATE = trees.tree(
    r"""
    f 0644 0:0 /etc/.wh.tool.conf ''
    f 0644 0:0 /etc/other.conf 'level=2\n'
    """
)
CONFIG = RunConfig(
    user="7:7",
    exposed_ports=("80/tcp",),
    env={"PATH": "/usr/bin", "LEVEL": "1"},
    entrypoint=("/usr/bin/tool",),
    cmd=("--serve",),
    volumes=("/data",),
    working_dir="/opt/app",
    labels={"org.opencontainers.image.title": "tools", "vendor": "we"},
    stop_signal="SIGINT",
)


def archive(tree: Rootfs) -> bytes:
    return b"".join(bytes(block) for block in blocks(tree))


def image(*layers: Rootfs, config: RunConfig = CONFIG, platform: Platform = AMD64) -> Image:
    """An image of these layers."""
    return image_of(*map(archive, layers), config=config, platform=platform)


def layout(folder: Path, *images: Image, tag: str = "1") -> Path:
    """A layout that holds these images, one for each platform, under a tag."""
    write_layout(folder, list(images) or [image(TOOLS)], tag=tag)
    return folder


def other(made: Image, **changes: object) -> Image:
    """The same image with another configuration."""
    return replace(made, config=replace(made.config, **changes), original=None)
