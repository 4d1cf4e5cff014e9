"""dpkg-maintscript-helper(1): changes of configuration files and folders on upgrades."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_KNOWN = frozenset({"dir_to_symlink", "mv_conffile", "rm_conffile", "symlink_to_dir"})


def dpkg_maintscript_helper(machine: Machine, call: Call) -> Result:
    """Nothing: on a fresh installation there is nothing of an older version."""
    verb, *operands = call.arguments or ("",)
    if verb == "supports":
        return Result(int(not {*operands[:1]} & _KNOWN))
    if verb not in _KNOWN:
        raise NotUnderstood(f"{verb!r} is not known of dpkg-maintscript-helper")
    return Result()


COMMANDS = {"dpkg-maintscript-helper": Command(dpkg_maintscript_helper, "content")}
