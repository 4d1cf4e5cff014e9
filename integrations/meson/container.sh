#!/bin/sh
# For a run_target of Meson: what `meson install` installs, with all that it needs and nothing else, as a container image
# in the OCI layout NAME of the build folder.
#
#   container.sh FROMSCRATCH NAME [more options of `fromscratch bundle`]
set -eu
fromscratch=$1
name=$2
shift 2
: "${MESON_BUILD_ROOT:?is not set: this script is started by a run_target of Meson}"
cd "$MESON_BUILD_ROOT"
if [ -e "$name" ] && ! [ -f "$name/oci-layout" ]; then
    echo "error: $PWD/$name is there already, and is not an image" >&2
    echo " hint: give the image another name" >&2
    exit 1
fi
rm -rf container.stage "./$name"
# MESONINTROSPECT is `/usr/bin/meson introspect`, however Meson itself was started. Ninja has built what is installed.
${MESONINTROSPECT% introspect} install -C . --destdir "$PWD/container.stage" --no-rebuild --quiet
exec "$fromscratch" bundle --stage "$PWD/container.stage" --name "$name" --output "$PWD/container.build" --to "oci:$PWD/$name" "$@"
