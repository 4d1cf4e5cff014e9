"""The repositories of a machine's dnf or zypper."""

from pathlib import Path

from fromscratch.host.machine.yum import YumRepository, release, repositories

_FEDORA = """
[fedora]
name=Fedora $releasever - $basearch
#baseurl=http://commented/
metalink=https://HOST/metalink?repo=fedora-$releasever&arch=$basearch
enabled=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch
       https://HOST/KEY
[fedora-source]
baseurl=https://HOST/source
enabled=0
[own]
baseurl=https://HOST/$region/one
        ftp://HOST/two, https://HOST/three
priority=10
[nothing]
name=nowhere
"""


def test_enabled_repositories_with_their_keys(tmp_path: Path) -> None:
    for name, text in {
        "etc/yum.repos.d/fedora.repo": _FEDORA,
        "etc/yum.repos.d/broken.repo": "no section\n",
        "etc/zypp/repos.d/oss.repo": "[oss]\nbaseurl=https://HOST/oss\nautorefresh=1\n",
        "etc/dnf/vars/region": "here\n",
        "etc/os-release": 'ID=fedora\nVERSION_ID="42"\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    key = tmp_path / "etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch"
    assert repositories(tmp_path) == [
        YumRepository("fedora", metalink="https://HOST/metalink?repo=fedora-$releasever&arch=$basearch", keys=(key,)),
        YumRepository("own", ("https://HOST/here/one", "https://HOST/three"), priority=10),
        YumRepository("oss", ("https://HOST/oss",)),
    ]
    assert release(tmp_path) == "42"


def test_a_machine_without_any(tmp_path: Path) -> None:
    assert (repositories(tmp_path), release(tmp_path)) == ([], "")
