"""What the options of `mod` say is to be changed in an image."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from fromscratch.cli.verbs import mod_values as values
from fromscratch.cli.verbs.bundle.options import pairs
from fromscratch.cli.verbs.mod_table import CLEARED, MOD
from fromscratch.errors import UsageError
from fromscratch.model.image import Platform
from fromscratch.model.image_changes import HealthChange, ImageChanges, Pairs, Words
from fromscratch.nearest import nearest
from fromscratch.recipe.image import ImageOptions

_OPTIONS = {
    "ports": "port",
    "volumes": "volume",
    "labels": "label",
    "annotations": "annotation",
    "stop_signal": "stop-signal",
}
_PLACES = ("image", "to", "tag", "engine", "plain_http", "ca", "append", "owner", "start_check", "json")
_OF_HISTORY = ("comment", "created_by", "no_history")
SAID = {option.parameter: option.flag for option in MOD.own() if option.parameter not in (*_PLACES, *_OF_HISTORY)}
"""The parameters that say what is to be changed, with their flags."""


def changes(said: Mapping[str, Any]) -> ImageChanges:
    """The changes by the options that were given, each under its parameter. Raises UsageError."""
    cleared = _cleared(said.get("clear", ()))
    health = HealthChange(
        test=values.health_command(said.get("healthcheck")),
        interval=values.nanoseconds("health-interval", said.get("health_interval")),
        timeout=values.nanoseconds("health-timeout", said.get("health_timeout")),
        start_period=values.nanoseconds("health-start-period", said.get("health_start_period")),
        start_interval=values.nanoseconds("health-start-interval", said.get("health_start_interval")),
        retries=values.whole_number("health-retries", said.get("health_retries")),
    )
    checked = _checked(said)
    return ImageChanges(
        user=said.get("user"),
        env=Pairs(checked.env, tuple(said.get("unset_env", ())), "env" in cleared),
        entrypoint=values.words("entrypoint", said.get("entrypoint")),
        cmd=values.words("cmd", said.get("cmd")),
        working_dir=said.get("workdir"),
        labels=Pairs(checked.labels, tuple(said.get("unset_label", ())), "labels" in cleared),
        ports=Words(_ports(checked.ports), _ports(said.get("unset_port", ())), "ports" in cleared),
        volumes=Words(tuple(checked.volumes), tuple(said.get("unset_volume", ())), "volumes" in cleared),
        stop_signal=said.get("stop_signal"),
        stop_timeout=values.whole_number("stop-timeout", said.get("stop_timeout")),
        health=health,
        shell=values.words("shell", said.get("shell")),
        on_build=tuple(said["onbuild"]) if "onbuild" in said else None,
        annotations=Pairs(checked.annotations, tuple(said.get("unset_annotation", ())), "annotations" in cleared),
        index_annotations=Pairs(pairs("index-annotation", said.get("index_annotation", ()))),
        author=said.get("author"),
        created=values.moment(said.get("created")),
        platform=Platform.parse(said["set_platform"]) if "set_platform" in said else None,
    )


def history_text(said: Mapping[str, Any]) -> str:
    """The call as the history tells it: the same changes give the same text, wherever they are made."""
    words = ["fromscratch", "mod"]
    for parameter, flag in SAID.items():
        value = said.get(parameter)
        for each in [value] if isinstance(value, str) else value or ():
            words += [flag, each]
    return shlex.join(words)


def _checked(said: Mapping[str, Any]) -> ImageOptions:
    """The values by the rules of a recipe, where those are the same. Raises UsageError."""
    try:
        return ImageOptions(
            user=said.get("user", ""),
            env=pairs("env", said.get("env", ())),
            workdir=said.get("workdir", ""),
            ports=list(said.get("port", ())),
            volumes=list(said.get("volume", ())),
            labels=pairs("label", said.get("label", ())),
            stop_signal=said.get("stop_signal", ""),
            annotations=pairs("annotation", said.get("annotation", ())),
        )
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        field, colon, fault = message.partition(":")
        option = _OPTIONS.get(field, field)
        raise UsageError(f"--{option}:{fault}" if colon else message, hint) from error


def _ports(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text if "/" in text else f"{text}/tcp" for text in texts)


def _cleared(texts: Sequence[str]) -> frozenset[str]:
    for text in texts:
        if text not in CLEARED:
            near = nearest(text, CLEARED)
            guess = f"did you mean {near[0]}?" if near else f"say one of {', '.join(CLEARED)}"
            raise UsageError(f"--clear {text}: no such field", guess)
    return frozenset(texts)
