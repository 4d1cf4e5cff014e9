"""Java: the runtime image of a launcher, and the jars that a jar names."""

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.host.container.materialise import materialise
from fromscratch.linker.beyond import java
from tests.engines import need, need_root, spare
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed, scene
from tests.trees import text

HOME = "/opt/java"
TREE = f"""
    l 0777 0:0 /usr/bin/java -> {HOME}/bin/java
    f 0755 0:0 {HOME}/bin/java '\\x7fELF'
    f 0755 0:0 {HOME}/bin/javac '\\x7fELF'
    f 0644 0:0 {HOME}/release ''
    f 0644 0:0 {HOME}/lib/modules ''
    f 0644 0:0 {HOME}/lib/ct.sym ''
    f 0644 0:0 {HOME}/lib/src.zip ''
    f 0644 0:0 {HOME}/lib/libjava.so '\\x7fELF'
    f 0644 0:0 {HOME}/lib/libawt_xawt.so '\\x7fELF of X11'
    f 0644 0:0 {HOME}/lib/server/libjvm.so '\\x7fELF'
    l 0777 0:0 {HOME}/lib/security/cacerts -> /etc/ssl/certs/java/cacerts
    l 0777 0:0 {HOME}/conf/net.properties -> /etc/java/net.properties
    f 0644 0:0 {HOME}/jmods/java.base.jmod ''
    f 0644 0:0 {HOME}/man/java.1 ''
    f 0644 0:0 /etc/java/net.properties ''
    f 0644 0:0 /etc/ssl/certs/java/cacerts ''
"""


def jar(manifest: str | None, **others: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ({} if manifest is None else {"META-INF/MANIFEST.MF": manifest}).items():
            archive.writestr(name, content)
        for name, content in others.items():
            archive.writestr(name, content)
    return made.getvalue()


def test_a_launcher_takes_its_runtime_without_what_compiles_and_draws() -> None:
    assert listing(java.find(scene(TREE, "/usr/bin/java"))) == text(f"""
        java declared library optional {HOME}/lib/server/libjvm.so opened by {HOME}/bin/java (the runtime of Java)
        java declared library optional {HOME}/lib/libjava.so opened by {HOME}/bin/java (the runtime of Java)
        java declared optional {HOME}/lib/modules opened by {HOME}/bin/java (the runtime of Java)
        java declared optional {HOME}/lib/security/cacerts opened by {HOME}/bin/java (the runtime of Java)
        java declared optional {HOME}/conf/net.properties opened by {HOME}/bin/java (the runtime of Java)
        java declared optional {HOME}/release opened by {HOME}/bin/java (the runtime of Java)
        offer java windows and sound of {HOME}
    """)
    assert f"{HOME}/lib/libawt_xawt.so" in paths_needed(java.find(scene(TREE, "/usr/bin/java"), desktop=True))


@pytest.mark.parametrize(
    ("place", "image"),
    [
        ("/opt/jre8/bin/java", "/opt/jre8/lib/rt.jar"),
        ("/opt/jdk8/bin/java", "/opt/jdk8/jre/lib/rt.jar"),
        ("/opt/jre8/lib/amd64/server/libjvm.so", "/opt/jre8/lib/rt.jar"),
        ("/opt/jre/lib/server/libjvm.so", "/opt/jre/lib/modules"),
        ("/opt/jre/lib/libjli.so", "/opt/jre/lib/modules"),
        ("/usr/bin/env", None),
    ],
)
def test_a_runtime_is_found_from_its_launcher_or_its_libraries(place: str, image: str | None) -> None:
    block = """
        f 0644 0:0 /opt/jre8/lib/rt.jar ''
        f 0644 0:0 /opt/jdk8/jre/lib/rt.jar ''
        f 0644 0:0 /opt/jre/lib/modules ''
        d 0755 0:0 /usr/lib/modules
    """
    found = paths_needed(java.find(scene(block + f"f 0755 0:0 {place} '\\x7fELF'", place)))
    assert (image in found) if image else not found


def test_a_jar_brings_the_jars_that_its_manifest_names_and_that_are_there() -> None:
    manifest = "Manifest-Version: 1.0\r\nClass-Path: lib/a.jar ../b%20c.jar gone.jar cla\r\n sses/ http://x/y.jar\r\n"
    block = f"""
        f 0644 0:0 /app/it.jar {jar(manifest)!r}
        f 0644 0:0 /app/lib/a.jar {jar(None)!r}
        f 0644 0:0 '/b' ''
        f 0644 0:0 /app/classes/A.class ''
    """.replace("f 0644 0:0 '/b' ''", "f 0644 0:0 /b\\x20c.jar ''")
    assert listing(java.find(scene(block, "/app/it.jar"))) == text("""
        java declared optional /app/lib/a.jar opened by /app/it.jar (Class-Path lib/a.jar)
        java declared optional /app/../b c.jar opened by /app/it.jar (Class-Path ../b%20c.jar)
        java declared whole optional /app/classes/ opened by /app/it.jar (Class-Path classes/)
    """)


WHOLE = jar("Class-Path: a.jar\n", other="x" * 300)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_damaged_jar_has_no_class_path_or_the_one_it_had(cut: int, at: int, byte: int) -> None:
    assert java.class_path(io.BytesIO(WHOLE)) == ["a.jar"]
    java.class_path(io.BytesIO(WHOLE[:cut]))
    java.class_path(io.BytesIO(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]))


