"""Downloads: what comes, what is asked for, and what is said when it does not come."""

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, ImageError, IntegrityError
from fromscratch.host.http.download import PATIENCE, FileRequest, Missing, Patience, download, refresh
from fromscratch.host.http.session import PIECE, Timeouts
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress, Task
from tests.host.http import site as web
from tests.host.http.site import Site

HASTY = Patience(first_wait=0.0, longest_wait=0.2, timeouts=Timeouts(connect=5.0, read=5.0))
DATA = os.urandom(300_000)
HALF = 3 * PIECE  # where a held body stops: at a whole piece, as an older urllib3 gives only those


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def site() -> Iterator[Site]:
    with web.running() as site:
        yield site


@pytest.fixture
def release(site: Site) -> Iterator[threading.Event]:
    """Lets held answers go on, at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def request_for(*urls: str, data: bytes = DATA, title: str = "data") -> FileRequest:
    return FileRequest(title=title, urls=urls, digest=Digest.of(data), size=len(data))


def bring(store: Store, one: FileRequest, patience: Patience = HASTY) -> bytes:
    [digest] = download(store, [one], patience=patience)
    return store.read(digest)


def failure(store: Store, one: FileRequest, patience: Patience = HASTY) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        download(store, [one], patience=patience)
    return caught.value


def leftovers(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "partial").iterdir())


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


# What comes


def test_several_files_come_in_the_order_they_were_asked_for(site: Site, store: Store) -> None:
    files = [os.urandom(size) for size in (0, 1, 70_000, 300_000, 5)]
    asked = [request_for(site.serve(f"/{place}", data), data=data) for place, data in enumerate(files)]
    assert [store.read(digest) for digest in download(store, asked)] == files
    assert leftovers(store) == []


def test_what_the_store_has_is_not_asked_for(site: Site, store: Store) -> None:
    store.add(DATA)
    assert bring(store, request_for(site.serve("/data", DATA))) == DATA
    assert site.asked == []


def test_the_same_file_twice_is_fetched_once(site: Site, store: Store) -> None:
    one = request_for(site.serve("/data", DATA))
    assert download(store, [one, one]) == [Digest.of(DATA)] * 2
    assert len(site.asked) == 1


def test_sha512_is_a_digest_too(site: Site, store: Store) -> None:
    import hashlib

    digest = Digest("sha512", hashlib.sha512(DATA).hexdigest())
    one = FileRequest(title="data", urls=(site.serve("/data", DATA),), digest=digest)
    assert download(store, [one]) == [digest]
    assert store.read(digest) == DATA


def test_without_a_digest_the_bytes_have_the_digest_they_have(site: Site, store: Store) -> None:
    one = FileRequest(title="data", urls=(site.serve("/data", DATA),))
    assert download(store, [one]) == [Digest.of(DATA)]


def test_a_body_in_chunks(site: Site, store: Store) -> None:
    assert bring(store, request_for(site.serve("/data", DATA, web.in_chunks))) == DATA


def test_bytes_are_kept_as_they_are_sent(site: Site, store: Store) -> None:
    packed = gzip.compress(b"text" * 1000)
    assert bring(store, request_for(site.serve("/data.gz", packed, web.encoded), data=packed)) == packed
    assert site.asked[0].headers["Accept-Encoding"] == "identity"


def test_a_file_of_this_machine(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a file with blanks"
    path.write_bytes(DATA)
    assert bring(store, request_for(path.as_uri())) == DATA
    assert path.read_bytes() == DATA


def test_blobs_may_be_read_by_other_users(site: Site, store: Store) -> None:
    before = os.umask(0o022)
    try:
        bring(store, request_for(site.serve("/data", DATA)))
    finally:
        os.umask(before)
    assert store.path(Digest.of(DATA)).stat().st_mode & 0o777 == 0o644


# Going on where it stopped


def test_a_cut_download_goes_on_where_it_stopped(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.cut(100_000), web.cut(50_000))
    assert bring(store, request_for(url)) == DATA
    first, second, third = site.ranges("/data")
    assert (first, second, third) == (None, "bytes=100000-", "bytes=150000-")
    assert site.asked[1].headers["If-Range"]
    assert site.sent["/data"] == len(DATA)


def test_a_server_that_ignores_ranges_gives_all_anew(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.cut(100_000), web.ranges_ignored)
    assert bring(store, request_for(url)) == DATA
    assert site.sent["/data"] == 100_000 + len(DATA)


def test_a_server_that_sends_another_range_is_asked_anew(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.cut(100_000), web.another_range)
    assert bring(store, request_for(url)) == DATA


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(site: Site, store: Store) -> None:
    url = site.serve("/data", b"x" * 300_000, web.cut(100_000), *[web.status(500)] * 5)
    failure(store, FileRequest(title="data", urls=(url,)))
    site.serve("/data", DATA)
    assert download(store, [FileRequest(title="data", urls=(url,))]) == [Digest.of(DATA)]
    assert site.ranges("/data")[-1] == "bytes=100000-"
    assert site.sent["/data"] == 100_000 + len(DATA)


def test_a_rest_of_other_bytes_is_found_out_and_fetched_from_its_start(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.cut(100_000), *[web.status(500)] * 5)
    failure(store, request_for(url))
    [partial] = [name for name in leftovers(store) if not name.endswith(".from")]
    (store.root / "partial" / partial).write_bytes(b"\0" * 100_000)
    assert bring(store, request_for(url)) == DATA
    assert site.ranges("/data")[-2:] == ["bytes=100000-", None]


def test_another_mirror_goes_on_where_the_first_stopped(site: Site, store: Store) -> None:
    first = site.serve("/first", DATA, web.cut(100_000), *[web.status(503)] * 9)
    second = site.serve("/second", DATA)
    assert bring(store, request_for(first, second)) == DATA
    assert site.ranges("/second") == ["bytes=100000-"]


def test_what_is_whole_already_is_not_asked_for_again(site: Site, store: Store) -> None:
    one = request_for(site.serve("/data", DATA))
    store.partial(one.key).write_bytes(DATA)  # as a kill just before the end leaves it
    assert bring(store, one) == DATA
    assert site.asked == []


def test_what_is_whole_already_though_nobody_knows_its_size(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.claims_more(10))
    one = FileRequest(title="data", urls=(url,), digest=Digest.of(DATA))
    assert bring(store, one) == DATA
    assert site.ranges("/data") == [None, "bytes=300000-"]
    assert site.sent["/data"] == len(DATA)


def test_an_end_without_a_length_is_believed_only_at_the_known_size(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.cut_without_length(100_000))
    assert bring(store, request_for(url)) == DATA
    assert site.ranges("/data") == [None, "bytes=100000-"]


CHILD = """
import sys
from pathlib import Path
from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.storage.store import Store
url, store, digest, size = sys.argv[1:]
try:
    download(Store(Path(store)), [FileRequest(title="data", urls=(url,), digest=Digest.parse(digest), size=int(size))])
