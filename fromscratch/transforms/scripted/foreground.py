"""How servers are kept in the foreground, as a container needs them, by the options of their own manuals."""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Foreground(Struct, frozen=True):
    """What to change of a command: words that go, options that go with their value, words that come at the end.

    `first` are words that have to stand before all others; `instead` are words that replace all behind the program.
    """

    drop: tuple[str, ...] = ()
    drop_with_value: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


_APACHE = Foreground(drop=("start", "-k"), add=("-D", "FOREGROUND"))
_SERVERS: Mapping[str, Foreground] = {
    "apache2ctl": _APACHE,
    "apachectl": _APACHE,
    "apache2": _APACHE,
    "httpd": _APACHE,
    "atd": Foreground(add=("-f",)),
    "avahi-daemon": Foreground(drop=("-D", "--daemonize")),
    "chronyd": Foreground(add=("-d",)),
    "collectd": Foreground(add=("-f",)),
    "conserver": Foreground(drop=("-d",)),
    "cron": Foreground(add=("-f",)),
    "dhcpd": Foreground(add=("-f",)),
    "dnsmasq": Foreground(add=("--keep-in-foreground",)),
    "exim4": Foreground(drop=("-bd",), add=("-bdf",)),
    "fcgiwrap": Foreground(),
    "freeradius": Foreground(add=("-f",)),
    "haproxy": Foreground(drop=("-D",), add=("-W", "-db")),
    "hostapd": Foreground(drop=("-B",)),
    "icecast2": Foreground(drop=("-b",)),
    "inetd": Foreground(add=("-i",)),
    "keepalived": Foreground(add=("--dont-fork",)),
    "lighttpd": Foreground(add=("-D",)),
    "monit": Foreground(add=("-I",)),
    "mosquitto": Foreground(drop=("-d",)),
    "munin-node": Foreground(add=("--foreground",)),
    "named": Foreground(add=("-f",)),
    "ngircd": Foreground(add=("--nodaemon",)),
    "nginx": Foreground(drop_with_value=("-g",), add=("-g", "daemon off;")),
    "nmbd": Foreground(drop=("-D",), add=("--foreground", "--no-process-group")),
    "nsd": Foreground(add=("-d",)),
    "ntpd": Foreground(add=("-n",)),
    "opendkim": Foreground(add=("-f",)),
    "pdns_server": Foreground(drop=("--daemon=yes",), add=("--daemon=no", "--guardian=no")),
    "polipo": Foreground(add=("daemonise=false",)),
    "postfix": Foreground(instead=("start-fg",)),
    "privoxy": Foreground(first=("--no-daemon",)),
    "proftpd": Foreground(add=("--nodaemon",)),
    "rsync": Foreground(add=("--no-detach",)),
    "rsyslogd": Foreground(add=("-n",)),
    "slapd": Foreground(add=("-d", "0")),
    "smbd": Foreground(drop=("-D",), add=("--foreground", "--no-process-group")),
    "snmpd": Foreground(add=("-f",)),
    "squid": Foreground(add=("--foreground",)),
    "sshd": Foreground(add=("-D",)),
    "stunnel4": Foreground(),
    "syslog-ng": Foreground(add=("-F",)),
    "tinyproxy": Foreground(add=("-d",)),
    "tor": Foreground(add=("--RunAsDaemon", "0")),
    "transmission-daemon": Foreground(add=("-f",)),
    "unbound": Foreground(add=("-d",)),
    "vsftpd": Foreground(add=("-obackground=NO",)),
    "xinetd": Foreground(add=("-dontfork",)),
    "zabbix_agentd": Foreground(add=("--foreground",)),
    "zabbix_server": Foreground(add=("--foreground",)),
}
# What asks systemd for a socket, or tells it of the start; without systemd the server opens its socket itself.
_OF_SYSTEMD: Mapping[str, Foreground] = {
    "dbus-daemon": Foreground(drop=("--address=systemd:", "--systemd-activation")),
    "dockerd": Foreground(drop_with_value=("-H",)),
}
_BACKGROUND = frozenset({"--background", "--daemon", "--daemonise", "--daemonize", "--detach", "--fork"})


def in_foreground(words: Sequence[str], *, forks: bool) -> tuple[str, ...] | None:
    """The command that stays in the foreground; None if nobody knows how, where `forks` says that this one does not."""
    name = words[0].rpartition("/")[2]
    if name in _OF_SYSTEMD:
        words = _changed(words, _OF_SYSTEMD[name])
    if not forks:
        return tuple(words)
    if name in _SERVERS:
        return _changed(words, _SERVERS[name])
    left = tuple(word for word in words if word not in _BACKGROUND)
    return left if len(left) < len(words) else None


def _changed(words: Sequence[str], change: Foreground) -> tuple[str, ...]:
    if change.instead:
        return (words[0], *change.instead)
    found: list[str] = [words[0], *(word for word in change.first if word not in words)]
    pending = iter(words[1:])
    for word in pending:
        if word in change.drop_with_value:
            next(pending, None)
        elif word not in change.drop:
            found.append(word)
    present = " ".join(found)
    return tuple(found) if " ".join(change.add) in present else (*found, *change.add)
