"""Perl: the modules that programs load; compared with what a perl does load."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.host.machine.view import MachineView
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.perl import finder as perl
from fromscratch.linker.beyond.perl import source as perl_source
from fromscratch.linker.beyond.perl.source import Load, source
from fromscratch.linker.beyond.scripts import finder as scripts
from tests.engines import missing
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed, scene
from tests.steps import check_growth
from tests.trees import text

REAL = "/usr/bin/perl"
BASE, CORE, SHARE = "/usr/lib/x86_64-linux-gnu/perl-base", "/usr/lib/x86_64-linux-gnu/perl/5.36", "/usr/share/perl/5.36"
INC = ["/etc/perl", "/usr/share/perl5", SHARE, "/usr/local/lib/site_perl", "/usr/local/share/perl/5.36.0", BASE, CORE]
PERL = {REAL: elf(data=b"".join(b"\0" + folder.encode() for folder in [*INC, "/usr/lib/debug/perl.debug"]) + b"\0")}
TREE = f"""
    f 0644 0:0 {BASE}/strict.pm ''
    f 0644 0:0 {BASE}/List/Util.pm 'require XSLoader;'
    f 0644 0:0 {BASE}/auto/List/Util/Util.so '\\x7fELF'
    f 0644 0:0 {BASE}/XSLoader.pm ''
    f 0644 0:0 {CORE}/List/Util.pm 'another'
    f 0644 0:0 {CORE}/auto/List/Util/Util.so '\\x7fELF another'
    f 0644 0:0 {CORE}/PerlIO/scalar.pm ''
    f 0644 0:0 {SHARE}/Data/Dumper.pm 'use strict;'
    f 0644 0:0 {SHARE}/Tests.pm ''
    f 0644 0:0 /usr/share/perl5/Far.pm 'use strict; use Far::Near;'
    f 0644 0:0 /usr/share/perl5/Far/Near.pm ''
    f 0644 0:0 /usr/share/perl5/Far/Lazy.pm 'use Data::Dumper; use Other;'
    f 0644 0:0 /usr/share/perl5/Far/table.txt ''
    f 0644 0:0 /usr/share/perl5/Other.pm ''
    f 0644 0:0 /usr/local/share/perl/5.36.0/Far.pl ''
    f 0644 0:0 /etc/perl/x ''
    f 0644 0:0 /usr/local/lib/site_perl/x ''
