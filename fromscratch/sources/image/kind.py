"""Source `image`: what a recipe and the command line know of it."""

from fromscratch.sources.contract import Context, Kind, Source, Template
from fromscratch.sources.image.options import ImageSourceOptions

_TEMPLATE = """\
  # A container image as the base; its entry point, user and environment stay, unless image: below says otherwise.
  - image: docker.io/library/debian:bookworm-slim
  # Or paths that are copied from one:
  # - image: {from: "docker.io/library/caddy:2", include: [/usr/bin/caddy]}
"""


def _bind(options: ImageSourceOptions, context: Context) -> Source:
    from fromscratch.sources.image.source import ImageSource

    return ImageSource(options, context)


KIND = Kind(
    options=ImageSourceOptions,
    bind=_bind,
    shorthand="from",
    template=Template(items=_TEMPLATE),
)
