"""The house rules that a machine can check: sizes, names, and what must never be in the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
ALL = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 7


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", ALL, ids=name)
def test_file_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE_LINES, f"{name(path)} has {lines} lines; divide it by idea"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short(path: Path) -> None:
    long = [f"{f.name}: {f.end_lineno - f.lineno + 1} lines" for f in functions(path) if f.end_lineno - f.lineno + 1 > MAX_FUNCTION_LINES]
    assert not long, f"{name(path)}: {long}"


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command's or a route's parameters are its options: the framework reads them, nobody calls it by hand."""
    return bool(function.decorator_list)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_take_few_parameters(path: Path) -> None:
    many = []
    for function in functions(path):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        count = sum(a.arg not in ("self", "cls") for a in arguments)
        if count > MAX_PARAMETERS and not is_command(function):
            many.append(f"{function.name}: {count}")
    assert not many, f"{name(path)}: {many}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{name(path)} has no docstring"


def test_no_vague_module_names() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert not [name(path) for path in SOURCES if path.stem in vague]


BANNED = re.compile(r"\bpickle\b|\btorch\.load\(|(?<![\w.])eval\(|allow_pickle=True|yaml\.load\(|\bmarshal\b|\bshelve\b|\bjoblib\b")


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_unsafe_deserialisers(path: Path) -> None:
    code = "\n".join(ast.unparse(node) for node in _without_docstrings(path))
    assert not BANNED.findall(code), f"{name(path)}: {BANNED.findall(code)}"


def _without_docstrings(path: Path) -> list[ast.stmt]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return tree.body
