"""The metadata Dockerfile. That engines understand it is tested in tests/images."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.formats.docker.dockerfile import metadata_dockerfile
from fromscratch.model.image import Healthcheck, RunConfig
from tests.made_images import FULL_CONFIG


def body(config: RunConfig) -> str:
    return "\n".join(metadata_dockerfile(config, "base").splitlines()[2:])


def test_every_field_is_an_instruction() -> None:
    assert metadata_dockerfile(FULL_CONFIG, "hello-base", name="hello") == (
        "# How hello runs: its configuration as a Dockerfile, written by fromscratch.\n"
        "FROM hello-base\n"
        'LABEL empty="" \\\n'
        '      org.example.vendor="A & B <c> \\"d\\" \\$E \\\\f" \\\n'
        "      plain=1\n"
        "ENV PATH=/usr/bin:/bin \\\n"
        '    GREETING="a \\"quoted\\" \\$HOME \\\\ back\'tick` é" \\\n'
        '    EMPTY=""\n'
        "WORKDIR /srv\n"
        "EXPOSE 53/udp 8080/tcp\n"
        'VOLUME ["/data", "/var/lib/x y"]\n'
        "USER 65532:65532\n"
        "STOPSIGNAL SIGTERM\n"
        'HEALTHCHECK --interval=1500ms --timeout=2s --start-period=1s --retries=3 CMD ["/bin/true", "a b"]\n'
        'ENTRYPOINT ["/bin/sh", "-c"]\n'
        'CMD ["echo \\"$0\\" \'x\'\\n", "two words", ""]\n'
    )


def test_a_plain_image_needs_one_line() -> None:
    assert metadata_dockerfile(RunConfig(), "base").splitlines()[1:] == ["FROM base"]


def test_the_strings_of_a_volume_list_are_words_too() -> None:
    assert body(RunConfig(volumes=("/it's $5", "/plain one"))) == 'VOLUME ["\\"/it\'s \\\\$5\\"", "/plain one"]'


@pytest.mark.parametrize(
    ("check", "written"),
    [
        (Healthcheck(test=("NONE",)), "HEALTHCHECK NONE"),
        (Healthcheck(test=("CMD-SHELL", 'echo "$x" \\a')), 'HEALTHCHECK CMD echo "$x" \\a'),
        (Healthcheck(test=("CMD-SHELL", "[ -e /x ]")), "HEALTHCHECK CMD [ -e /x ]"),
        (Healthcheck(test=("CMD", "x"), start_interval=10**9), 'HEALTHCHECK --start-interval=1s CMD ["x"]'),
        (Healthcheck(test=("CMD", "x"), interval=90 * 60 * 10**9), 'HEALTHCHECK --interval=90m CMD ["x"]'),
        (Healthcheck(test=("CMD", "x"), timeout=1_000_001), 'HEALTHCHECK --timeout=1000001ns CMD ["x"]'),
    ],
)
def test_health_checks(check: Healthcheck, written: str) -> None:
    assert body(RunConfig(healthcheck=check)) == written


def test_what_is_for_builds_on_the_image() -> None:
    config = RunConfig(shell=("/bin/bash", "-c"), on_build=("RUN a  \\b", 'CMD ["x"]'), cmd=("y",), args_escaped=True)
    assert body(config) == 'SHELL ["/bin/bash", "-c"]\nONBUILD RUN a  \\b\nONBUILD CMD ["x"]\nCMD ["y"]'


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (RunConfig(env={"A": "two\nlines"}), r"ENV A: 'two\\nlines' holds a line break"),
        (RunConfig(labels={"a=b": "c"}), "LABEL 'a=b'"),
        (RunConfig(labels={"": "c"}), "LABEL ''"),
        (RunConfig(volumes=("/a ",)), "VOLUME '/a '"),
        (RunConfig(user="\udcff"), "USER: .* is not UTF-8"),
        (RunConfig(cmd=("a\0",)), "CMD: .* NUL"),
        (RunConfig(working_dir="/a\nRUN rm -rf /"), "WORKDIR: .* line break"),
        (RunConfig(stop_timeout=0), "stop timeout, here 0 seconds"),
        (RunConfig(on_build=("RUN a\nUSER root",)), "ONBUILD: .* line break"),
        (RunConfig(on_build=("RUN a \\",)), "ONBUILD .* cannot be written"),
        (RunConfig(on_build=("RUN a <<EOF",)), "ONBUILD .* cannot be written"),
        (RunConfig(on_build=("",)), "ONBUILD '' cannot be written"),
        (RunConfig(healthcheck=Healthcheck(test=())), r"test \[\]"),
        (RunConfig(healthcheck=Healthcheck(test=("CMD",))), r"test \['CMD'\]"),
        (RunConfig(healthcheck=Healthcheck(test=("CMD-SHELL", "x \\"))), "cannot be written"),
        (RunConfig(healthcheck=Healthcheck(test=("CMD-SHELL", '["x"]'))), "cannot be written"),
        (RunConfig(healthcheck=Healthcheck(test=("CMD-SHELL", "x\ny"))), "line break"),
        (RunConfig(healthcheck=Healthcheck(test=("CMD", "x"), interval=5)), "interval of 5 ns"),
    ],
)
def test_what_no_dockerfile_can_say_is_refused(config: RunConfig, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        metadata_dockerfile(config, "base")
    assert caught.value.hint
