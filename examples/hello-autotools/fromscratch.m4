# Minimal container images from an Autotools project.                                            serial 1
#
# FROMSCRATCH_CONTAINER([NAME])
# -----------------------------
# Looks for the program fromscratch, for `make container` of container.am. It is not needed to configure or build.
# NAME is what the image and the folder with its OCI layout are called; the package's name, if it is left out.
# Whoever configures can set FROMSCRATCH=PATH, --with-container-name=NAME, CONTAINER_FLAGS='more options of bundle',
# CONTAINER_COMPRESSION=smallest (default: gzip) and CONTAINER_ROOT=SYSROOT (default: that of the cross compiler).
AC_DEFUN([FROMSCRATCH_CONTAINER],
[AC_ARG_VAR([FROMSCRATCH], [the program fromscratch, which makes container images])dnl
AC_ARG_VAR([CONTAINER_FLAGS], [more options of `fromscratch bundle' for make container])dnl
AC_ARG_VAR([CONTAINER_COMPRESSION], [compression of its layers: gzip (default), zstd, smallest, fast or none])dnl
AC_ARG_VAR([CONTAINER_ROOT], [sysroot with the libraries of the programs, for cross builds])dnl
AC_ARG_WITH([container-name],
  [AS_HELP_STRING([--with-container-name=NAME], [what make container calls the image @<:@]m4_default([$1], [AC_PACKAGE_TARNAME])[@:>@])],
  [], [with_container_name=m4_default([$1], [AC_PACKAGE_TARNAME])])dnl
AS_CASE([$with_container_name],
  [yes|no|""], [AC_MSG_ERROR([--with-container-name needs a name])])
AC_SUBST([CONTAINER_NAME], [$with_container_name])dnl
: ${CONTAINER_COMPRESSION=gzip}
AS_IF([test "x$CONTAINER_ROOT" = x && test "x$cross_compiling" = xyes],
  [CONTAINER_ROOT=`$CC -print-sysroot 2>/dev/null`
   AS_CASE([$CONTAINER_ROOT], [""|/], [CONTAINER_ROOT=; AS_IF([test -d "/usr/$host_alias/lib"], [CONTAINER_ROOT=/usr/$host_alias])])])
AC_PATH_PROG([FROMSCRATCH], [fromscratch])
])

# FROMSCRATCH_REPRODUCIBLE
# ------------------------
# Puts into REPRODUCIBLE_CFLAGS and REPRODUCIBLE_LDFLAGS what keeps the place of the build out of C programs: prefix
# maps for source and build folder, in the older spelling where the compiler lacks the newer, and no build id.
AC_DEFUN([FROMSCRATCH_REPRODUCIBLE],
[AC_REQUIRE([AC_PROG_CC])dnl
AC_CACHE_CHECK([how $CC is told to leave out the place of the build], [fromscratch_cv_prefix_map],
[fromscratch_cv_prefix_map=none
fromscratch_saved=$CFLAGS
for fromscratch_map in '-ffile-prefix-map' '-fdebug-prefix-map -fmacro-prefix-map' '-fdebug-prefix-map'; do
  CFLAGS="$fromscratch_saved -Werror"
  for fromscratch_flag in $fromscratch_map; do
    CFLAGS="$CFLAGS $fromscratch_flag=/x=/y"
  done
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [fromscratch_cv_prefix_map=$fromscratch_map; break])
done
CFLAGS=$fromscratch_saved])
AC_CACHE_CHECK([whether the linker can leave out the build id], [fromscratch_cv_no_build_id],
[fromscratch_saved=$LDFLAGS
LDFLAGS="$LDFLAGS -Wl,--build-id=none"
AC_LINK_IFELSE([AC_LANG_PROGRAM()], [fromscratch_cv_no_build_id=yes], [fromscratch_cv_no_build_id=no])
LDFLAGS=$fromscratch_saved])
REPRODUCIBLE_CFLAGS=
AS_IF([test "x$fromscratch_cv_prefix_map" != xnone],
  [for fromscratch_flag in $fromscratch_cv_prefix_map; do
    # The build folder last: of two maps that fit, the compiler takes the later, and it can lie below the sources.
    REPRODUCIBLE_CFLAGS="$REPRODUCIBLE_CFLAGS '$fromscratch_flag=\$(abs_top_srcdir)=.' '$fromscratch_flag=\$(abs_top_builddir)=.'"
  done])
REPRODUCIBLE_LDFLAGS=
AS_IF([test "x$fromscratch_cv_no_build_id" = xyes], [REPRODUCIBLE_LDFLAGS=-Wl,--build-id=none])
AC_SUBST([REPRODUCIBLE_CFLAGS])dnl
AC_SUBST([REPRODUCIBLE_LDFLAGS])dnl
])
