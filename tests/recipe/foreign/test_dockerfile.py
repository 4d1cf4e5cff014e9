"""Dockerfiles as recipes."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from fromscratch import address
from fromscratch.errors import ImageError
from fromscratch.recipe import schema
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from tests.recipe.foreign.accounting import lost_lines
from tests.steps import check_growth

DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG GO=1.26
FROM --platform=$BUILDPLATFORM golang:${GO} AS build
WORKDIR /src
COPY . .
RUN go build -o /out/app ./cmd/app

FROM alpine:3.22 AS certs
FROM build AS test
RUN go test ./...

FROM scratch
ARG VERSION=1.2
ARG TOKEN
LABEL org.example.version="$VERSION" org.example.team=web
ENV APP_HOME=/srv/app MODE=${MODE:-fast}
WORKDIR ${APP_HOME}
COPY --from=build /out/app /usr/bin/
COPY --from=build --chmod=0700 /src/run.sh /run.sh
COPY --from=certs /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=ghcr.io/example/tools:1 --chown=10:20 /tool /bin/tool
COPY --chown=app etc/app.conf etc/extra.conf /etc/app/
COPY static ./static
COPY *.sql /sql/
COPY <<EOF /etc/passwd
app:x:10:10::$APP_HOME:/sbin/nologin
EOF
ADD rootfs.tar.xz /
ADD https://example.org/data.bin /data.bin
ADD --keep-git-dir=true https://example.org/x.git /x
EXPOSE 8080 9000-9002/udp
VOLUME ["/data"]
USER app
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=1m30s --retries=2 \\
    CMD ["/usr/bin/app", "check"]
RUN ["/usr/bin/app", "prepare"]
ONBUILD COPY . /srv
CMD ["serve"]
ENTRYPOINT ["/usr/bin/app"]
CMD ["serve", "--all"]
"""
FILES = {
    ".": ["./"],
    "etc/app.conf": ["etc/app.conf"],
    "etc/extra.conf": ["etc/extra.conf"],
    "static": ["static/"],
    "*.sql": ["a.sql", "b.sql"],
}
SURROUNDINGS = Surroundings(name="Dockerfile", image="shop", find=lambda name: FILES.get(name, []))


def changed(line: str) -> str:
    """The line with another last word."""
    if line.endswith(('"]', "\\", "EOF")) or not line or line.startswith("#"):
        return f'{line[:-2]}x"]' if line.endswith('"]') else line
    return f"{line}x"


def of(text: str) -> schema.Recipe:
    return schema.parse(convert(text, SURROUNDINGS).recipe, "fromscratch.yaml")


def test_no_line_of_a_dockerfile_gets_lost() -> None:
    assert lost_lines(DOCKERFILE, SURROUNDINGS, changed) == []


def test_files_come_from_images_archives_and_the_project() -> None:
    recipe = of(DOCKERFILE)
    items: list[Any] = [item.options for item in recipe.items()]
    assert [(item.kind, item.replace) for item in recipe.items()] == [
        ("image", True),
        ("image", True),
        ("image", True),
        ("tarball", True),
    ]
    assert [(each.from_, each.copy, each.owner) for each in items[:3]] == [
        ("docker:shop-build", {"/out/app": "/usr/bin/", "/src/run.sh": "/run.sh"}, "keep"),
        ("alpine:3.22", {"/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/"}, "keep"),
        ("ghcr.io/example/tools:1", {"/tool": "/bin/tool"}, "10:20"),
    ]
    assert (items[3].path, items[3].into) == ("rootfs.tar.xz", "/")
    assert [(path.path, path.type, path.source, path.mode, path.owner) for path in recipe.paths] == [
        ("/srv/app", "directory", None, None, None),
        ("/run.sh", "permissions", None, "0700", None),
        ("/etc/app/app.conf", "file", "etc/app.conf", None, "app"),
        ("/etc/app/extra.conf", "file", "etc/extra.conf", None, "app"),
        ("/srv/app/static", "directory", "static", None, None),
        ("/sql/a.sql", "file", "a.sql", None, None),
        ("/sql/b.sql", "file", "b.sql", None, None),
        ("/etc/passwd", "file", None, None, None),
        ("/data", "directory", None, None, None),
    ]
    assert recipe.paths[7].content == "app:x:10:10::/srv/app:/sbin/nologin\n"


def test_a_container_starts_as_the_last_stage_says() -> None:
    image = of(DOCKERFILE).image
    assert (image.entrypoint, image.cmd) == (["/usr/bin/app"], ["serve", "--all"])
    assert image.env == {"APP_HOME": "/srv/app", "MODE": "fast"}
    assert image.labels == {"org.example.version": "1.2", "org.example.team": "web"}
    assert image.ports == ["8080", "9000/udp", "9001/udp", "9002/udp"]
    assert (image.user, image.workdir, image.volumes, image.stop_signal) == ("app", "/srv/app", ["/data"], "SIGQUIT")
    assert image.healthcheck is not None
    assert (image.healthcheck.test, image.healthcheck.interval, image.healthcheck.retries) == (
        ["CMD", "/usr/bin/app", "check"],
        90,
        2,
    )


