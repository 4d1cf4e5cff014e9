"""Alpine's names for architectures, as the folders of its repositories have them."""

ARCHITECTURES = {
    "linux/386": "x86",
    "linux/amd64": "x86_64",
    "linux/arm/v6": "armhf",
    "linux/arm/v7": "armv7",
    "linux/arm64": "aarch64",
    "linux/loong64": "loongarch64",
    "linux/ppc64le": "ppc64le",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}
"""By platform."""
