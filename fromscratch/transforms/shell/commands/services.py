"""Commands that act on a running system: nothing is running in an image, so most of them have nothing to do."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_INACTIVE = Result(3, b"inactive\n")
_QUESTIONS = {
    "is-active": _INACTIVE,
    "is-failed": Result(1, b"inactive\n"),
    "is-enabled": Result(1, b"disabled\n"),
    "is-system-running": Result(1, b"offline\n"),
    "status": Result(3),
}
_UNKNOWN_QUESTIONS = frozenset(
    ("cat", "get-default", "list-jobs", "list-timers", "list-unit-files", "list-units", "show")
)
# Links into /etc/systemd, in what a container has no use for: no system starts there.
_NOTHING = (
    "apparmor_parser", "chcon", "deb-systemd-helper", "deb-systemd-invoke", "depmod", "init", "initctl", "insmod",
    "invoke-rc.d", "logger", "modprobe", "reload", "restart", "restorecon", "rmmod", "semodule", "setsebool", "sleep",
    "start", "start-stop-daemon", "stop", "sync", "sysctl", "telinit", "udevadm", "update-grub", "update-initramfs",
    "update-rc.d", "wall",
)  # fmt: skip


def nothing(machine: Machine, call: Call) -> Result:
    """What has nothing to do in an image that no system boots from."""
    return Result()


def systemctl(machine: Machine, call: Call) -> Result:
    """As where systemd does not run. Raises NotUnderstood for a question with a longer answer."""
    verb = next((word for word in call.arguments if not word.startswith("-")), "")
    if verb in _UNKNOWN_QUESTIONS:
        raise NotUnderstood(f"no system runs that could answer {verb}")
    quiet = any(word in ("-q", "--quiet") for word in call.arguments)
    answer = _QUESTIONS.get(verb, Result())
    return Result(answer.status) if quiet else answer


def service(machine: Machine, call: Call) -> Result:
    return Result(3) if call.arguments[-1:] == ("status",) else Result()


def policy_rc_d(machine: Machine, call: Call) -> Result:
    """Services may not be started: the convention of images."""
    return Result(101)


def _runs_in_chroot(machine: Machine, call: Call) -> Result:
    return Result()


def _detect_virt(machine: Machine, call: Call) -> Result:
    quiet = any(word in ("-q", "--quiet") for word in call.arguments)
    return Result(0 if "--chroot" in call.arguments or "-r" in call.arguments else 1, b"" if quiet else b"none\n")


COMMANDS = {
    **{name: Command(nothing, "program") for name in _NOTHING},
    "ischroot": Command(_runs_in_chroot, "program"),
    "policy-rc.d": Command(policy_rc_d, "program"),
    "service": Command(service, "program"),
    "systemctl": Command(systemctl, "program"),
    "systemd-detect-virt": Command(_detect_virt, "program"),
}
