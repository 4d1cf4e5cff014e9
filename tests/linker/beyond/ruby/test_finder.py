"""Ruby: what programs require; compared with what a ruby does load."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.host.machine.view import MachineView
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.ruby import finder as ruby
from fromscratch.linker.beyond.ruby import source as ruby_source
from fromscratch.linker.beyond.ruby.source import Require, requires
from fromscratch.linker.beyond.scripts import finder as scripts
from tests.engines import missing
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed, scene
from tests.steps import check_growth

REAL = "/usr/bin/ruby"
LIB, ARCH = "/usr/lib/ruby/3.1.0", "/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
GEMS = "/var/lib/gems/3.1.0"
FOLDERS = ["/usr/local/lib/site_ruby", "/usr/lib/ruby/vendor_ruby", LIB, ARCH]
RUBY = {
    "/usr/lib/libruby-3.1.so.3.1": elf(
        soname="libruby-3.1.so.3.1", data=b"".join(b"\0" + each.encode() for each in FOLDERS) + b"\0"
    )
}
TREE = f"""
    f 0644 0:0 /usr/lib/ruby/vendor_ruby/rubygems.rb "require 'rbconfig'\\n  require 'rake'"
    f 0644 0:0 /usr/lib/ruby/vendor_ruby/rubygems/errors.rb ''
    f 0644 0:0 {ARCH}/rbconfig.rb ''
    f 0644 0:0 {ARCH}/enc/encdb.so '\\x7fELF'
    f 0644 0:0 {LIB}/json.rb "require 'json/ext'"
    f 0644 0:0 {LIB}/json/ext.rb 'require "json/ext/parser"'
    f 0644 0:0 {LIB}/json/generic.rb ''
    f 0644 0:0 {ARCH}/json/ext/parser.so '\\x7fELF'
    f 0644 0:0 {LIB}/set.rb ''
    f 0644 0:0 {GEMS}/gems/rake-13.0.6/lib/rake.rb ''
    f 0644 0:0 {GEMS}/gems/rake-9.1/lib/rake.rb ''
    f 0644 0:0 {GEMS}/gems/sinatra-3.0/lib/sinatra.rb ''
    f 0644 0:0 {GEMS}/gems/sinatra-3.0/views/it.erb ''
    f 0644 0:0 {GEMS}/gems/sinatra-3.0/test/it.rb ''
    f 0644 0:0 {GEMS}/specifications/rake-13.0.6.gemspec ''
    f 0644 0:0 {GEMS}/specifications/sinatra-3.0.gemspec 's.add_runtime_dependency(%q<rake>.freeze, [">= 1"])'
    f 0644 0:0 {GEMS}/extensions/x86_64-linux/3.1.0/sinatra-3.0/it.so '\\x7fELF'
