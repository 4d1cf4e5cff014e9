"""Node.js: the files that programs import, and the packages that they come from."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.node import finder as node
from fromscratch.linker.beyond.node import source as node_source
from fromscratch.linker.beyond.node.source import Import, imports
from fromscratch.linker.beyond.scripts import finder as scripts
from tests.engines import spare
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.roots import Root
from tests.linker.beyond.scenes import listing, paths_needed
from tests.steps import check_growth
from tests.trees import text

LEXER = "/usr/share/nodejs/cjs-module-lexer/lexer.js"
NODE = {"/usr/bin/node": elf(data=f"\0{LEXER}\0/usr/share/nodejs/gone.js\0/etc/x.conf\0".encode())}
EXPRESS = json.dumps({"main": "lib", "dependencies": {"debug": "1", "gone": "1", "@a/b": "1"}})
TREE = f"""
    f 0644 0:0 {LEXER} ''
    f 0644 0:0 /srv/package.json '{{"imports": {{"#it": {{"node": "./lib/mapped.js", "default": ["x"]}}}}}}'
    f 0644 0:0 /srv/lib/one.js 'require("./two"); require("./folder")'
    f 0644 0:0 /srv/lib/two.json ''
    f 0644 0:0 /srv/lib/mapped.js ''
    f 0644 0:0 /srv/lib/folder/package.json '{{"main": "./it"}}'
    f 0644 0:0 /srv/lib/folder/it.js ''
    f 0644 0:0 /srv/lib/folder/index.js ''
    f 0644 0:0 /srv/lib/addon.node '\\x7fELF'
    f 0644 0:0 /srv/node_modules/express/package.json {EXPRESS!r}
    f 0644 0:0 /srv/node_modules/express/lib/index.js 'require("never-looked-at")'
    f 0644 0:0 /srv/node_modules/express/views/x.html ''
    f 0644 0:0 /srv/node_modules/express/node_modules/debug/index.js ''
    f 0644 0:0 /srv/node_modules/debug/index.js ''
    f 0644 0:0 /srv/node_modules/@a/b/b.js ''
    f 0644 0:0 /usr/share/nodejs/debian/index.js ''
