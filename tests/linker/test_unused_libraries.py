"""Which libraries of the C library and of gcc nothing in a tree links or loads."""

import pytest

from fromscratch.linker.unused_libraries import as_globs, unused_libraries
from tests.linker.roots import lib, program, rootfs

LIBC = "/usr/lib/libc.so.6"
FAMILY = {
    LIBC: lib(soname="libc.so.6", data=b"\0libgcc_s.so.1\0"),
    "/usr/lib/libm.so.6": lib("libc.so.6", soname="libm.so.6"),
    "/usr/lib/libmvec.so.1": lib("libm.so.6", soname="libmvec.so.1"),
    "/usr/lib/libgcc_s.so.1": lib("libc.so.6", soname="libgcc_s.so.1"),
    "/usr/lib/libnss_dns.so.2": lib("libresolv.so.2", soname="libnss_dns.so.2"),
    "/usr/lib/libresolv.so.2": lib("libc.so.6", soname="libresolv.so.2"),
    "/usr/lib/libjq.so.1": lib("libc.so.6", soname="libjq.so.1"),
}


@pytest.mark.parametrize(
    ("main", "unused"),
    [
        (program("libc.so.6"), ["libgcc_s.so.1", "libm.so.6", "libmvec.so.1"]),
        (program("libm.so.6"), ["libgcc_s.so.1", "libmvec.so.1"]),
        (program("libmvec.so.1"), ["libgcc_s.so.1"]),
        (program("libc.so.6", data=b"\0libm.so.6\0"), ["libgcc_s.so.1", "libmvec.so.1"]),
        (program("libc.so.6", imports=("pthread_exit",)), ["libm.so.6", "libmvec.so.1"]),
    ],
    ids=["links none", "links one", "links one that links another", "names one in its data", "has glibc load one"],
)
def test_what_is_neither_linked_nor_loaded(main: bytes, unused: list[str]) -> None:
    """Modules of name services stay, with what they link, and so does every library that is not of the toolchain."""
    found = unused_libraries(rootfs({**FAMILY, "/usr/bin/main": main}))
    assert [path.removeprefix("/usr/lib/") for path in sorted(found)] == unused


def test_a_path_as_a_glob_means_itself() -> None:
    assert as_globs(unused_libraries(rootfs({"/usr/[lib]/libm.so.6": lib(soname="libm.so.6")}))) == [
        "/usr/[[]lib]/libm.so.6"
    ]


@pytest.mark.parametrize(("version", "unused"), [("GLIBC_2.33", []), ("GLIBC_2.34", ["/lib/libnss_files.so.2"])])
def test_modules_of_name_services_are_within_the_c_library_since_2_34(version: str, unused: list[str]) -> None:
    libc = lib(soname="libc.so.6", data=f"\0{version}\0".encode())
    tree = rootfs({"/lib/libc.so.6": libc, "/lib/libnss_files.so.2": lib(soname="libnss_files.so.2")})
    assert sorted(unused_libraries(tree)) == unused