@given(st.binary(max_size=200))
def test_what_is_no_jar_has_no_class_path(raw: bytes) -> None:
    assert not java.class_path(io.BytesIO(raw))


def test_a_jar_that_promises_millions_of_entries_is_not_believed() -> None:
    end = b"PK\5\6" + bytes(6) + b"\xff\xff" + (1 << 31).to_bytes(4, "little") + bytes(6)
    assert not java.class_path(io.BytesIO(end))


MAIN = """
public class Main {
    public static void main(String[] args) throws Exception {
        var ssl = javax.net.ssl.SSLContext.getDefault();
        var zone = java.time.ZonedDateTime.of(2020, 7, 1, 0, 0, 0, 0, java.time.ZoneId.of("Europe/Berlin"));
        var sha = java.security.MessageDigest.getInstance("SHA-256").digest(new byte[0]);
        var pool = java.util.concurrent.Executors.newFixedThreadPool(2).submit(() -> 1).get();
        System.out.println(zone.getOffset() + " " + sha.length + " " + pool + " " + (ssl != null));
        System.exit(0);
    }
}
"""


@pytest.mark.slow
def test_a_program_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    need_root("chroot and a /proc of its own")
    launcher = Path(spare("java")).resolve()
    (tmp_path / "Main.java").write_text(MAIN)
    subprocess.run([spare("javac"), "-d", tmp_path, tmp_path / "Main.java"], check=True)
    root = Root(tmp_path, launcher)
    top = tmp_path / "root"
    top.mkdir(mode=0o700)
    materialise(root.tree(java.find), top)
    (top / "proc").mkdir()
    (top / "tmp").mkdir()
    shutil.copy(tmp_path / "Main.class", top)
    if not os.path.lexists("/etc/ssl/certs/java/cacerts"):
        pytest.skip("ca-certificates-java is not on this machine")
    # The launcher asks /proc/self/exe where it is; the mount is seen in this namespace alone and goes with it.
    script = 'mount -t proc proc "$1/proc" && exec chroot "$1" "$2" -Xshare:auto -cp / Main'
    argv = [need("unshare"), "--mount", "--propagation", "private", "sh", "-ec", script, "sh", str(top), str(launcher)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("+02:00 32 1 true\n", "")
    assert root.last is not None
    assert not [place for place in root.last.entries if "libX11" in place or "libasound" in place]
