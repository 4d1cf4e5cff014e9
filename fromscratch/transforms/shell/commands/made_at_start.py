"""Commands that make what belongs to one container, such as a key: no image may have it, so none is followed."""

from collections.abc import Callable

from fromscratch.transforms.shell.left_out import Matter
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.to_come import ToCome

_KEY = "a key belongs to one container: make it when the container starts"
_PASSWORD = "a password belongs to one container: set it when the container starts"
_DATABASE = "a database belongs into a volume: make it when the container starts"
_ID = "an id belongs to one machine, not to an image"
_COMMANDS: dict[str, tuple[str, Matter]] = {
    **dict.fromkeys(("certtool", "dnssec-keygen", "ssh-keygen"), (_KEY, "content")),
    **dict.fromkeys(("apg", "makepasswd", "mkpasswd", "pwgen", "slappasswd"), (_PASSWORD, "content")),
    **dict.fromkeys(
        ("initdb", "mariadb-install-db", "mysql_install_db", "pg_createcluster", "slapadd"), (_DATABASE, "content")
    ),
    **dict.fromkeys(("dbus-uuidgen", "systemd-machine-id-setup", "uuidgen"), (_ID, "cache")),
}


_RNDC_KEY = "/etc/bind/rndc.key"
_SNAKEOIL = ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key")
_MAKES_KEYS = frozenset(("dhparam", "ecparam", "gendsa", "genpkey", "genrsa", "passwd", "rand", "req"))


def openssl(machine: Machine, call: Call) -> Result:
    """Nothing that it does is followed; the reason says what is to be made where."""
    makes_keys = bool({*call.arguments[:1]} & _MAKES_KEYS)
    raise NotUnderstood(_KEY if makes_keys else "openssl is a program, and programs are not run")


def rndc_confgen(machine: Machine, call: Call) -> Result:
    """With -a it makes a file; what a script then does to its owner is left to the container too."""
    if "-a" in call.arguments:
        machine.state(ToCome).paths.add(_RNDC_KEY)
    raise NotUnderstood(_KEY)


def make_ssl_cert(machine: Machine, call: Call) -> Result:
    """The certificate of a machine and its key, which scripts of other packages link to."""
    if call.arguments[:1] == ("generate-default-snakeoil",):
        machine.state(ToCome).paths.update(_SNAKEOIL)
    raise NotUnderstood(_KEY)


def _refusing(reason: str) -> Callable[[Machine, Call], Result]:
    def run(machine: Machine, call: Call) -> Result:
        raise NotUnderstood(reason)

    return run


COMMANDS = {
    **{name: Command(_refusing(reason), matter) for name, (reason, matter) in _COMMANDS.items()},
    "make-ssl-cert": Command(make_ssl_cert, "content"),
    "openssl": Command(openssl, "content"),
    "rndc-confgen": Command(rndc_confgen, "content"),
}
