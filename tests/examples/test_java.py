"""A Java program with the runtime that `java` belongs to."""

import subprocess

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.host.process import run
from tests.cli.command import Desk
from tests.examples.bundled import Bundled, bundled, proven
from tests.examples.containers import in_docker
from tests.examples.rooms import NAME, Step
from tests.examples.telling import Tell, tell

__all__ = ["tell"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_WORK = """\
import java.io.File;
import java.net.URL;
import java.security.MessageDigest;
import java.util.zip.CRC32;
import javax.net.ssl.SSLContext;

public class Work {
    public static void main(String[] words) throws Exception {
        String said = new String(new URL(words[0]).openStream().readAllBytes()).strip();
        CRC32 sum = new CRC32();
        sum.update(said.getBytes());
        System.load(System.getProperty("java.home") + "/lib/libawt.so"); // what others of them expect to be there
        for (File each : new File(System.getProperty("java.home"), "lib").listFiles())
            if (each.getName().endsWith(".so")) load(each.getPath());
        System.out.println(said + " " + sum.getValue() + " " + SSLContext.getDefault().getProtocol()
            + " " + MessageDigest.getInstance("SHA-256").digest(said.getBytes()).length);
    }

    static void load(String path) {
        try {
            System.load(path);
        } catch (UnsatisfiedLinkError error) {
            if (!error.getMessage().contains("already loaded")) throw error;
        }
    }
}
"""
_SPARE = {"jvm/**": "of the runtime, which comes whole"}
DONE = Step((f"http://{NAME}:8080/well/said",), says="nginx says well 124233422 Default 32\n")


@pytest.fixture(scope="module")
def work(desk: Desk) -> Bundled:
    java, javac = run.find("java"), run.find("javac")
    if java is None or javac is None:
        pytest.skip("there is no java with a javac on this machine")  # too large to be installed for one test
    desk.write("Work.java", _WORK)
    subprocess.run([javac, "--release", "11", "Work.java"], cwd=desk.folder, check=True)
    """Without what it only holds the names of: libraries for printers and for the proxies of a desktop."""
    start = ("--entrypoint", "java -Djava.awt.headless=true -cp /app Work")
    return bundled(desk, "java", java, "--add", "Work.class:/app/Work.class", *start, "--without", "dlopen")


def test_java_works_in_docker(work: Bundled, nginx: Bundled, docker: Engine) -> None:
    with (
        in_docker(docker, nginx) as server,
        in_docker(docker, work) as client,
        server.serving("-g", "daemon off;") as network,
    ):
        assert client.beside(network, work.room.root / "etc/hosts").fault(DONE) == ""


def test_java_needs_each_of_its_libraries(work: Bundled, nginx: Bundled, tell: Tell) -> None:
    tell(work, proven(work, nginx.does(Step(())), work.does(DONE), spare=_SPARE))
