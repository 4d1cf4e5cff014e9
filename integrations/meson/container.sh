#!/bin/sh
# What `meson install` of a build folder installs, with all that it needs and nothing else, as a container image in the OCI
# layout NAME of that folder (NAME.oci, where a program is called so). The target `container` of meson.build beside this file calls it; for a project without
# that target, unchanged:
#
#   container.sh --build DIR [--name NAME] [--sysroot DIR] [--fromscratch PROGRAM] [more options of `fromscratch bundle`]
#
# --cross COMPILER takes the libraries from where a cross compiler has them.
set -eu

fail() {
    printf 'error: %s\n hint: %s\n' "$1" "$2" >&2
    exit 1
}

# The root of a cross compiler's libraries: what it says, else the folder of its triplet in Debian and Fedora.
root_of() {
    said=$("$1" -print-sysroot 2>/dev/null) || said=
    triplet=$(basename "$1" | sed -E 's/-(gcc|g\+\+|cc|c\+\+)(-[0-9.]+)?$//')
    if [ -n "$said" ] && [ "$said" != / ] && [ -d "$said" ]; then
        echo "$said"
    elif [ -d "/usr/$triplet/lib" ]; then
        echo "/usr/$triplet"
    fi
}

build=${MESON_BUILD_ROOT:-} name='' root='' fromscratch=fromscratch
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2 ;;
    --name) name=$2 ;;
    --sysroot) root=$2 ;;
    --cross) root=$(root_of "$2") ;;
    --fromscratch) fromscratch=$2 ;;
    *) break ;;
    esac
    shift 2
done
[ -f "$build/meson-private/coredata.dat" ] ||
    fail "${build:-nothing} is not a build folder of Meson" "name one that meson setup made, with --build"
build=$(cd "$build" && pwd)
# MESONINTROSPECT is `/usr/bin/meson introspect`, however Meson itself was started.
meson=${MESONINTROSPECT:-meson introspect}
meson=${meson% introspect}
[ -n "$name" ] ||
    name=$($meson introspect --projectinfo "$build" | sed -E 's/.*"descriptive_name": "([^"]*)".*/\1/')
name=$(echo "$name" | tr 'A-Z ' 'a-z-')
command -v "$fromscratch" >/dev/null ||
    fail "there is no program fromscratch, so no image of $name can be made" \
        "install it (pipx install FOLDER, that of its sources), and set the build folder up again, with meson setup --wipe"

rm -rf "$build/container.stage"
# Installing brings the build up to date first. Where nothing is to be done, Ninja is not called from within Ninja.
rebuild=
if ninja -C "$build" -n all 2>/dev/null | grep -q 'no work to do'; then rebuild=--no-rebuild; fi
umask 022
$meson install -C "$build" --destdir "$build/container.stage" --quiet $rebuild
# Where a program of the build has the image's name, its folder has another.
layout=$build/$name
[ ! -f "$layout" ] || layout=$layout.oci
if [ -e "$layout" ] && ! [ -f "$layout/oci-layout" ]; then
    fail "$layout is there already, and is not an image" "give the image another name"
fi
rm -rf "${layout:?}"
set -- --stage "$build/container.stage" --name "$name" --output "$build/container.build" \
    --compression "${CONTAINER_COMPRESSION:-gzip}" --to "oci:$layout" "$@"
[ -z "$root" ] || set -- --root "$root" "$@"
exec "$fromscratch" bundle "$@"
