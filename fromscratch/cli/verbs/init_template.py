"""The commented recipes that `init` writes."""

_HEAD = """\
# What this image is made of. `fromscratch fetch build run` makes and starts it;
# `fromscratch schema` prints all that may stand here.
name: {name}

# Items are laid in order, each over those before it. A file that would replace another
# is an error, unless its item says `replace: true`.
rootfs:
"""

_DEBIAN = """\
  # Packages of a Debian release with all that they depend on; no root, apt or dpkg needed.
  - debian:
      suite: trixie
      packages: [busybox]
      # mirror: https://HOST/debian        # default: where this machine's own apt looks
"""

_BUILDROOT = """\
  # From source, by Buildroot. `fromscratch configure --menu` opens its menus.
  - buildroot:
      version: "2026.05.1"
      config: busybox-glibc                # or app-glibc: no busybox, only what packages: names
      # packages: [jq]
      # toolchain: host                    # this machine's own compiler: a quick turn for workshops and tests
      # tree: ../buildroot                 # a tree, tarball or git repository instead of a release
      # mirror: /srv/sources               # where source tarballs are looked for first
"""

_BINARIES = """\
  # Programs of this machine with everything that they need, and nothing else.
  - binaries:
      paths: [/bin/sh]                     # FILE keeps its path, FILE:/DEST puts it elsewhere
      # add: ["conf:/etc/app"]             # further files and folders
      # root: /opt/sysroot                 # where libraries come from, instead of this machine
"""

_DIRECTORY = """\
  # A root that something else has made.
  - directory: {{path: rootfs}}
"""

_TARBALL = """\
  # A root in an archive, here or at an address with its sha256.
  - tarball: {{path: rootfs.tar.gz}}
"""

_TAIL = """\
  # Files of your own. `.wh.NAME` in an overlay removes NAME from the root.
  # - overlay: overlay

# What the image can do without: docs, licences, locales, static-libraries, headers, caches, gconv,
# package-records, or globs such as /usr/share/zoneinfo/**.
trim: [docs, locales, caches]

# accounts:
#   users:
#     - {{name: app, uid: 65532, home: /home/app}}

image:
  cmd: [/bin/sh]
  env: {{PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
  # user: "65532:65532"
  # entrypoint: [/usr/bin/app]
  # workdir: /srv
  # ports: [8080]
  # labels: {{org.opencontainers.image.source: https://example.org/app}}

# platforms: [linux/amd64, linux/arm64]    # default: this machine's
# epoch: 1700000000                        # the one time of every file; $SOURCE_DATE_EPOCH wins; default 0
"""

KINDS = {
    "debian": _DEBIAN,
    "buildroot": _BUILDROOT,
    "binaries": _BINARIES,
    "directory": _DIRECTORY,
    "tarball": _TARBALL,
}


# What has to be there before the recipe can be built: where, and how to say so.
FIRST = {
    "directory": ("rootfs", "put the root into the folder rootfs, or write where it is under path:"),
    "tarball": ("rootfs.tar.gz", "put the archive there as rootfs.tar.gz, or write where it is under path: or url:"),
}


def template(kind: str, name: str) -> str:
    """A commented recipe whose root comes from this kind of source."""
    return (_HEAD + KINDS[kind] + _TAIL).format(name=name)