"""
START = [
    "/usr/lib/ruby/vendor_ruby/rubygems.rb",
    "/usr/lib/ruby/vendor_ruby/rubygems/errors.rb",
    f"{ARCH}/rbconfig.rb",
    f"{ARCH}/enc/encdb.so",
]


def it(code: str, *more: str) -> Scene:
    block = "\n".join([TREE, *more, f"f 0755 0:0 /srv/app {'#!/usr/bin/env ruby' + chr(10) + code!r}"])
    return system(block, RUBY, "/srv/app")


def files_for(code: str, *more: str) -> list[str]:
    return [path for path in paths_needed(ruby.find(it(code, *more))) if path not in START]


def test_a_program_takes_what_it_requires_with_what_lies_below_its_name() -> None:
    assert files_for("require 'json'") == [
        f"{LIB}/json.rb",
        f"{LIB}/json/ext.rb",
        f"{LIB}/json/generic.rb",
        f"{ARCH}/json/ext/parser.so",
    ]
    assert sorted(paths_needed(ruby.find(it("")))) == sorted(START)


def test_the_folder_of_the_program_counts_only_for_what_is_relative() -> None:
    near = "f 0644 0:0 /srv/set.rb \"require_relative '../srv/set'\""
    assert files_for("require 'set'", near) == [f"{LIB}/set.rb"]
    assert files_for("require_relative './set'\nrequire_relative '../srv/set'", near) == ["/srv/set.rb"]


def test_a_gem_is_taken_whole_with_its_specification_and_the_gems_that_it_depends_on() -> None:
    assert files_for("require 'sinatra'") == [
        f"{GEMS}/specifications/sinatra-3.0.gemspec",
        f"{GEMS}/gems/sinatra-3.0/lib/sinatra.rb",
        f"{GEMS}/gems/sinatra-3.0/views/it.erb",
        f"{GEMS}/extensions/x86_64-linux/3.1.0/sinatra-3.0/it.so",
        f"{GEMS}/specifications/rake-13.0.6.gemspec",
        f"{GEMS}/gems/rake-13.0.6/lib/rake.rb",
    ]


@pytest.mark.parametrize(
    ("version", "place"), [("2.7.2", "gem"), ("2.7.10", "gem"), ("2.7.1", "library"), ("", "library")]
)
def test_a_gem_as_new_as_the_default_gem_of_its_name_is_loaded_in_its_place(version: str, place: str) -> None:
    default = "f 0644 0:0 /usr/lib/ruby/gems/3.1.0/specifications/default/etc-2.7.2.gemspec ''"
    own, gem = f"{LIB}/etc.rb", f"{GEMS}/gems/etc-{version}/lib/etc.rb"
    both = [f"f 0644 0:0 {path} ''" for path in ((own, gem) if version else (own,))]
    assert files_for("require 'etc'", default, *both) == [gem if place == "gem" else own]
    assert files_for("require 'etc'", *both) == [own]


def test_what_is_nowhere_is_told_if_the_program_begins_with_it() -> None:
    assert "warning ruby /srv/app requires nowhere, which is not in ruby's $LOAD_PATH" in listing(
        ruby.find(it("require 'nowhere'"))
    )
    assert "warning" not in listing(ruby.find(it("begin\n  require 'nowhere'\nrescue LoadError\nend\nrequire 'etc'")))


def test_a_ruby_alone_takes_its_library() -> None:
    found = paths_needed(ruby.find(system(TREE, RUBY)))
    assert {*START, f"{LIB}/json.rb", f"{LIB}/set.rb"} <= set(found)
    assert not any(path.startswith(GEMS) for path in found)


def test_what_a_source_requires() -> None:
    code = b"""
require 'a'; require("b")
  require_relative "c/d"