except ImageError as error:
    sys.exit(f"{type(error).__name__}: {error} | {error.hint}")
except KeyboardInterrupt:
    sys.exit(130)
"""


def command(url: str, store: Store, data: bytes = DATA) -> list[str]:
    return [sys.executable, "-c", CHILD, url, str(store.root), str(Digest.of(data)), str(len(data))]


@contextmanager
def child(url: str, store: Store) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(command(url, store)) as process:
        try:
            yield process
        finally:
            process.kill()


def arrived(store: Store) -> int:
    sizes = [0]
    for path in (store.root / "partial").glob("*"):
        with suppress(FileNotFoundError):  # notes come and go beside the bytes
            sizes.append(path.stat().st_size if path.suffix != ".from" else 0)
    return max(sizes)


def test_a_killed_download_asks_only_for_the_rest(site: Site, store: Store, release: threading.Event) -> None:
    url = site.serve("/data", DATA, web.held(HALF, release))
    with child(url, store) as process:
        eventually(lambda: arrived(store) == HALF)
        process.kill()
    release.set()
    before = site.sent["/data"]
    assert bring(store, request_for(url)) == DATA
    assert site.ranges("/data") == [None, f"bytes={HALF}-"]
    assert site.sent["/data"] - before <= 2 * (len(DATA) - HALF)  # the rest of the first answer went into the void
    assert leftovers(store) == []


def test_ctrl_c_ends_it_at_once_and_keeps_what_has_come(site: Site, store: Store, release: threading.Event) -> None:
    url = site.serve("/data", DATA, web.held(HALF, release))
    with child(url, store) as process:
        eventually(lambda: arrived(store) == HALF)
        process.send_signal(signal.SIGINT)
        assert process.wait(25) == 130  # the rest is held for 30
    assert arrived(store) == HALF


def test_two_processes_that_want_the_same_fetch_it_once(site: Site, store: Store, release: threading.Event) -> None:
    url = site.serve("/data", DATA, web.held(HALF, release))
    with child(url, store) as one:
        eventually(lambda: arrived(store) == HALF)
        with child(url, store) as other:
            time.sleep(0.3)
            release.set()
            assert (one.wait(10), other.wait(10)) == (0, 0)
    assert store.read(Digest.of(DATA)) == DATA
    assert site.sent["/data"] == len(DATA)
    assert len(site.asked) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 300_000),
    cuts=st.lists(st.integers(0, 150_000), max_size=4),
    ranges=st.booleans(),
    known=st.booleans(),
)
def test_however_often_it_is_cut_the_bytes_are_right_in_the_end(
    site: Site, tmp_path_factory: pytest.TempPathFactory, size: int, cuts: list[int], ranges: bool, known: bool
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    data = DATA[:size]
    url = site.serve("/data", data, *(web.cut(after) for after in cuts))
    if not ranges:
        site.always["/data"] = web.ranges_ignored
    one = request_for(url, data=data) if known else FileRequest(title="data", urls=(url,))
    assert bring(store, one) == data
    assert leftovers(store) == []


# Trying again


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(site: Site, store: Store, code: int) -> None:
    url = site.serve("/data", DATA, web.status(code), web.status(code))
    assert bring(store, request_for(url)) == DATA
    assert len(site.asked) == 3


def test_a_server_may_ask_for_a_pause(site: Site, store: Store) -> None:
    later = formatdate(time.time() + 3600, usegmt=True)
    pauses = [web.status(429, Retry_After=text) for text in ("0", "3600", later, "nonsense")]
    assert bring(store, request_for(site.serve("/data", DATA, *pauses))) == DATA
    # As long as is asked for, up to the longest that we are willing to wait.
    assert [HASTY.pause(1, asked) for asked in (0.0, 0.1, 3600.0)] == [0.0, 0.1, HASTY.longest_wait]
    assert PATIENCE.pause(1, 7.0) == 7.0


@pytest.mark.parametrize("pause", ["Mon, 20 Nov 99999999999999999999 00:00:00 GMT", 400 * "9"])
def test_a_pause_that_makes_no_sense_ends_nothing(site: Site, store: Store, pause: str) -> None:
    url = site.serve("/data", DATA, web.status(503, Retry_After=pause))
    assert bring(store, request_for(url)) == DATA


def test_the_words_of_a_server_cannot_steer_a_terminal(site: Site, store: Store) -> None:
    def red(handler: web.Handler, content: bytes) -> None:
        handler.send_response(599, "\x1b[31mred")
        handler.end_headers()

    error = failure(store, request_for(site.serve("/data", DATA, *5 * [red])))
    assert "the server answers 599 \\x1b[31mred" in error.message


def test_patience_ends(site: Site, store: Store) -> None:
    error = failure(store, request_for(site.serve("/data", DATA, *[web.status(503)] * 9)))
    assert str(error) == f"cannot download data from {site.url}/data: the server answers 503 Service Unavailable"
    assert len(site.asked) == HASTY.attempts


def test_patience_starts_anew_when_something_new_has_come(site: Site, store: Store) -> None:
    faults = [web.cut(30_000)] * 9
    assert bring(store, request_for(site.serve("/data", DATA, *faults))) == DATA
    assert len(site.asked) == 10


def test_a_silent_server_is_given_up(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data"
        brief = Patience(attempts=2, first_wait=0.0, timeouts=Timeouts(connect=5.0, read=0.1))
        error = failure(store, request_for(url), brief)
    assert str(error) == f"cannot download data from {url}: 127.0.0.1 sent nothing more for too long"
    assert error.hint.startswith("offline?")


def test_a_server_that_stalls_is_gone_on_with(site: Site, store: Store, release: threading.Event) -> None:
    url = site.serve("/data", DATA, web.held(HALF, release))
    brief = Patience(first_wait=0.0, timeouts=Timeouts(connect=5.0, read=0.2))
    assert bring(store, request_for(url), brief) == DATA
    release.set()
    assert site.ranges("/data") == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("code", [404, 403, 410, 400])
def test_the_next_address_is_asked_when_one_refuses(site: Site, store: Store, code: int) -> None:
    first = site.serve("/first", DATA, web.status(code))
    assert bring(store, request_for(first, site.serve("/second", DATA))) == DATA
    assert site.ranges("/first") == [None]


def test_the_next_address_is_asked_when_one_has_other_bytes(site: Site, store: Store) -> None:
    first = site.serve("/first", DATA, web.instead(b"stale"))
    assert bring(store, request_for(first, site.serve("/second", DATA))) == DATA


# What is said when it does not come


def test_a_file_that_is_not_there(site: Site, store: Store) -> None:
    error = failure(store, request_for(f"{site.url}/gone"))
    assert isinstance(error, Missing)
    assert str(error) == f"cannot download data from {site.url}/gone: the server answers 404 Not Found"
    assert "see whether the address is right" in error.hint
    assert len(site.asked) == 1


def test_a_server_that_refuses_the_connection(store: Store) -> None:
    error = failure(store, request_for("http://127.0.0.1:9/data"))
    assert str(error) == "cannot download data from http://127.0.0.1:9/data: 127.0.0.1 refuses the connection"
    assert error.hint.startswith("offline?")


def test_a_name_that_cannot_be_resolved(store: Store) -> None:
    error = failure(store, request_for("http://nonesuch.invalid/data"))
    assert str(error).endswith("the name nonesuch.invalid could not be resolved")


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/data", "http://", "http://[::1/data", "gopher:x"])
def test_an_address_that_is_none(store: Store, url: str) -> None:
    error = failure(store, request_for(url))
    assert str(error) == f"cannot download data from {url}: this is not a valid address"
    assert "https://" in error.hint


def test_no_address_at_all(store: Store) -> None:
    assert "no address is known" in str(failure(store, request_for()))


def test_every_address_is_named_with_its_reason(site: Site, store: Store) -> None:
    error = failure(store, request_for(f"{site.url}/gone", "http://127.0.0.1:9/data", "file:///nonesuch"))
    assert str(error).splitlines() == [
        "cannot download data from any of 3 addresses:",
        f"  {site.url}/gone: the server answers 404 Not Found",
        "  http://127.0.0.1:9/data: 127.0.0.1 refuses the connection",
        "  file:///nonesuch: there is no such file",
    ]


def test_other_bytes_name_both_digests_and_the_address_and_take_nothing_good_away(site: Site, store: Store) -> None:
    good = store.add(b"good")
    url = site.serve("/data", DATA, web.instead(b"x" * len(DATA)))
    with pytest.raises(IntegrityError) as caught:
        bring(store, request_for(url))
    said = str(caught.value)
    assert str(Digest.of(DATA)) in said
    assert str(Digest.of(b"x" * len(DATA))) in said
    assert url in said
    assert store.read(good) == b"good"
    assert not store.has(Digest.of(b"x" * len(DATA)))
    assert leftovers(store) == []


@pytest.mark.parametrize("other", [b"short", DATA + b"more"], ids=["short", "long"])
def test_another_size_is_told(site: Site, store: Store, other: bytes) -> None:
    with pytest.raises(IntegrityError, match=str(len(DATA))):
        bring(store, request_for(site.serve("/data", other)))
    assert leftovers(store) == []


def test_bytes_without_an_end_are_cut_off(site: Site, store: Store) -> None:
    site.always["/data"] = web.cut_without_length(10**9)
    url = site.serve("/data", DATA * 3)
    with pytest.raises(IntegrityError, match="larger than the 300000 bytes"):
        bring(store, request_for(url))


def test_a_file_of_this_machine_that_is_other_than_promised(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"other")
    with pytest.raises(IntegrityError, match=str(Digest.of(b"other"))):
        bring(store, request_for(path.as_uri()))
    path.unlink()
    path.mkdir()
    assert "cannot be read" in str(failure(store, request_for(path.as_uri())))


def test_the_first_failure_stops_the_others_which_keep_what_they_have(
    site: Site, store: Store, release: threading.Event
) -> None:
    slow = site.serve("/slow", DATA, web.held(HALF, release))

    def gone_when_the_other_has_begun(handler: web.Handler, content: bytes) -> None:
        eventually(lambda: arrived(store) == HALF)
        web.missing(handler, content)

    gone = site.serve("/gone", b"x", gone_when_the_other_has_begun)
    never = site.serve("/never", b"y")
    with pytest.raises(Missing):
        download(
            store,
            [request_for(slow), request_for(gone, data=b"x"), request_for(never, data=b"y")],
            jobs=2,
            patience=HASTY,
        )
    assert not release.is_set()  # it goes on by itself at last
    assert site.ranges("/never") == []
    assert arrived(store) == HALF
    release.set()
    assert bring(store, request_for(slow)) == DATA
    assert site.ranges("/slow")[-1] in (f"bytes={HALF}-", f"bytes={HALF + PIECE}-")


# Whom to trust


def test_names_and_passwords_are_used_and_never_shown(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA, web.status(401)).replace("http://", "http://ann:se@cret@")
    error = failure(store, request_for(url))
    assert site.asked[0].headers["Authorization"].startswith("Basic ")
    assert str(error) == f"cannot download data from {site.url}/data: the server answers 401 Unauthorized"
    site.serve("/data", DATA, web.cut(100_000), *[web.status(500)] * 5)
    failure(store, request_for(url))
    remaining = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
    assert not any(b"cret" in content for content in remaining)


def test_redirects_are_followed_but_take_no_password_along(site: Site, store: Store) -> None:
    with web.running() as other:
        target = other.serve("/there", DATA, web.cut(1000))
        url = site.serve("/data", b"", web.redirect("/moved", 301)).replace("http://", "http://ann:secret@")
        site.always["/moved"] = web.redirect(target, 307)
        site.always["/data"] = web.redirect("/moved")
        assert bring(store, request_for(url)) == DATA
        assert [asked.path for asked in site.asked] == ["/data", "/moved"] * 2
        assert other.ranges("/there") == [None, "bytes=1000-"]
        assert "Authorization" not in other.asked[0].headers


def test_redirects_in_a_circle(site: Site, store: Store) -> None:
    site.always["/data"] = web.redirect("/data")
    assert "redirects more than 10 times" in str(failure(store, request_for(site.serve("/data", DATA))))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirects_stay_on_the_web(site: Site, store: Store, target: str) -> None:
    site.always["/data"] = web.redirect(target)
    assert "which is not a web address" in str(failure(store, request_for(site.serve("/data", DATA))))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    from fromscratch.host.process import run

    if run.find("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate of this test")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    key = path.with_name("key.pem")
    run.run(["openssl", "req", "-x509", *curve, *name, "-keyout", str(key), "-out", str(path)])
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return str(path)


@pytest.fixture
def secure(certificate: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with web.running(certificate) as site:
        yield site


def test_https_with_the_certificates_that_openssl_is_told_of(secure: Site, store: Store) -> None:
    assert bring(store, request_for(secure.serve("/data", DATA))) == DATA


def test_a_certificate_that_nobody_vouches_for(secure: Site, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    error = failure(store, request_for(secure.serve("/data", DATA)))
    assert "TLS with 127.0.0.1 failed: self" in str(error)
    assert "SSL_CERT_FILE" in error.hint


def test_a_redirect_from_https_to_http_is_refused(secure: Site, site: Site, store: Store) -> None:
    target = site.serve("/there", DATA)
    url = secure.serve("/data", b"", web.redirect(f"{target}?token=secret"))
    error = failure(store, request_for(url))
    assert f"redirects from https to {target}, which is not protected" in str(error)
    assert "secret" not in str(error)
    assert site.asked == []


# Documents that change


def test_a_document_is_asked_for_each_time_and_sent_when_it_has_changed(site: Site, store: Store) -> None:
    url = site.serve("/InRelease", b"first")
    assert refresh(store, url) == Digest.of(b"first")
    assert refresh(store, url) == Digest.of(b"first")
    assert site.sent["/InRelease"] == len(b"first")
    site.serve("/InRelease", b"second")
    assert refresh(store, url) == Digest.of(b"second")
    assert store.read(Digest.of(b"first")) == b"first"
    assert len(site.asked) == 3


def test_a_document_that_the_store_lost_is_fetched_again(site: Site, store: Store) -> None:
    url = site.serve("/InRelease", b"text")
    digest = refresh(store, url)
    assert digest
    store.discard(digest)
    assert refresh(store, url) == digest
    assert store.read(digest) == b"text"


def test_a_document_that_is_not_there(site: Site, store: Store) -> None:
    assert refresh(store, f"{site.url}/none", missing_ok=True) is None
    with pytest.raises(Missing):
        refresh(store, f"{site.url}/none")


@pytest.mark.parametrize("code", [403, 500])
def test_only_a_missing_document_may_be_missing(site: Site, store: Store, code: int) -> None:
    site.always["/InRelease"] = web.status(code)
    with pytest.raises(DownloadError):
        refresh(store, f"{site.url}/InRelease", missing_ok=True, patience=HASTY)


def test_a_document_of_this_machine(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "InRelease"
    assert refresh(store, path.as_uri(), missing_ok=True) is None
    for text in (b"first", b"second"):
        path.write_bytes(text)
        assert refresh(store, path.as_uri()) == Digest.of(text)


# A disk that refuses


def test_a_file_that_outgrows_its_limit_is_told_and_gone_on_with(site: Site, store: Store) -> None:
    url = site.serve("/data", DATA)
    limited = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *command(url, store)]
    done = subprocess.run(limited, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"ImageError: cannot write" in done.stderr
    assert b"File too large" in done.stderr
    assert bring(store, request_for(url)) == DATA
    assert site.ranges("/data")[-1] in ("bytes=102400-", "bytes=204800-")  # dash counts 512 bytes, bash 1024


def test_a_full_disk_is_told_and_gone_on_with(site: Site, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    store = Store(small / "store")
    url = site.serve("/data", DATA)
    mount = 'mount -t tmpfs -o size=200k none "$0" && "$@"; code=$?; cp -r "$0"/store "$0".kept; exit $code'
    try:
        subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", small], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not make a mount namespace, and so no small disk")
    script = ["unshare", "-rm", "sh", "-c", mount, str(small), *command(url, store)]
    done = subprocess.run(script, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"No space left on device | the disk is full: free some room" in done.stderr
    remaining = Store(tmp_path / "small.kept")
    assert not remaining.has(Digest.of(DATA))
    assert bring(remaining, request_for(url)) == DATA
    assert site.ranges("/data")[-1] is not None


def test_a_store_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"a file")
    with pytest.raises(ImageError, match="File exists"):
        bring(Store(tmp_path / "store"), request_for(site.serve("/data", DATA)))


# Telling how far it is


class Recorded(Progress):
    """Progress that keeps what it was told; each task as title, amount, total."""

    def __init__(self) -> None:
        self.tasks: list[list[object]] = []

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        row: list[object] = [title, 0, total]
        self.tasks.append(row)

        class One(Task):
            def advance(self, amount: int) -> None:
                assert amount > 0
                row[1] += amount  # type: ignore[operator]

            def describe(self, text: str) -> None:
                pass

            def expect(self, total: int) -> None:
                row[2] = total

            def pulse(self, text: str = "", left: float | None = None) -> None: ...

        @contextmanager
        def one() -> Iterator[Task]:
            yield One()

        return one()

    def note(self, text: str) -> None:
        pass


def test_progress_counts_every_byte_once_also_those_that_came_before(site: Site, store: Store) -> None:
    seen = Recorded()
    cut = site.serve("/cut", DATA, web.cut(100_000), web.ranges_ignored)
    asked = [
        request_for(cut),
        FileRequest(title="unknown", urls=(site.serve("/unknown", b"y" * 5000),), digest=Digest.of(b"y" * 5000)),
        request_for(site.serve("/there", b"z"), data=store.read(store.add(b"z"))),
    ]
    download(store, asked, seen, patience=HASTY)
    assert seen.tasks == [["downloading 2 files", 305_000, 305_000]]


def test_one_file_has_its_title_on_the_bar(site: Site, store: Store) -> None:
    seen = Recorded()
    download(store, [request_for(site.serve("/data", DATA), title="busybox 1.37")], seen)
    assert seen.tasks == [["busybox 1.37", 300_000, 300_000]]


def test_a_large_file_among_several_has_a_bar_of_its_own(site: Site, store: Store) -> None:
    seen = Recorded()
    large = bytes(17 << 20)
    download(
        store,
        [request_for(site.serve("/large", large), data=large, title="large"), request_for(site.serve("/d", DATA))],
        seen,
    )
    assert sorted(seen.tasks, key=str) == [
        ["downloading 2 files", len(large) + len(DATA), len(large) + len(DATA)],
        ["large", len(large), len(large)],
    ]


def test_nothing_to_fetch_shows_nothing_and_imports_nothing(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from fromscratch.digest import Digest
from fromscratch.host.http.download import FileRequest, download, refresh
from fromscratch.host.storage.store import Store
store = Store(Path({str(tmp_path)!r}))
digest = store.add(b"data")
assert download(store, [FileRequest(title="data", urls=("http://nonesuch.invalid/",), digest=digest)]) == [digest]
print(sorted({{"requests", "urllib3", "ssl"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize(
    "proxy",
    ["foo bar", "me:word@proxy", "http://", "http://h:port", "http://h:99999", "gopher://h:1", "http://me:word@[bad:1"],
)
def test_a_proxy_that_is_no_address_is_named(proxy: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    with pytest.raises(DownloadError, match=r"the proxy '.*' of this environment cannot be used") as caught:
        download(store, [FileRequest(title="data", urls=("http://h.example/data",))])
    assert "word" not in caught.value.message
    assert "http_proxy" in caught.value.hint


def test_a_wrong_address_is_not_blamed_on_the_proxy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    with pytest.raises(DownloadError, match="not a valid address"):
        download(store, [FileRequest(title="data", urls=("http://h:port/data",))])
