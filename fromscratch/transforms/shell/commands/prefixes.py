"""Commands that run another one, in another environment or with less priority: env, nice, timeout and the like."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from fromscratch.transforms.shell.commands import indexes, services
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options

_ASSIGNED = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_OTHER_USER = "it runs as another user"


def env(machine: Machine, call: Call) -> Result:
    """env(1) with a command; what it prints without one depends on who builds."""
    words = call.arguments
    clears = words[:1] == ("-",)
    options = parse_options(words[clears:], "iu:", "ignore-environment=i unset=u", anywhere=False)
    environment: Mapping[str, str] = {} if clears or options.has("i") else call.environment
    removed = options.values("u")
    changed = {name: value for name, value in environment.items() if name not in removed}
    operands = [*options.operands]
    while operands and (found := _ASSIGNED.fullmatch(operands[0])):
        changed[found[1]] = found[2]
        operands.pop(0)
    if not operands:
        raise NotUnderstood("the environment of whoever builds")
    return machine.run(replace(call, words=tuple(operands), environment=changed))


def _after(letters: str, names: str, own: int, machine: Machine, call: Call) -> Result:
    """The command behind the options and so many operands of a prefix."""
    options = parse_options(call.arguments, letters, names, anywhere=False)
    words = options.operands[own:]
    return machine.run(replace(call, words=words)) if words else Result()


def nice(machine: Machine, call: Call) -> Result:
    """nice(1): `nice -5 COMMAND` too."""
    words = call.arguments
    if words and re.fullmatch(r"-[0-9]+", words[0]):
        call = replace(call, words=(call.words[0], *words[1:]))
    return _after("n:", "adjustment:=n", 0, machine, call)


def _as_user(read: Callable[[Call], Options], machine: Machine, call: Call) -> Result:
    """Another user's command, only where it does nothing: the owner of what it made would be that user."""
    options = read(call)
    name = next((word for word in options.operands if "=" not in word), "").rpartition("/")[2]
    known = indexes.COMMANDS.get(name, services.COMMANDS.get(name))
    if options.has("c") or known is None or known.run is not services.nothing:
        raise NotUnderstood(_OTHER_USER)
    return Result()


def _runuser(call: Call) -> Options:
    names = "user:=u command:=c login=l group:=g supp-group:=G shell:=s preserve-environment=p"
    options = parse_options(call.arguments, "u:c:lg:G:s:mp", names, anywhere=False)
    return options if options.has("u") else replace(options, operands=options.operands[1:])


def _setpriv(call: Call) -> Options:
    names = "reuid: regid: ruid: euid: init-groups clear-groups keep-groups groups: reset-env inh-caps: bounding-set:"
    return parse_options(call.arguments, "", names, anywhere=False)


def _su(call: Call) -> Options:
    options = parse_options(
        tuple(word for word in call.arguments if word != "-"),
        "c:ls:mpg:G:",
        "command:=c login=l shell:=s preserve-environment=p group:=g",
    )
    return Options(options.given, ())


COMMANDS = {
    "chrt": Command(partial(_after, "abfior", "", 1), "program"),
    "env": Command(env, "program"),
    "ionice": Command(partial(_after, "c:n:tp", "class:=c classdata:=n ignore=t", 0), "program"),
    "nice": Command(nice, "program"),
    "nohup": Command(partial(_after, "", "", 0), "program"),
    "runuser": Command(partial(_as_user, _runuser), "program"),
    "setpriv": Command(partial(_as_user, _setpriv), "program"),
    "setsid": Command(partial(_after, "cfw", "ctty=c fork=f wait=w", 0), "program"),
    "stdbuf": Command(partial(_after, "i:o:e:", "input:=i output:=o error:=e", 0), "program"),
    "su": Command(partial(_as_user, _su), "program"),
    "timeout": Command(
        partial(_after, "k:s:v", "kill-after:=k signal:=s foreground preserve-status verbose=v", 1), "program"
    ),
}