autoload :E, 'e'
autoload :F, File.expand_path('f', __dir__)
load 'g.rb'
# require 'x'
x.require 'x'; require "#{x}"; "require 'x'"
=begin
require 'x'
=end
__END__
require 'x'
"""
    assert requires(code) == (
        Require("a", top=True),
        Require("b"),
        Require("c/d", near=True),
        Require("e", top=True),
        Require("f", near=True, top=True),
        Require("g.rb", top=True),
    )


PIECES = [b"require", b"'a'", b'"', b" ", b"(", b"\n", b"autoload :A,", b"=begin\n", b"File.join(", b"#", b"_relative"]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
def test_any_bytes_are_read(raw: bytes) -> None:
    requires(raw)


@pytest.mark.parametrize("piece", [*PIECES, b"require '", b"autoload :A, ", b"require ( "])
def test_the_work_of_reading_grows_with_the_size_only(piece: bytes) -> None:
    check_growth(lambda size: requires(piece * (size // len(piece))), 500, ruby_source)


APP = """#!/usr/bin/env ruby
%w[a].each { |x| x }
require 'json'; require 'set'; require "digest"; require 'time'; require 'openssl'; require 'yaml'
require 'net/http'; require 'erb'; require 'fileutils'; require 'optparse'; require 'securerandom'
print JSON.generate({a: [1]}), Set[1].size, Digest::SHA256.hexdigest("").length, Time.parse("2020-01-01").year
print YAML.load("a: 1")["a"], ERB.new("<%= 1 %>").result, OpenSSL::Digest.new("SHA1").hexdigest("").size
print "é".encode("UTF-16LE").bytesize, "é".encode("ISO-8859-1").bytesize, "か".encode("EUC-JP").bytesize
"""


@pytest.mark.slow
def test_a_program_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    if not Path(REAL).exists():
        missing("ruby is not on this machine")
    program = tmp_path / "upper/srv/app"
    program.parent.mkdir(parents=True)
    program.write_text(APP)
    program.chmod(0o755)
    done = Root(tmp_path, Path("/srv/app"), upper=tmp_path / "upper").run(scripts.find, ruby.find)
    assert (done.stdout, done.stderr) == ('{"a":[1]}16420201140212', "")


@pytest.mark.slow
def test_what_ruby_loads_for_each_of_its_libraries_is_among_what_we_take(tmp_path: Path) -> None:
    """ruby is run once for each library; what it has loaded then must be within what we take for it."""
    if not Path(REAL).exists():
        missing("ruby is not on this machine")
    view, tried = MachineView(Path("/")), 0
    listing_ = subprocess.run([REAL, "-e", "puts $:"], capture_output=True, text=True, check=True).stdout
    names = {
        path.stem for folder in listing_.split() for path in Path(folder).glob("*.*") if path.suffix in (".rb", ".so")
    }
    library = next(path for path in sorted(Path("/usr/lib").glob("*/libruby*.so.*")) if path.is_symlink())
    for name in sorted(names - {"debug"}):
        argv = [REAL, "-e", f"require '{name}'; puts $LOADED_FEATURES"]
        listing = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if listing.returncode:
            continue  # for another system
        loaded = {os.path.realpath(line) for line in listing.stdout.split("\n") if line.startswith("/")}
        program = tmp_path / f"{name}_.rb"
        program.write_text(f"require '{name}'\n")
        ours = {os.path.realpath(path) for path in paths_needed(ruby.find(scene(view, str(library), str(program))))}
        assert {path for path in loaded if Path(path).is_file()} <= ours, name
        tried += 1
    print(f"{tried} libraries")
    assert tried > 70


def test_gems_of_debian_are_found_with_dependencies_that_are_a_specification_only() -> None:
    debian = "/usr/lib/x86_64-linux-gnu/rubygems-integration/3.1.0"
    both = "s.add_runtime_dependency(%q<racc>.freeze, [])\\n s.add_dependency(%q<rake>.freeze, [])"
    found = paths_needed(
        ruby.find(
            it(
                "require 'nokogiri'",
                f"f 0644 0:0 {debian}/gems/nokogiri-1.13/lib/nokogiri.rb 'require \"nokogiri/nokogiri\"'",
                f'f 0644 0:0 {debian}/gems/nokogiri-1.13/lib/nokogiri/lazy.rb \'require "set"\\nrequire "sinatra"\'',
                f"f 0644 0:0 {debian}/extensions/x86_64-linux/3.1.0/nokogiri-1.13/nokogiri/nokogiri.so '\\x7fELF'",
                f"f 0644 0:0 {debian}/specifications/nokogiri-1.13.gemspec '{both}'",
                "f 0644 0:0 /usr/share/rubygems-integration/all/specifications/racc-1.6.gemspec ''",
            )
        )
    )
    assert [path for path in found if path not in START] == [
        f"{debian}/specifications/nokogiri-1.13.gemspec",
        f"{debian}/gems/nokogiri-1.13/lib/nokogiri.rb",
        f"{debian}/gems/nokogiri-1.13/lib/nokogiri/lazy.rb",
        f"{debian}/extensions/x86_64-linux/3.1.0/nokogiri-1.13/nokogiri/nokogiri.so",
        "/usr/share/rubygems-integration/all/specifications/racc-1.6.gemspec",
        f"{LIB}/set.rb",
    ]


def test_a_project_of_bundler_has_all_gems_that_are_locked_for_it() -> None:
    own = "/srv/vendor/bundle/ruby/3.1.0"
    found = paths_needed(
        ruby.find(
            it(
                "require 'bundler/setup'",
                "f 0644 0:0 /srv/Gemfile ''",
                "f 0644 0:0 /srv/Gemfile.lock 'GEM\\n  specs:\\n    rake (9.1)\\n    rack (2.2)\\n      rake\\n'",
                f"f 0644 0:0 {own}/gems/rack-2.2/lib/rack.rb ''",
                f"f 0644 0:0 {own}/specifications/rack-2.2.gemspec ''",
            )
        )
    )
    assert [path for path in found if path not in START] == [
        "/srv/Gemfile.lock",
        "/srv/Gemfile",
        f"{GEMS}/gems/rake-9.1/lib/rake.rb",
        f"{own}/specifications/rack-2.2.gemspec",
        f"{own}/gems/rack-2.2/lib/rack.rb",
    ]
