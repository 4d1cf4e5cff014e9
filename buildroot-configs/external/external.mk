include $(sort $(wildcard $(BR2_EXTERNAL_FROMSCRATCH_PATH)/package/*/*.mk))

# BusyBox takes a few functions of libm, for awk, and a few of libresolv, for nslookup. Linked from the archives they
# take a tenth of what the shared libraries would. libm.a of x86-64 picks variants of its functions for newer CPUs, by
# features that the loader keeps to itself: plain-libm.c stands in for both, so that the plain ones remain.
define BUSYBOX_USE_ARCHIVES
	mkdir -p $(BUSYBOX_DIR)/archives
	$(TARGET_CC) $(TARGET_CFLAGS) -c -o $(BUSYBOX_DIR)/archives/plain-libm.o \
		$(BR2_EXTERNAL_FROMSCRATCH_PATH)/busybox/plain-libm.c
	echo "GROUP ( $(BUSYBOX_DIR)/archives/plain-libm.o" \
		"$(firstword $(wildcard $(STAGING_DIR)/usr/lib/libm-*.a) $(STAGING_DIR)/usr/lib/libm.a) )" \
		> $(BUSYBOX_DIR)/archives/libm.a
	ln -sf $(STAGING_DIR)/usr/lib/libresolv.a $(BUSYBOX_DIR)/archives/libresolv.a
endef
BUSYBOX_PRE_BUILD_HOOKS += BUSYBOX_USE_ARCHIVES
BUSYBOX_LDFLAGS += -L$(BUSYBOX_DIR)/archives -Wl,--build-id=none

# Compilers of distributions make position-independent programs unless they are told otherwise.
ifneq ($(BR2_PIC_PIE),y)
BUSYBOX_CFLAGS += -fno-pie
BUSYBOX_LDFLAGS += -no-pie
endif