def test_what_is_not_carried_over_is_listed_by_its_lines() -> None:
    left_out = convert(DOCKERFILE, SURROUNDINGS).left_out
    assert [str(each) for each in left_out if not each.remark] == [
        "3-6: FROM --platform=$BUILDPLATFORM golang:${GO} AS build  "
        "(no recipe runs build steps: build the stage build with docker, as shop-build)",
        "29: ADD https://example.org/data.bin /data.bin  "
        "(bring this into the project, and name it under paths, as the source of a file)",
        "30: ADD --keep-git-dir=true https://example.org/x.git /x  "
        "(the flag keep-git-dir is not one that recipes can follow)",
        '37: RUN ["/usr/bin/app", "prepare"]  (no recipe runs build steps in the image)',
        "38: ONBUILD COPY . /srv  (recipes have no triggers for images that build on this one)",
    ]
    assert [(each.line, each.why) for each in left_out if each.remark] == [
        (2, "the default is put in place of the variable"),
        (8, "what is copied from here comes from the image itself"),
        (9, "nothing of the image comes from this stage"),
        (13, "the default is put in place of the variable"),
        (14, "no value is known; the caller of the builder gives it"),
        (28, "rootfs.tar.xz is not here yet; it is taken from there when the image is built"),
        (39, "a later line counts"),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("COPY a b-$TARGETARCH /", "TARGETARCH has no value before the build"),
        ("EXPOSE http", "'http' is not a port; write 80 or 53/udp"),
        ("TEACH x", "this is not an instruction that is known"),
        ("COPY --parents b/c /", "the flag parents is not one that recipes can follow"),
        ("COPY ?.txt /", "no file that ?.txt means is here"),
        ("COPY --from=none /b /b", "the stage is empty"),
    ],
)  # fmt: skip
def test_what_recipes_cannot_say_is_quoted_with_its_line(line: str, why: str) -> None:
    text = f"FROM scratch AS none\nFROM scratch\nCOPY a /a\n{line}\n"
    left_out = [str(each) for each in convert(text, SURROUNDINGS).left_out if not each.remark]
    assert left_out == [f"4: {line}  ({why})"]


def test_no_secret_of_an_address_is_quoted() -> None:
    [left_out] = convert("FROM debian:13\nADD https://me:secret@example.org/x /x\n", SURROUNDINGS).left_out
    assert "secret" not in left_out.text
    assert "example.org/x" in left_out.text


def test_a_stage_on_another_one_holds_what_that_one_holds() -> None:
    recipe = of("FROM debian:13 AS base\nENV A=1\nFROM base AS more\nCOPY a /a\nFROM more\nCMD run $A\n")
    [item] = recipe.items()
    options: Any = item.options
    assert (options.from_, options.copy) == ("debian:13", {})
    assert (recipe.image.env, recipe.image.cmd) == ({"A": "1"}, ["/bin/sh", "-c", "run $A"])
    assert [path.path for path in recipe.paths] == ["/a"]


def test_the_same_image_of_two_platforms_and_the_same_file_twice_are_items_of_their_own() -> None:
    recipe = of(
        "FROM --platform=linux/amd64 boot:1 AS one\nFROM --platform=linux/arm64 boot:1 AS two\n"
        "FROM scratch\nCOPY --from=one /*.efi /\nCOPY --from=two /*.efi /\nCOPY --from=two /*.efi /b/\n"
    )
    options: list[Any] = [item.options for item in recipe.items()]
    assert [(each.platform, each.copy) for each in options] == [
        ("linux/amd64", {"/*.efi": "/"}),
        ("linux/arm64", {"/*.efi": "/"}),
        ("linux/arm64", {"/*.efi": "/b/"}),
    ]


def test_thousands_of_stages_on_each_other_are_no_depth() -> None:
    lines = (f"FROM s{number - 1} AS s{number}\n" for number in range(1, 3000))
    recipe = of(f"FROM debian:13 AS s0\n{''.join(lines)}CMD run\n")
    assert [item.options.from_ for item in recipe.items()] == ["debian:13"]  # type: ignore[attr-defined]
    lines = (f"FROM a AS s{number}\nCOPY --from=s{number - 1} /a /b\n" for number in range(1, 3000))
    assert of(f"FROM a AS s0\nRUN x\n{''.join(lines)}").items()


def test_stages_that_each_need_another_twice_are_followed_once() -> None:
    body = "".join(f"FROM a AS s{number}\n" + f"COPY --from=s{number - 1} /a /b\n" * 2 for number in range(1, 80))
    left_out = convert(f"FROM a AS s0\nRUN x\n{body}", SURROUNDINGS).left_out
    assert any("build the stage s0 with docker" in each.why for each in left_out)


MANY_PARTS = {
    "sources of one COPY": lambda size: "COPY " + " ".join(f"{number}:/" for number in range(size)) + " /x/",
    "invalid names": lambda size: "\n".join(f"ENV ={number} b=\x01" for number in range(size)),
    "invalid ports": lambda size: "\n".join(f"EXPOSE {number}/x" for number in range(size)),
    "unknown instructions": lambda size: "\n".join(f"WHAT {number}" for number in range(size)),
    "stages": lambda size: "\n".join(f"FROM a AS s{number}\nCOPY --from=s{number - 1} /a /b" for number in range(size)),
}

TAKE_SECONDS = {"invalid ports"}


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(parts, id=name, marks=[pytest.mark.slow] * (name in TAKE_SECONDS))
        for name, parts in MANY_PARTS.items()
    ],
)
def test_the_work_grows_with_the_file(parts: Callable[[int], str]) -> None:
    def work(size: int) -> None:
        with contextlib.suppress(ImageError):
            convert(f"FROM a\n{parts(size)}\n", SURROUNDINGS)

    check_growth(work, 150, address)


def test_what_has_too_many_errors_says_so() -> None:
    with pytest.raises(ImageError, match=r"^Dockerfile: more than 100 of its parts cannot stand in a recipe"):
        convert("FROM a\n" + "".join(f"EXPOSE {number}/x\n" for number in range(200)), SURROUNDINGS)
