"""Configurations of mkosi as recipes."""

from collections.abc import Iterable, Mapping
from typing import Any

from fromscratch.recipe import schema
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from fromscratch.recipe.foreign.mkosi_settings import ESSENTIAL
from tests.recipe.foreign.accounting import lost_lines

CONFIGURATION = """\
# An appliance.
[Distribution]
Distribution=debian
Release=trixie
Architecture=arm64
Mirror=https://example.org/debian
Repositories=contrib,non-free-firmware

[Output]
Format=oci
ImageId=appliance
ImageVersion=1.2
CompressOutput=zstd
OutputDirectory=mkosi.output
OciLabels=org.example.team=web

[Content]
Packages=
        # the server
        nginx-light
        ca-certificates
RemovePackages=e2fsprogs
WithRecommends=yes
WithDocs=no
RemoveFiles=/usr/share/locale/*
        /var/log/*
SkeletonTrees=skeleton
ExtraTrees=
        app.conf:/etc/app.conf
        data.tar.gz:/srv
        absent:/opt/absent
BuildPackages=gcc
PostInstallationScripts=setup.sh
Bootable=no
KernelCommandLine=quiet
Hostname=box
Timezone=Europe/Berlin
Locale=C.UTF-8
RootPassword=hashed:$6$abc$def
SourceDateEpoch=1700000000
Mystery=yes

[Runtime]
RAM=4G
"""
DROP_IN = "[Match]\nDistribution=debian\n\n[Content]\nPackages=jq\n"
OTHER = "[Match]\nDistribution=fedora\n\n[Content]\nPackages=yq\n"
FILES = {
    "mkosi.conf.d/*": ["mkosi.conf.d/a.conf", "mkosi.conf.d/b.conf"],
    "mkosi.extra": ["mkosi.extra/"],
    "skeleton": ["skeleton/"],
    "app.conf": ["app.conf"],
    "mkosi.postinst": ["mkosi.postinst"],
}
TEXTS = {"mkosi.conf.d/a.conf": DROP_IN, "mkosi.conf.d/b.conf": OTHER}


def missing(kind: str, options: Mapping[str, Any], names: Iterable[str]) -> frozenset[str]:
    return frozenset(ESSENTIAL) & {*names} - {"base-files", "bash"}


SURROUNDINGS = Surroundings(name="mkosi.conf", find=lambda name: FILES.get(name, []), read=TEXTS.get, missing=missing)


def test_no_line_of_a_configuration_gets_lost() -> None:
    lost = lost_lines(CONFIGURATION, SURROUNDINGS, lambda line: line + "x" if line and line[0] not in "[#" else line)
    assert lost == ["19:         # the server"]


def test_a_package_that_no_index_has_is_left_out_with_its_line() -> None:
    asked: list[tuple[dict[str, Any], list[str]]] = []

    def lacking(kind: str, options: Mapping[str, Any], names: Iterable[str]) -> frozenset[str]:
        asked.append(({**options}, [*names]))
        return frozenset({"jqq"})

    archive = "[Distribution]\nDistribution=debian\nMirror=https://m\nRepositories=contrib\n"
    text = f"{archive}[Content]\nPackages=jq\n        jqq\n"
    converted = convert(text, Surroundings(name="mkosi.conf", missing=lacking))
    assert [str(each) for each in converted.left_out if not each.remark] == [
        "6-7: Packages=jq  (no index at hand has a package jqq)"
    ]
    assert "- jqq" not in converted.recipe
    assert "- jq\n" in converted.recipe
    [(options, names)] = asked
    assert (options["mirror"], options["components"]) == ("https://m", ["main", "contrib"])
    assert {"bash", "jq", "jqq"} <= {*names}


def test_packages_come_from_the_distribution_and_trees_over_them() -> None:
    recipe = schema.parse(convert(CONFIGURATION, SURROUNDINGS).recipe, "fromscratch.yaml")
    items: list[Any] = [item.options for item in recipe.items()]
    assert [item.kind for item in recipe.items()] == ["debian", "overlay", "overlay", "tarball"]
    assert (items[0].suite, items[0].mirror, items[0].recommends) == ("trixie", "https://example.org/debian", True)
    assert items[0].packages == ["base-files", "bash", "nginx-light", "ca-certificates", "jq"]
    assert items[0].components == ["main", "contrib", "non-free-firmware"]
    assert items[0].exclude == ["e2fsprogs"]
    assert [each.path for each in items[1:]] == ["skeleton", "mkosi.extra", "data.tar.gz"]
    assert recipe.trim == ["/usr/share/locale/*", "/var/log/*", "docs"]
    assert [(path.path, path.type, path.source or path.content or path.target) for path in recipe.paths] == [
        ("/etc/app.conf", "file", "app.conf"),
        ("/opt/absent", "file", "absent"),
        ("/etc/hostname", "file", "box\n"),
        ("/etc/locale.conf", "file", "LANG=C.UTF-8\n"),
        ("/etc/localtime", "symlink", "../usr/share/zoneinfo/Europe/Berlin"),
    ]
    assert (recipe.name, recipe.compression, recipe.epoch, recipe.platforms) == (
        "appliance",
        "zstd",
        1_700_000_000,
        ["linux/arm64"],
    )
    assert recipe.image.labels == {"org.example.team": "web"}


def test_what_is_not_carried_over_is_listed_by_file_and_line() -> None:
    left_out = convert(CONFIGURATION, SURROUNDINGS).left_out
    assert [str(each) for each in left_out if not each.remark] == [
        "33: PostInstallationScripts=setup.sh  (no recipe runs build steps)",
        "34: Bootable=no  (only a machine that boots needs this)",
        "35: KernelCommandLine=quiet  (only a machine that boots needs this)",
        "41: Mystery=yes  (no reader knows this setting)",
        "mkosi.postinst:1:   (no recipe runs build steps)",
    ]
    assert [(each.file, each.line) for each in left_out if each.remark] == [
        ("", 14),
        ("", 28),
        ("", 28),
        ("", 32),
        ("", 44),
        ("mkosi.conf.d/b.conf", 1),
    ]


def test_packages_of_an_rpm_distribution_are_those_of_its_release() -> None:
    text = "[Distribution]\nDistribution=fedora\nRelease=42\n\n[Content]\nPackages=bash\nRemovePackages=vim\n"
    converted = convert(text, Surroundings(name="mkosi.conf"))
    assert converted.whole
    [item] = schema.parse(converted.recipe, "fromscratch.yaml").items()
    options: Any = item.options
    assert (item.kind, options.release, options.packages, options.exclude) == ("rpm", "42", ["bash"], ["vim"])