"""


def it(code: str, *more: str) -> Scene:
    block = "\n".join([TREE, *more, f"f 0755 0:0 /srv/app {'#!/usr/bin/env node' + chr(10) + code!r}"])
    return system(block, NODE, "/srv/app")


def files_for(code: str, *more: str) -> list[str]:
    start = (LEXER, "/srv/package.json", "/srv/lib/mapped.js")
    return [path for path in paths_needed(node.find(it(code, *more))) if path not in start]


def test_node_takes_what_it_has_built_in_as_files_and_a_program_what_says_how_to_read_it() -> None:
    assert listing(node.find(it("require('fs'); import('node:path')"))) == text(f"""
        node likely {LEXER} opened by /usr/bin/node (/usr/bin/node (built in, but in a file of its own))
        node declared /srv/package.json opened by /srv/app (says how it is read)
        node declared /srv/lib/mapped.js opened by /srv/package.json (imports)
    """).replace("/usr/bin/node (/usr/bin/node (built", "/usr/bin/node (built").replace("own))", "own)")


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("require('./lib/one')", "one.js two.json folder/it.js folder/package.json"),
        ("import x from './lib/one.js'", "one.js two.json folder/it.js folder/package.json"),
        ("import {\n a,\n b\n} from './lib/two.json'", "two.json"),
        ("export * from './lib/two.json'", "two.json"),
        ("import './lib/two.json'", "two.json"),
        ("await import(`./lib/two.json`)", "two.json"),
        ("new URL('./lib/two.json', import.meta.url)", "two.json"),
        ("require('../srv/lib/addon')", "addon.node"),
        ("require('/srv/lib/two.json')", "two.json"),
        ("require('./lib/' + name); require(`./lib/${name}`)", ""),
    ],
)
def test_files_are_found_as_node_finds_them(code: str, files: str) -> None:
    assert sorted(files_for(code)) == sorted(f"/srv/lib/{name}" for name in files.split())


def test_a_package_is_taken_whole_with_those_that_it_depends_on() -> None:
    assert files_for("const express = require('express/lib/x')") == [
        "/srv/node_modules/express/package.json",
        "/srv/node_modules/express/lib/index.js",
        "/srv/node_modules/express/views/x.html",
        "/srv/node_modules/express/node_modules/debug/index.js",
        "/srv/node_modules/@a/b/b.js",
    ]
    assert files_for("require('debian')") == ["/usr/share/nodejs/debian/index.js"]


def test_a_package_that_is_a_symlink_looks_for_others_from_where_it_lies() -> None:
    store = "/srv/node_modules/.pnpm"
    more = (
        "l 0777 0:0 /srv/node_modules/p -> .pnpm/p@1/node_modules/p",
        f'f 0644 0:0 {store}/p@1/node_modules/p/package.json \'{{"dependencies": {{"q": "1"}}}}\'',
        f"f 0644 0:0 {store}/p@1/node_modules/q/index.js ''",
    )
    assert files_for("require('p')", *more) == [
        "/srv/node_modules/p/package.json",
        f"{store}/p@1/node_modules/q/index.js",
    ]


def test_a_program_within_a_package_takes_the_package() -> None:
    place = "/usr/lib/node_modules/npm/bin/npm-cli.js"
    block = f"""
        f 0755 0:0 {place} '#!/usr/bin/env node'
        f 0644 0:0 /usr/lib/node_modules/npm/lib/npm.js ''
        f 0644 0:0 /usr/lib/node_modules/npm/package.json '{{"dependencies": {{"abbrev": "1"}}}}'
        f 0644 0:0 /usr/lib/node_modules/npm/node_modules/abbrev/index.js ''
    """
    assert paths_needed(node.find(system(block, NODE, place))) == [
        "/usr/lib/node_modules/npm/package.json",
        place,
        "/usr/lib/node_modules/npm/lib/npm.js",
        "/usr/lib/node_modules/npm/node_modules/abbrev/index.js",
    ]


def test_an_import_that_leads_nowhere_is_told_if_the_program_begins_with_it() -> None:
    assert "warning node /srv/app imports ./gone.js, which leads nowhere" in listing(
        node.find(it("import './gone.js'"))
    )
    assert "warning" not in listing(node.find(it("try { require('gone') } catch {}\nif (x) await import('gone')")))


def test_a_damaged_package_json_is_as_good_as_none() -> None:
    for described in ("[1]", "{", '{"main": 1, "dependencies": [1]}', "[" * 100_000):
        more = (f"f 0644 0:0 /srv/x/package.json {described!r}", "f 0644 0:0 /srv/x/index.js ''")
        assert files_for("require('./x')", *more) == ["/srv/x/index.js", "/srv/x/package.json"]


def test_what_a_source_imports() -> None:
    code = b"import a from 'a'\nimport {b} from \"b\"; import'c'\nexport { d } from `d`\nconst e = require ( 'e' )"
    code += b"\nx.import('f'); require(f); import(`${f}`); import('data:,')"
    assert imports(code) == (Import("a", True), Import("b", True), Import("d", True), Import("c"), Import("e"))


PIECES = [b"import ", b"from ", b"'a'", b"`", b"(", b"require", b"new URL(", b"\n", b" ", b"{", b"export "]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
def test_any_bytes_are_read(raw: bytes) -> None:
    imports(raw)


@pytest.mark.parametrize("piece", [*PIECES, b"import a\n", b"export x ", b"require( ", b"from '", b"import{"])
def test_the_work_of_reading_grows_with_the_size_only(piece: bytes) -> None:
    check_growth(lambda size: imports(piece * (size // len(piece))), 500, node_source)


APP = """#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import path from 'path'
import { one } from './lib/one.mjs'
import { createRequire } from 'module'
import pack, { named } from 'pack'
const require = createRequire(import.meta.url)
const two = require('./two')
console.log(one, two.it, pack.it, named, path.basename(import.meta.url))
console.log(require('crypto').createHash('sha1').digest('hex').length)
console.log(new Intl.NumberFormat('de').format(1.5), (await import('zlib')).gzipSync('x').length > 0)
"""


@pytest.mark.slow
def test_a_program_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    files = {
        "srv/app.mjs": APP.replace("/usr/bin/env node", spare("node")),
        "srv/lib/one.mjs": "export const one = 1",
        "srv/two/index.js": "exports.it = require('./it.json').it",
        "srv/two/it.json": '{"it": 2}',
        "srv/node_modules/pack/package.json": '{"exports": "./main.cjs", "dependencies": {"other": "1"}}',
        "srv/node_modules/pack/main.cjs": "exports.it = require('other'); exports.named = 4",
        "srv/node_modules/other/index.js": "module.exports = 3",
    }
    for name, content in files.items():
        (upper / name).parent.mkdir(parents=True, exist_ok=True)
        (upper / name).write_text(content)
    (upper / "srv/app.mjs").chmod(0o755)
    done = Root(tmp_path, Path("/srv/app.mjs"), upper=upper).run(scripts.find, node.find)
    assert (done.stdout, done.stderr) == ("1 2 3 4 app.mjs\n40\n1,5 true\n", "")


@pytest.mark.slow
def test_npm_runs_in_a_root_with_nothing_else(tmp_path: Path) -> None:
    npm = Path(spare("npm"))
    if "node_modules" not in str(npm.resolve()):
        pytest.skip("npm's own package is not on this machine")
    done = Root(tmp_path, npm).run(scripts.find, node.find, args=("--version",), env={"PATH": "/usr/bin", "HOME": "/"})
    version = subprocess.run([npm, "--version"], capture_output=True, text=True, check=True).stdout
    assert (done.stdout, done.stderr) == (version, "")
