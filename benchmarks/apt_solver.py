"""What apt would install, by its own library: a line of names on stdin, a line `name=version …` on stdout.

Run by the Python that python3-apt is installed for. It does as `apt-get install` does: mark what was asked for, let the
problem resolver mend, and refuse what is left broken. Arguments are settings, such as Dir::State=/tmp/x.
"""

import sys

import apt_pkg


def main(settings):
    apt_pkg.init_config()
    for setting in settings:
        apt_pkg.config.set(*setting.split("=", 1))
    apt_pkg.init_system()
    cache = apt_pkg.Cache(None)
    chosen = apt_pkg.DepCache(cache)
    for line in sys.stdin:
        chosen.init()  # forgets what the last line has marked
        print(" ".join(answer(cache, chosen, line.split())), flush=True)


def answer(cache, chosen, names):
    fixer = apt_pkg.ProblemResolver(chosen)
    packages = [cache[name] for name in names]
    with apt_pkg.ActionGroup(chosen):
        for automatically in (False, True):
            for package in packages:
                fixer.protect(package)
                chosen.mark_install(package, automatically, True)
    if chosen.broken_count:
        try:
            fixer.resolve(True)
        except SystemError:
            return []
    if chosen.broken_count or any(not chosen.marked_install(package) for package in packages):
        return []
    return [
        f"{package.name}={chosen.get_candidate_ver(package).ver_str}"
        for package in cache.packages
        if chosen.marked_install(package)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
