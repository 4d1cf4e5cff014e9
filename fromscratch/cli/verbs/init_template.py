"""The commented recipes that `init` writes."""

from collections.abc import Mapping
from pathlib import Path

from fromscratch.sources.catalogue import kinds
from fromscratch.sources.contract import Template

_HEAD = """\
# What this image is made of. `fromscratch fetch build run` makes and starts it;
# `fromscratch schema` prints all that may stand here.
name: {name}

# Items are laid in order, each over those before it. A file that would replace another
# is an error, unless its item says `replace: true`.
rootfs:
"""

_TAIL = """\

# What the image can do without: docs, licences, locales, static-libraries, headers, caches, gconv,
# package-records, or globs such as /usr/share/zoneinfo/**.
trim: [docs, locales, caches]

# accounts:
#   users:
#     - {name: app, uid: 65532, home: /home/app}

# Single paths, when all else is there: directory, file, symlink, hardlink, permissions or delete.
# paths:
#   - {path: /var/lib/app, type: directory, mode: "0750", owner: app}

image:
  cmd: [/bin/sh]
  env: {PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
  # user: "65532:65532"
  # entrypoint: [/usr/bin/app]
  # workdir: /srv
  # ports: [8080]
  # labels: {org.opencontainers.image.source: https://example.org/app}

# platforms: [linux/amd64, linux/arm64]    # default: this machine's
# epoch: 1700000000                        # the one time of every file; $SOURCE_DATE_EPOCH wins; default 0
"""


def choices() -> Mapping[str, Template]:
    """The kinds of source that a root can come from, by their words, with what is written for each."""
    return {word: kind.template for word, kind in kinds().items() if not kind.template.optional}


def template(kind: str, name: str, folder: Path) -> str:
    """A commented recipe for this folder, whose root comes from this kind of source."""
    optional = [kind.template.items for kind in kinds().values() if kind.template.optional]
    items = "".join([kinds()[kind].items_for(folder) or choices()[kind].items, *map(_commented_out, optional)])
    return _HEAD.format(name=name) + items + _TAIL


def _commented_out(items: str) -> str:
    """The lines of a template, each of them a comment."""
    lines = (line if line.lstrip().startswith("#") else f"  # {line[2:]}" for line in items.splitlines(keepends=True))
    return "".join(lines)
