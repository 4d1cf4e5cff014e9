"""`host_tools: system`: this machine's fakeroot, patchelf and tar in the place of those that Buildroot would build.

Buildroot builds these three, and for them m4, libtool, autoconf, automake, attr and acl, before it
makes its first image. Its own override file lets the installed programs stand in: each becomes a
tiny source folder whose installation is a script that runs the program.
"""

from pathlib import Path

from msgspec import Struct

from fromscratch.errors import MissingTool
from fromscratch.host.process import run
from fromscratch.host.storage import disk

PROGRAMS = ("fakeroot", "patchelf")

# Buildroot patches its patchelf to have --make-rpath-relative; this does the same for the target's
# tree: an entry below the root loses the root, the linker's own folders and build folders fall away.
_PATCHELF = r"""#!/bin/sh
program=@PROGRAM@
[ "$1" = --make-rpath-relative ] || exec "$program" "$@"
root=$2
for file; do :; done
old=$("$program" --print-rpath "$file") || exit 0
[ -n "$old" ] || exit 0
new=
IFS=:
for entry in $old; do
    case $entry in
    '$ORIGIN'*) ;;
    "$root"/*) entry=${entry#"$root"} ;;
    /*) [ -d "$root$entry" ] || continue ;;
    *) continue ;;
    esac
    case $entry in /lib | /usr/lib | /lib/ | /usr/lib/) continue ;; esac
    new=${new:+$new:}$entry
done
unset IFS
[ "$new" != "$old" ] || exit 0
if [ -n "$new" ]; then exec "$program" --set-rpath "$new" "$file"; fi
exec "$program" --remove-rpath "$file"
"""
_PLAIN = '#!/bin/sh\nexec @PROGRAM@ "$@"\n'
_CONFIGURE = "#!/bin/sh\nexit 0\n"
_MAKEFILE = "all:\ninstall:\n\tmkdir -p $(HOST_DIR)/bin\n\tinstall -m 755 stand-in $(HOST_DIR)/bin/@NAME@\n"
_OVERRIDES = """# For host_tools: system.
FAKEROOT_OVERRIDE_SRCDIR = @FOLDER@/fakeroot
PATCHELF_OVERRIDE_SRCDIR = @FOLDER@/patchelf
HOST_FAKEROOT_AUTORECONF = NO
override HOST_FAKEROOT_DEPENDENCIES =
override FAKEROOT_LICENSE_FILES =
override PATCHELF_LICENSE_FILES =
"""


class HostTools(Struct, frozen=True):
    """`identity` has the versions of what could change the image's bytes."""

    programs: dict[str, str]
    identity: str


def identify() -> HostTools:
    """The programs of this machine. Raises MissingTool, naming all that are missing."""
    found = {name: run.find(name) for name in (*PROGRAMS, "tar")}
    if missing := [name for name, path in found.items() if path is None]:
        raise MissingTool(
            f"host_tools: system needs {' and '.join(missing)}, which are not on this machine",
            f"on Debian or Ubuntu: apt-get install {' '.join(missing)}; or leave host_tools: out",
        )
    versions = [
        run.run([str(found[name]), "--version"]).stdout.decode().partition("\n")[0] for name in ("patchelf", "tar")
    ]
    return HostTools({name: str(path) for name, path in found.items()}, "\n".join(versions))


def lay_out(tools: HostTools, folder: Path) -> tuple[dict[str, str], str]:
    """Write the stand-ins; the answer is make's variables for them, and what the file of overrides says."""
    for name in PROGRAMS:
        script = _PATCHELF if name == "patchelf" else _PLAIN
        _write(folder / name / "stand-in", script.replace("@PROGRAM@", tools.programs[name]), 0o755)
        _write(folder / name / "configure", _CONFIGURE, 0o755)
        _write(folder / name / "Makefile", _MAKEFILE.replace("@NAME@", name))
    return {"BR2_TAR_HOST_DEPENDENCY": "", "TAR": tools.programs["tar"]}, _OVERRIDES.replace("@FOLDER@", str(folder))


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    if not path.is_file() or path.read_text() != text:
        disk.write_atomically(path, text.encode(), mode)
