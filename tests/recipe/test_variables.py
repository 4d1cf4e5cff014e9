"""`vars:` and `--set`: texts put in where a recipe names them, and nothing evaluated."""

from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest

from fromscratch.errors import RecipeError, UsageError
from fromscratch.recipe import schema as recipe
from fromscratch.recipe import variables
from fromscratch.recipe.schema import Recipe
from tests.cli.in_process import called
from tests.steps import check_growth

ROOT = "rootfs: [{overlay: files}]\n"


def made(text: str, **settings: str) -> Recipe:
    return recipe.parse(ROOT + text, "r.yaml", settings=settings)


def faults(text: str, **settings: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        made(text, **settings)
    return caught.value.message.splitlines()


def test_a_variable_stands_in_any_text_and_may_name_another() -> None:
    found = made(
        """
vars: {version: "1.2", tag: "v${{ version }}", id: 1000, fast: {type: boolean, default: "no"}}
accounts: {users: [{name: app, uid: "${{id}}", create_home: "${{fast}}"}]}
image: {labels: {tag: "app-${{tag}}", price: "$${{id}}"}}
"""
    )
    assert found.image.labels == {"tag": "app-v1.2", "price": "${{id}}"}
    assert found.accounts is not None
    assert (found.accounts.users[0].uid, found.accounts.users[0].create_home) == (1000, False)


def test_a_list_takes_the_place_of_a_variable_alone_and_of_an_item() -> None:
    text = (
        "vars: {more: [/a, /b], none: {type: list, default: []}}\n"
        'trim: [docs, "${{more}}", "${{none}}"]\nimage: {cmd: "${{more}}"}\n'
    )
    assert (made(text).trim, made(text).image.cmd) == (["docs", "/a", "/b"], ["/a", "/b"])
    assert made(text, more="/x, /y,/z", none="").trim == ["docs", "/x", "/y", "/z"]
    assert made(text, more="").trim == ["docs"]


def test_what_is_set_goes_before_the_default_and_is_no_text_to_be_replaced() -> None:
    text = 'vars: {a: "1", b: "${{a}}"}\nimage: {labels: {a: "${{a}}", b: "${{b}}"}}\n'
    assert made(text, a="${{b}} $(id)").image.labels == {"a": "${{b}} $(id)", "b": "${{b}} $(id)"}


@pytest.mark.parametrize(
    ("text", "settings", "found"),
    [
        (
            'vars: {name: x}\ntrim: ["/${{nmae}}"]',
            {},
            "r.yaml:3: trim[0]: there is no variable 'nmae'; did you mean 'name'?",
        ),
        ('trim: ["/${{x}}"]', {}, "r.yaml:2: trim[0]: there is no variable 'x'; declare it under vars:"),
        (
            'vars: {a: x}\ntrim: ["/${{a + 1}}"]',
            {},
            "r.yaml:3: trim[0]: '${{a + 1}}' is not a variable; write ${{NAME}}",
        ),
        (
            'vars: {l: [a]}\ntrim: ["/x/${{l}}"]',
            {},
            "r.yaml:3: trim[0]: the variable 'l' is a list, which cannot stand",
        ),
        ("vars: {n: {type: number, default: x}}", {}, "r.yaml:2: vars.n: 'x' is not a number"),
        (
            "vars: {n: {type: number}}",
            {"n": "1x"},
            "r.yaml:2: vars.n: '1x' is not a number (as it is set for this call)",
        ),
        ("vars: {n: {type: boolean, default: maybe}}", {}, "r.yaml:2: vars.n: 'maybe' is neither true nor false"),
        (
            "vars: {s: {choices: [trixie, sid], default: trixi}}",
            {},
            "'trixi' is none of its choices; did you mean 'trixie'?",
        ),
        ("vars: {s: {defualt: x}}", {}, "r.yaml:2: vars.s.defualt: no such key; did you mean 'default'?"),
        ('vars: {a: "${{b}}", b: "${{a}}"}', {}, "r.yaml:2: vars.a: it is made of itself: a -> b -> a"),
        ('vars: {a: x}\ntrim: ["/${{a"]', {}, "r.yaml:3: trim[0]: ${{ without a name and }}; write ${{NAME}}"),
        ('vars: {a: x}\ntrim: ["/${{a{b}}}"]', {}, "r.yaml:3: trim[0]: ${{ without a name and }}; write ${{NAME}}"),
        ("vars: {1x: a}", {}, "r.yaml:2: vars.1x: '1x' is not a name"),
        ("vars: [a]", {}, "r.yaml:2: vars: expected a mapping of names to values"),
        ("vars: {a: }\ntrim: [/x]", {}, "r.yaml:2: vars.a: it has no value"),
        ('vars: {n: x}\nplatforms: ["${{n}}"]', {}, "r.yaml:3: platforms: "),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, settings: dict[str, str], found: str) -> None:
    (fault,) = faults(text, **settings)
    assert found in fault


def test_variables_that_grow_are_bounded() -> None:
    lines = [f'  v{number}: "{"".join([f"${{{{v{number - 1}}}}}"] * 10)}"' for number in range(1, 12)]
    text = "\n".join(['vars:\n  v0: "xxxxxxxxxx"', *lines, 'image: {labels: {a: "${{v11}}"}}'])
    assert "longer than one may be" in faults(text)[0]


def test_work_grows_with_the_text_and_no_faster() -> None:
    def work(size: int) -> None:
        with suppress(RecipeError):
            made(f'vars: {{a: x}}\nimage: {{author: "{"${{" * size}"}}')

    check_growth(work, 100, variables)


def test_defaults_that_nest_too_deep_are_refused() -> None:
    lines = [f'  v{number}: "${{{{v{number + 1}}}}}"' for number in range(2000)]
    found = faults("\n".join(["vars:", *lines, "  v2000: x"]))
    assert found[0] == "r.yaml:44: vars.v41: defaults name one another, more than 40 deep"


def test_the_call_is_told_of_names_that_the_recipe_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        made("vars: {version: 1}\n", vesion="2")
    assert caught.value.message == "the recipe r.yaml has no variable 'vesion'"
    assert caught.value.hint == "did you mean set=version=2?"
    (tmp_path / "fromscratch.yaml").write_text(ROOT + "vars: {token: {description: x}}\n")
    answer = called(tmp_path, "build")
    assert (answer.code, answer.err.splitlines()) == (
        2,
        [
            "error: fromscratch.yaml:2: vars.token: it has no value",
            " hint: give it one with --set token=VALUE, or a default",
        ],
    )
    assert "--set x: there is no value" in called(tmp_path, "build", "--set", "x").err
    assert "--set x is given twice, as 1 and as 2" in called(tmp_path, "build", "--set", "x=1", "--set", "x=2").err


def test_braces_inside_brackets_need_quotes_and_the_hint_says_so() -> None:
    with pytest.raises(RecipeError) as caught:
        made("vars: {a: x}\ntrim: [${{a}}]\n")
    assert caught.value.hint.endswith("; ${{…}} inside [ ] or { } needs quotes")


def test_the_schema_lets_a_variable_stand_for_a_number_and_a_word() -> None:
    validator = jsonschema.Draft202012Validator(recipe.schema())
    one = {"rootfs": [{"overlay": "files"}], "accounts": {"users": [{"name": "a", "uid": "${{id}}"}]}}
    assert validator.is_valid({**one, "vars": {"id": "1"}, "times": "${{times}}", "platforms": "${{all}}"})
    wrong = ({"times": "never"}, {"vars": {"a": {"tpye": "x"}}}, {"platforms": "x"})
    assert [validator.is_valid({**one, **each}) for each in wrong] == [False] * 3
