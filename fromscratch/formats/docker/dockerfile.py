"""A Dockerfile that says how an image runs: FROM a root filesystem, then one instruction for each field.

Follows the Dockerfile reference: words are written so that the builder's own expansion (quotes,
backslashes, `$`) gives back the very text, and exec forms are JSON. What the language cannot say,
such as a line break in an environment variable, is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import json_value
from fromscratch.model.image import Healthcheck, RunConfig

SIGNED = "written by fromscratch."  # ends the first line of each
_PLAIN = lazy_regex(r"[A-Za-z0-9_./:@%+,-]+")
_UNITS = ((3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))
_SHORTEST = 1_000_000  # the engines refuse times of a health check below a millisecond
_LOAD_INSTEAD = advice("write it without that, or import with ", Setting("via", "load"), ", which keeps any value")


def metadata_dockerfile(config: RunConfig, base: str, *, name: str = "the image", remarks: Sequence[str] = ()) -> str:
    """The text of a Dockerfile that gives `base` this configuration.

    `remarks` are comments before all that.
    Raises UsageError, naming the field, for a value that no Dockerfile can hold. `args_escaped` is left out: it
    matters to Windows alone.
    """
    head = f"# How {_one_line(name, 'name')} runs: its configuration as a Dockerfile, {SIGNED}"
    comments = "".join(f"# {_one_line(line, 'remark')}\n" for line in remarks)
    return f"{head}\n{comments}FROM {base}\n{metadata_instructions(config)}"


def metadata_instructions(config: RunConfig) -> str:
    """The instructions alone, each of one or several lines, as `docker import --change` takes them too.

    Raises UsageError as `metadata_dockerfile` does.
    """
    if config.stop_timeout is not None:
        raise UsageError(f"no Dockerfile can say a stop timeout, here {config.stop_timeout} seconds", _LOAD_INSTEAD)
    instructions = [
        *_pairs("LABEL", dict(sorted(config.labels.items()))),
        *_pairs("ENV", config.env),
        *_word("WORKDIR", config.working_dir),
        *_ports(config.exposed_ports),
        *_volumes(config.volumes),
        *_word("USER", config.user),
        *_word("STOPSIGNAL", config.stop_signal),
        *_healthcheck(config.healthcheck),
        *_exec_form("SHELL", config.shell),
        *_triggers(config.on_build),
        *_exec_form("ENTRYPOINT", config.entrypoint),
        *_exec_form("CMD", config.cmd),
    ]
    return "".join(f"{instruction}\n" for instruction in instructions)


def _word(instruction: str, value: str) -> Iterator[str]:
    if value:
        yield f"{instruction} {_quoted(value, instruction)}"


def _pairs(instruction: str, pairs: Mapping[str, str]) -> Iterator[str]:
    if pairs:
        written = [f"{_key(instruction, key)}={_quoted(value, f'{instruction} {key}')}" for key, value in pairs.items()]
        yield f"{instruction} " + (" \\\n" + " " * (len(instruction) + 1)).join(written)


def _ports(ports: tuple[str, ...]) -> Iterator[str]:
    if ports:
        yield "EXPOSE " + " ".join(_quoted(port, "EXPOSE") for port in sorted(ports))


def _volumes(volumes: tuple[str, ...]) -> Iterator[str]:
    # Each string of the list is expanded as a word, and blanks around it cut off, after the JSON is read.
    for path in volumes:
        if path != path.strip():
            raise UsageError(f"VOLUME {path!r} cannot be written in a Dockerfile", _LOAD_INSTEAD)
    if volumes:
        yield "VOLUME " + _json([_volume(path) for path in sorted(volumes)])


def _volume(path: str) -> str:
    return path if re.fullmatch(r"[^\\\"'$\n]+", _checked(path, "VOLUME")) else _quoted(path, "VOLUME")


def _exec_form(instruction: str, words: tuple[str, ...]) -> Iterator[str]:
    if words:
        for word in words:
            _checked(word, instruction)
        yield f"{instruction} {_json(words)}"


def _triggers(instructions: tuple[str, ...]) -> Iterator[str]:
    for text in instructions:
        # The builder keeps what follows the word as it is, but cuts blanks off, joins lines and reads here-documents.
        text = _one_line(text, "ONBUILD")
        if not text or text != text.strip() or text.endswith("\\") or "<<" in text:
            raise UsageError(f"ONBUILD {text!r} cannot be written in a Dockerfile", _LOAD_INSTEAD)
        yield f"ONBUILD {text}"


def _healthcheck(check: Healthcheck | None) -> Iterator[str]:
    match check:
        case None:
            return
        case Healthcheck(test=("NONE",)):
            yield "HEALTHCHECK NONE"
        case Healthcheck(test=("CMD", _, *_)):
            yield f"HEALTHCHECK {_times(check)}CMD {_json([_checked(word, 'HEALTHCHECK') for word in check.test[1:]])}"
        case Healthcheck(test=("CMD-SHELL", command)):
            yield f"HEALTHCHECK {_times(check)}CMD {_shell_form(command)}"
        case _:
            raise UsageError(
                f"a health check of the test {list(check.test)} cannot be written as HEALTHCHECK",
                'let it begin with "CMD" or "CMD-SHELL" and the command, or be ["NONE"]',
            )


def _times(check: Healthcheck) -> str:
    flags = {
        "interval": check.interval,
        "timeout": check.timeout,
        "start-period": check.start_period,
        "start-interval": check.start_interval,
    }
    written = [f"--{flag}={_duration(flag, value)}" for flag, value in flags.items() if value]
    if check.retries:
        written.append(f"--retries={check.retries}")
    return "".join(f"{flag} " for flag in written)


def _duration(flag: str, nanoseconds: int) -> str:
    if nanoseconds < _SHORTEST:
        raise UsageError(f"a health check's {flag} of {nanoseconds} ns is refused by the engines", "use 1 ms or more")
    for unit, suffix in _UNITS:
        if nanoseconds % unit == 0:
            return f"{nanoseconds // unit}{suffix}"
    return f"{nanoseconds}ns"


def _shell_form(command: str) -> str:
    _one_line(command, "HEALTHCHECK")
    if not command or command != command.strip() or command.endswith("\\") or _is_list(command):
        raise UsageError(f"the health check command {command!r} cannot be written in a Dockerfile", _LOAD_INSTEAD)
    return command


def _is_list(text: str) -> bool:
    try:
        return isinstance(json_value(text), list)
    except ValueError:
        return False


def _key(instruction: str, key: str) -> str:
    if not key or "=" in key:
        raise UsageError(f"{instruction} {key!r} cannot be written in a Dockerfile", _LOAD_INSTEAD)
    return _quoted(key, instruction)


def _quoted(value: str, where: str) -> str:
    """One word that the builder expands to `value`."""
    return value if _PLAIN.fullmatch(value) else f'"{_escaped(value, where)}"'


def _escaped(value: str, where: str) -> str:
    """As in double quotes: a backslash before what would mean something there."""
    return re.sub(r'([\\"$])', r"\\\1", _one_line(value, where))


def _json(words: tuple[str, ...] | list[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def _one_line(value: str, where: str) -> str:
    if "\n" in _checked(value, where):
        raise UsageError(f"{where}: {value!r} holds a line break, which no Dockerfile can", _LOAD_INSTEAD)
    return value


def _checked(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: {value!r} is not UTF-8", "write the value in UTF-8") from error
    if "\0" in value:
        raise UsageError(f"{where}: {value!r} holds a NUL byte, which no program can be given", "take it out")
    return value