"""


def it(code: str, *more: str, name: str = "/srv/app") -> Scene:
    block = "\n".join([TREE, *more, f"f 0755 0:0 {name} {'#!/usr/bin/perl -w' + chr(10) + code!r}"])
    return system(block, PERL, name)


def test_a_program_takes_what_it_loads_and_the_parts_in_c() -> None:
    assert listing(perl.find(it("use strict;\nuse List::Util qw(sum);"))) == text(f"""
        perl declared {BASE}/strict.pm opened by /srv/app (strict)
        perl declared {BASE}/List/Util.pm opened by /srv/app (List::Util)
        perl declared library {BASE}/auto/List/Util/Util.so opened by {BASE}/List/Util.pm (the part in C of List::Util)
        perl declared {BASE}/XSLoader.pm opened by {BASE}/List/Util.pm (XSLoader)
    """)


def test_what_a_distribution_adds_brings_what_lies_with_it() -> None:
    assert paths_needed(perl.find(it("use Far;"))) == [
        "/usr/share/perl5/Far.pm",
        f"{BASE}/strict.pm",
        "/usr/share/perl5/Far/Near.pm",
        "/usr/share/perl5/Far/Lazy.pm",
        "/usr/share/perl5/Far/table.txt",
        f"{SHARE}/Data/Dumper.pm",
    ]


def test_a_perl_alone_takes_its_base() -> None:
    assert paths_needed(perl.find(system(TREE, PERL))) == [
        f"{BASE}/XSLoader.pm",
        f"{BASE}/strict.pm",
        f"{BASE}/List/Util.pm",
        f"{BASE}/auto/List/Util/Util.so",
    ]
    less = "\n".join(line for line in TREE.splitlines() if BASE not in line)
    assert paths_needed(perl.find(system(less, PERL))) == [
        f"{CORE}/List/Util.pm",
        f"{CORE}/PerlIO/scalar.pm",
        f"{CORE}/auto/List/Util/Util.so",
        f"{SHARE}/Tests.pm",
        f"{SHARE}/Data/Dumper.pm",
    ]


def test_folders_of_use_lib_come_first_and_findbin_is_the_folder_of_the_program() -> None:
    near = "f 0644 0:0 /srv/lib/Data/Dumper.pm ''"
    for code in ("use lib '/srv/lib';", 'use FindBin; use lib "$FindBin::Bin/lib";', "use lib qw(/nowhere /srv/lib);"):
        assert paths_needed(perl.find(it(f"{code}\nuse Data::Dumper;", near))) == ["/srv/lib/Data/Dumper.pm"]


def test_a_module_that_is_nowhere_is_told_if_the_program_cannot_do_without() -> None:
    assert "warning perl /srv/app uses No::Where, which is nowhere in perl's @INC (/etc/perl:" in listing(
        perl.find(it("use No::Where;"))
    )
    assert not listing(perl.find(it("eval { require No::Where };\nrequire No::Where if $x;")))


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("use A::B;", "A::B"),
        ("use strict; use A; no B;", "strict A B"),
        ("use parent qw(A B::C);", "parent A B::C"),
        ("use base 'A', \"B\";", "base A B"),
        ("use parent -norequire, 'A';", "parent"),
        ("use Importer 'A::B' => qw(c);", "Importer A::B"),
        ("use Importer ('A::B');", "Importer A::B"),
        ("use POSIX 'floor';", "POSIX"),
        ("use if $] < 5.01, 'A::B' => 1;", "if A::B"),
        ("eval { require A; 1 } or eval 'use B; 1';", "A B"),
        ("require 'a/b.pl'; do 'c.pl';", "a/b.pl c.pl"),
        ("use 5.012;", "feature strict warnings"),
        ("require 5.6; do { 1 };", ""),
        ("use A'B;", "A::B"),
        ("print 'use X' if $use;", ""),
        ("# use X;\n=pod\n\nuse X;\n\n=cut\nuse A;\n__END__\nuse X;", "A"),
        ('print <<"X", <<~Y;\nuse B;\nX\n  use B;\n  Y\nuse A;', "A"),
        ("eval <<'X' or die;\n  use A;\nX\n", "A"),
        ("print 1 <<FOO;\nuse A;", "A"),
        ("print $+{x}, $!{ENOENT};", "Errno Tie::Hash::NamedCapture"),
        (
            "open my $x, '<', \\$y; binmode $x, ':encoding(UTF-8)';",
            "PerlIO PerlIO::scalar PerlIO::encoding Encode encoding",
        ),
        ("my @x = <*.c>; $fh->autoflush(1);", "File::Glob IO::File"),
        ('"\\N{GREEK SMALL LETTER ALPHA} \\N{U+20}"', "_charnames"),
    ],
)
def test_what_a_source_loads(code: str, names: str) -> None:
    assert [load.name for load in source(code.encode()).loads] == names.split()


def test_a_plain_use_is_sure() -> None:
    assert source(b"use A;\n  use B; require C;").loads == (Load("A", True), Load("B"), Load("C"))


PIECES = [
    b"use ",
    b"A",
    b"::",
    b"'",
    b";",
    b" ",
    b"\n",
    b"<<X",
    b"X\n",
    b"eval{",
    b"=pod\n",
    b"=cut\n",
    b"<*",
    b"my ",
    b"(",
]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
def test_any_bytes_are_read(raw: bytes) -> None:
    source(raw)


@pytest.mark.parametrize(
    "piece", [*PIECES, b"<<A ", b"<<A\n", b"A\n<<A\n", b"use A;", b"eval ", b"my ( ", b"open \\", b"'\""]
)
def test_the_work_of_reading_grows_with_the_size_only(piece: bytes) -> None:
    check_growth(lambda size: source(piece * (size // len(piece))), 250, perl_source)


APP = r"""#!/usr/bin/perl
use strict; use warnings;
use POSIX qw(floor strftime); use List::Util qw(sum first); use Scalar::Util 'blessed';
use JSON::PP; use Data::Dumper; use Getopt::Long; use File::Temp qw(tempfile); use Digest::SHA qw(sha256_hex);
use Time::HiRes; use Encode; use Storable; use MIME::Base64; use IO::Socket; use File::Find; use Text::Wrap;
"abc" =~ /(?<x>b)/; print $+{x}; print "no" if $!{ENOENT};
open my $in, '<', \"text"; print <$in>; STDOUT->autoflush(1);
binmode(STDOUT, ':encoding(UTF-8)'); print "\N{GREEK SMALL LETTER ALPHA}", lc("\x{c9}"), length encode("UTF-16", "a");
print floor(sum(1, 2.5)), JSON::PP->new->canonical->encode({a => [1, undef]}), length sha256_hex("");
my @found = </usr/*>; print "\n", scalar(@found) > 0, "\n";
"""


@pytest.mark.slow
def test_a_program_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    if not Path("/usr/share/perl").is_dir():
        missing("perl-modules is not on this machine")
    program = tmp_path / "upper/srv/app"
    program.parent.mkdir(parents=True)
    program.write_text(APP)
    program.chmod(0o755)
    root = Root(tmp_path, Path("/srv/app"), upper=tmp_path / "upper")
    done = root.run(scripts.find, perl.find)
    assert (done.stdout, done.stderr) == ('btextαÉ43{"a":[1,null]}64\n1\n', "")


@pytest.mark.slow
def test_a_perl_alone_runs_with_its_base(tmp_path: Path) -> None:
    if not Path(REAL).exists():
        missing("perl is not on this machine")
    code = "use POSIX; use List::Util 'max'; use IO::Socket; use File::Temp; print max(1, 3), lc 'É'"
    root = Root(tmp_path, Path(REAL), {"/srv/code": code})  # -e would open /dev/null
    done = root.run(scripts.find, perl.find, args=("/srv/code",))
    assert (done.stdout, done.stderr) == ("3É", "")


PROBE = 'require {}; print join "\\n", (grep {{defined}} values %INC), @DynaLoader::dl_shared_objects;'
# What builds modules, and configures this machine's packages.
_APART = ("ExtUtils::", "CPAN", "Debconf::")


@pytest.mark.slow
def test_what_perl_loads_for_each_of_its_modules_is_among_what_we_take(tmp_path: Path) -> None:
    """perl is run once for each module; what it has loaded then must be within what we take for it."""
    if not Path("/usr/share/perl").is_dir():
        missing("perl-modules is not on this machine")
    view, tried = MachineView(Path("/")), 0
    include = subprocess.run([REAL, "-e", 'print join "\\n", @INC'], capture_output=True, text=True, check=True).stdout
    roots = [Path(folder) for folder in include.split("\n") if Path(folder).is_dir()]
    names = {
        str(path.relative_to(root)).removesuffix(".pm").replace("/", "::")
        for root in roots
        for path in root.rglob("*.pm")
    }
    for name in sorted(name for name in names if not name.startswith(_APART)):
        listing_ = subprocess.run(
            [REAL, "-e", PROBE.format(name)], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if listing_.returncode:
            continue  # for another system, or it wants something that is not here
        loaded = {os.path.realpath(line) for line in listing_.stdout.split("\n") if line.startswith("/")}
        program = tmp_path / f"{tried}.pl"
        program.write_text(f"use {name};\n")
        ours = {os.path.realpath(path) for path in paths_needed(perl.find(scene(view, REAL, str(program))))}
        assert {path for path in loaded if Path(path).is_file()} <= ours, name
        tried += 1
    print(f"{tried} modules")
    assert tried > 400


DRIVERS = (
    "f 0644 0:0 /usr/share/perl5/DBI.pm 'use strict;'",
    "f 0644 0:0 /usr/share/perl5/DBD/SQLite.pm 'use Other;'",
    "f 0644 0:0 /usr/share/perl5/DBD/Pg.pm ''",
    "f 0644 0:0 /usr/share/perl5/DBD/File.pm ''",
)


def test_a_driver_of_dbi_is_loaded_by_the_name_of_its_database() -> None:
    found = listing(perl.find(it("use DBI;\nmy $d = DBI->connect('dbi:SQLite:dbname=x');", *DRIVERS)))
    assert "perl declared /usr/share/perl5/DBD/SQLite.pm opened by /srv/app (DBD::SQLite)" in found
    assert "perl declared /usr/share/perl5/Other.pm" in found
    assert "DBD/Pg" not in found
    assert "offer" not in found


def test_the_drivers_of_dbi_are_offered_where_no_program_names_one_and_one_that_was_taken_is_followed() -> None:
    code = "use DBI;\nmy $d = DBI->connect($ENV{DSN});"
    offers = [line for line in listing(perl.find(it(code, *DRIVERS))).splitlines() if line.startswith("offer")]
    assert offers == [
        "offer perl the driver DBD::Pg, which DBI loads for /srv/app if it is asked",
        "offer perl the driver DBD::SQLite, which DBI loads for /srv/app if it is asked",
    ]
    block = "\n".join([TREE, *DRIVERS, f"f 0755 0:0 /srv/app {'#!/usr/bin/perl' + chr(10) + code!r}"])
    again = perl.find(system(block, PERL, "/srv/app", "/usr/share/perl5/DBD/SQLite.pm"))
    assert "/usr/share/perl5/Other.pm" in paths_needed(again)


@pytest.mark.parametrize(
    "code",
    [
        "use_module('Far::Near')->new;",
        'my $c = load_class "Far::Near";',
        "load Far::Near;",
        "can_load(modules => { 'Far::Near' => 0 });",
        "extends 'Far::Near';",
        "with qw(Far::Near);",
    ],
)
def test_a_module_may_be_named_to_a_function_that_loads_it(code: str) -> None:
    assert "/usr/share/perl5/Far/Near.pm" in paths_needed(perl.find(it(code)))
