""".NET: the assemblies of an application, the frameworks that it asks for, and ICU."""

from fromscratch.linker.beyond.interpreters import dotnet
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing, paths_needed

DOTNET = {"/usr/bin/dotnet": program()}
ICU = """
    f 0644 0:0 /usr/lib/x86_64-linux-gnu/libicuuc.so.72 '\\x7fELF'
    f 0644 0:0 /usr/lib/x86_64-linux-gnu/libicui18n.so.72 '\\x7fELF'
"""
SHARED = "/usr/lib/dotnet/shared/Microsoft.NETCore.App"
FRAMEWORK = f"""
    f 0644 0:0 {SHARED}/8.0.9/System.Runtime.dll ''
    f 0644 0:0 {SHARED}/8.0.10/System.Runtime.dll ''
    f 0644 0:0 {SHARED}/8.0.10/System.Runtime.pdb ''
    f 0644 0:0 {SHARED}/8.0.10/libcoreclrtraceptprovider.so '\\x7fELF'
    f 0644 0:0 {SHARED}/6.0.1/System.Runtime.dll ''
    f 0644 0:0 /usr/lib/dotnet/host/fxr/8.0.10/libhostfxr.so '\\x7fELF'
"""
OPTIONS = '"framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"}'
APPLICATION = """
    f 0644 0:0 /app/it.dll ''
    f 0644 0:0 /app/it.runtimeconfig.json '{{"runtimeOptions": {{{options}}}}}'
    f 0644 0:0 /app/it.deps.json '{{"lib/net8.0/Json.dll": {{}}, "runtimes/linux-x64/native/sql.so": {{}}}}'
    f 0644 0:0 /app/Json.dll ''
    f 0644 0:0 /app/runtimes/linux-x64/native/sql.so '\\x7fELF'
    f 0644 0:0 /app/other.dll ''
"""
OWN = [
    "/app/it.dll",
    "/app/it.runtimeconfig.json",
    "/app/it.deps.json",
    "/app/Json.dll",
    "/app/runtimes/linux-x64/native/sql.so",
]


def test_an_application_takes_its_assemblies_the_newest_framework_of_its_major_version_and_icu() -> None:
    block = FRAMEWORK + ICU + APPLICATION.format(options=OPTIONS)
    assert paths_needed(dotnet.find(system(block, DOTNET, "/app/it.dll"))) == [
        *OWN,
        f"{SHARED}/8.0.10/System.Runtime.dll",
        "/usr/lib/dotnet/host/fxr/8.0.10/libhostfxr.so",
        "/usr/lib/x86_64-linux-gnu/libicuuc.so.72",
        "/usr/lib/x86_64-linux-gnu/libicui18n.so.72",
    ]


def test_a_host_of_its_name_needs_the_same() -> None:
    block = FRAMEWORK + ICU + APPLICATION.format(options=OPTIONS)
    assert f"{SHARED}/8.0.10/System.Runtime.dll" in paths_needed(dotnet.find(system(block, {"/app/it": program()})))


def test_one_that_knows_no_cultures_needs_no_icu() -> None:
    options = f'{OPTIONS}, "configProperties": {{"System.Globalization.Invariant": true}}'
    block = FRAMEWORK + ICU + APPLICATION.format(options=options)
    assert not [each for each in paths_needed(dotnet.find(system(block, DOTNET, "/app/it.dll"))) if "icu" in each]


def test_what_is_not_there_is_said() -> None:
    block = APPLICATION.format(options=OPTIONS)
    found = listing(dotnet.find(system(block, DOTNET, "/app/it.dll"))).splitlines()
    assert [line for line in found if line.startswith("warning")] == [
        "warning dotnet /app/it.runtimeconfig.json asks for the framework Microsoft.NETCore.App 8, which is not in"
        " /usr/share/dotnet:/usr/lib/dotnet:/usr/lib64/dotnet:/usr/local/share/dotnet:/opt/dotnet",
        "warning dotnet /app/it.dll is of .NET, which needs ICU (libicuuc.so), unless"
        " System.Globalization.Invariant is set",
    ]


def test_a_single_file_needs_icu() -> None:
    single = {"/usr/bin/it": program(data="DOTNET_BUNDLE_EXTRACT_BASE_DIR")}
    assert len(paths_needed(dotnet.find(system(ICU, single)))) == 2


def test_other_programs_need_nothing() -> None:
    assert list(dotnet.find(system(ICU, {"/usr/bin/it": program()}))) == []
