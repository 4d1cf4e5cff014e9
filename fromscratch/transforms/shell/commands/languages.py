"""Perl and Python, none of whose programs are run: what scripts ask of them that is known all the same."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_PYTHONS = ("python3", *(f"python3.{number}" for number in range(7, 16)))
_COMPILERS = ("compileall", "compileall.py", "py_compile", "py_compile.py")


def perl(machine: Machine, call: Call) -> Result:
    """Whether there is a Perl that runs, which scripts ask by a program that is empty. No other is run."""
    if call.arguments not in (("-e", ""), ("-e", "1")):
        raise NotUnderstood("perl is a program, and programs are not run")
    return Result(0 if machine.tree.find("/usr/bin/perl") is not None else 127)


def python(machine: Machine, call: Call) -> Result:
    """Byte code is not made, since Python does without; nothing else that a program in Python does is followed."""
    if any(word.rpartition("/")[2] in _COMPILERS for word in call.arguments):
        return Result()
    raise NotUnderstood(f"{call.name} is a program, and programs are not run")


COMMANDS = {
    "perl": Command(perl, "program"),
    **{name: Command(python, "program") for name in _PYTHONS},
}
