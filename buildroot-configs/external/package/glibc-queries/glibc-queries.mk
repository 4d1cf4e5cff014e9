################################################################################
#
# glibc-queries
#
################################################################################

GLIBC_QUERIES_VERSION = 1
GLIBC_QUERIES_SITE = $(BR2_EXTERNAL_FROMSCRATCH_PATH)/package/glibc-queries/src
GLIBC_QUERIES_SITE_METHOD = local
GLIBC_QUERIES_LICENSE = Apache-2.0

GLIBC_QUERIES_FLAGS = $(if $(BR2_PIC_PIE),,-fno-pie -no-pie)

define GLIBC_QUERIES_BUILD_CMDS
	$(foreach program,getconf getent,\
		$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) $(GLIBC_QUERIES_FLAGS) -o $(@D)/$(program) $(@D)/$(program).c$(sep))
endef

define GLIBC_QUERIES_INSTALL_TARGET_CMDS
	$(foreach program,getconf getent,\
		$(INSTALL) -D -m 0755 $(@D)/$(program) $(TARGET_DIR)/usr/bin/$(program)$(sep))
endef

$(eval $(generic-package))
