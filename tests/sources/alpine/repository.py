"""An Alpine repository in a folder: packages, and an index signed by a key made here."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.formats.alpine import packages as apks
from tests.formats.alpine.signing import SigningKey, signing_key

DAY = 86400
BASE = 1_700_000_000


@dataclass
class Repository:
    """`keys` is a folder with the public key."""

    folder: Path
    key: SigningKey = field(default_factory=signing_key)

    def __post_init__(self) -> None:
        self.keys.mkdir(parents=True, exist_ok=True)
        (self.keys / self.key.name).write_bytes(self.key.pem)

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def address(self) -> str:
        return f"file://{self.folder}/main"

    def publish(
        self, *packages: bytes, architecture: str = "x86_64", day: int = 0, signed: bool = True, part: str = "main"
    ) -> None:
        """Make the repository hold exactly these packages; its index is of that day."""
        place = self.folder / part / architecture
        place.mkdir(parents=True, exist_ok=True)
        for package in packages:
            fields = dict(line.split(":", 1) for line in apks.paragraph(package).splitlines())
            (place / f"{fields['P']}-{fields['V']}.apk").write_bytes(package)
        index = apks.index(*packages, key=self.key, signed=signed, modified=BASE + day * DAY)
        (place / "APKINDEX.tar.gz").write_bytes(index)
