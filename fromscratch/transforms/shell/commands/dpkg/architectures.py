"""dpkg-architecture(1): the names of an architecture, in dpkg's, GNU's and the folders' words."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

# dpkg's name: CPU of GNU, system of GNU, bits, endianness.
_GNU = {
    "amd64": ("x86_64", "linux-gnu", "64", "little"),
    "arm64": ("aarch64", "linux-gnu", "64", "little"),
    "armel": ("arm", "linux-gnueabi", "32", "little"),
    "armhf": ("arm", "linux-gnueabihf", "32", "little"),
    "i386": ("i686", "linux-gnu", "32", "little"),
    "loong64": ("loongarch64", "linux-gnu", "64", "little"),
    "mips64el": ("mips64el", "linux-gnuabi64", "64", "little"),
    "mipsel": ("mipsel", "linux-gnu", "32", "little"),
    "ppc64el": ("powerpc64le", "linux-gnu", "64", "little"),
    "riscv64": ("riscv64", "linux-gnu", "64", "little"),
    "s390x": ("s390x", "linux-gnu", "64", "big"),
}
_SUBTREES = ("DEB_HOST_", "DEB_BUILD_", "DEB_TARGET_")


def dpkg_architecture(machine: Machine, call: Call) -> Result:
    """-q VARIABLE, -e ARCHITECTURE, or all variables."""
    known = variables(machine.architecture)
    match call.arguments:
        case ("-q" | "--query", name):
            return _value(known, name)
        case (word,) if word.startswith("-q"):
            return _value(known, word[2:])
        case ("-e" | "--equal", name):
            return Result(int(name != machine.architecture))
        case () | ("-l",):
            return Result(0, "".join(f"{name}={value}\n" for name, value in sorted(known.items())).encode())
    raise NotUnderstood("these options of dpkg-architecture are not known")


def _value(known: dict[str, str], name: str) -> Result:
    return Result(0, f"{known[name]}\n".encode()) if name in known else Result(1)


def variables(architecture: str) -> dict[str, str]:
    """What dpkg-architecture knows of an architecture. Raises NotUnderstood for an unknown one."""
    if architecture not in _GNU:
        raise NotUnderstood(f"the names of the architecture {architecture} are not known")
    cpu, system, bits, order = _GNU[architecture]
    folder = "i386" if cpu == "i686" else cpu
    values = {
        "ARCH": architecture,
        "ARCH_OS": "linux",
        "ARCH_CPU": "arm" if architecture.startswith("arm") and bits == "32" else architecture,
        "ARCH_BITS": bits,
        "ARCH_ENDIAN": order,
        "GNU_CPU": cpu,
        "GNU_SYSTEM": system,
        "GNU_TYPE": f"{cpu}-{system}",
        "MULTIARCH": f"{folder}-{system}",
    }
    return {f"{subtree}{name}": value for subtree in _SUBTREES for name, value in values.items()}


COMMANDS = {"dpkg-architecture": Command(dpkg_architecture, "content")}
