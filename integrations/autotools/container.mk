# An image of any project that has a Makefile with `install` and DESTDIR, unchanged. In its build folder:
#
#     make -f $(fromscratch autotools-dir)/container.mk
#
# builds it, installs it below container.stage, and packs that with all it needs and nothing else, in the OCI layout
# $(CONTAINER_NAME). Set CONTAINER_NAME, CONTAINER_FLAGS='more options of `fromscratch bundle`', CONTAINER_ROOT=SYSROOT or
# CONTAINER_COMPRESSION=smallest behind it. CONTAINER_INSTALL is the target that installs.

.DEFAULT_GOAL := container
MAKEFILE := $(firstword $(wildcard GNUmakefile makefile Makefile))
container_value = $(if $(MAKEFILE),$(shell sed -n 's/^$(1) *=  *//p' '$(MAKEFILE)' | head -n 1))

CONTAINER_NAME := $(or $(call container_value,PACKAGE_TARNAME),$(shell basename "$$PWD" | tr 'A-Z ' 'a-z-'))
CONTAINER_INSTALL := $(if $(MAKEFILE),$(shell grep -q '^install-strip:' '$(MAKEFILE)' && echo install-strip || echo install))
CONTAINER_COMPRESSION = gzip
FROMSCRATCH = fromscratch
# The root of a cross compiler, where the configuration was for another machine and Debian or Fedora keep it.
container_host := $(call container_value,host_alias)
CONTAINER_ROOT := $(if $(container_host),$(patsubst %/lib,%,$(wildcard /usr/$(container_host)/lib)))

container_stage = $(CURDIR)/container.stage
container_build = $(CURDIR)/container.build
container_layout = $(CURDIR)/$(CONTAINER_NAME)

container:
	@test -n '$(MAKEFILE)' || { \
	  echo 'error: there is no Makefile here, in $(CURDIR)' >&2; \
	  echo ' hint: configure the project first, and call make in its build folder' >&2; \
	  exit 1; }
	@command -v '$(FROMSCRATCH)' > /dev/null || { \
	  echo 'error: there is no program $(FROMSCRATCH), so no image of $(CONTAINER_NAME) can be made' >&2; \
	  echo ' hint: install it (pipx install FOLDER, that of its sources), or say FROMSCRATCH=PATH' >&2; \
	  exit 1; }
	$(MAKE) -f '$(MAKEFILE)'
	@layout='$(container_layout)'; if test -f "$$layout"; then layout=$$layout.oci; fi; \
	if test -e "$$layout" && ! test -f "$$layout/oci-layout"; then \
	  echo "error: $$layout is there already, and is not an image" >&2; \
	  echo ' hint: choose another name, with CONTAINER_NAME=NAME' >&2; \
	  exit 1; fi; \
	rm -rf '$(container_stage)' "$$layout"
	umask 022 && $(MAKE) -f '$(MAKEFILE)' $(CONTAINER_INSTALL) DESTDIR='$(container_stage)'
	@# Where a program of the build has the image's name, its folder has another.
	@layout='$(container_layout)'; if test -f "$$layout"; then layout=$$layout.oci; fi; \
	set bundle --stage '$(container_stage)' --name '$(CONTAINER_NAME)' --output '$(container_build)' \
	  --compression '$(CONTAINER_COMPRESSION)' --to "oci:$$layout"; \
	if test -n '$(CONTAINER_ROOT)'; then set "$$@" --root '$(CONTAINER_ROOT)'; fi; \
	exec '$(FROMSCRATCH)' "$$@" $(CONTAINER_FLAGS)

container-clean:
	@for layout in '$(container_layout)' '$(container_layout).oci'; do \
	  if test -f "$$layout/oci-layout"; then rm -rf "$$layout"; fi; done
	rm -rf '$(container_stage)' '$(container_build)'

.PHONY: container container-clean
