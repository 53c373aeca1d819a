"""The house stands: layers, the web process, the documents that must not go stale."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUARDED = (
    *("dashboard", "pages", "pretraining"),
    *("keras", "tensorflow", "openvino", "mlflow", "tensorboard", "plotly", "streamlit"),
    *("starlette", "uvicorn", "h11", "python_multipart"),
    *("onnx", "onnxruntime", "tf2onnx", "ai_edge_litert"),
)
MAY_IMPORT = {
    "dashboard/core": ("dashboard.core",),
    "dashboard/data/posted.py": ("dashboard.core", "dashboard.data", "python_multipart"),
    "dashboard/data": ("dashboard.core", "dashboard.data"),
    "dashboard/runs": ("dashboard.core", "dashboard.data", "dashboard.runs"),
    "dashboard/ml": (
        *("dashboard.core", "dashboard.data", "dashboard.runs", "dashboard.ml"),
        *("keras", "tensorflow", "openvino", "mlflow", "tensorboard"),
        *("onnx", "onnxruntime", "tf2onnx", "ai_edge_litert"),
    ),
    "dashboard/charts": ("dashboard.core", "dashboard.data", "dashboard.charts", "plotly"),
    "dashboard/ui": (
        *("dashboard.core", "dashboard.data", "dashboard.runs", "dashboard.charts", "dashboard.ui"),
        *("streamlit", "plotly", "starlette"),
    ),
    "dashboard/serving": (
        *("dashboard.core", "dashboard.data", "dashboard.runs", "dashboard.serving"),
        *("starlette", "uvicorn", "h11"),
    ),
    "pages": ("dashboard.core", "dashboard.charts", "dashboard.ui", "streamlit"),
}
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("dashboard", "pages")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)


def imported_names(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(path: Path) -> tuple[str, ...]:
    for folder, names in MAY_IMPORT.items():
        if path.is_relative_to(folder):
            return names
    return ("dashboard",)  # the command line and the package itself


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_only_what_its_layer_may(path: Path) -> None:
    for name in imported_names((ROOT / path).read_text(encoding="utf-8")):
        if name.split(".")[0] in GUARDED:
            assert any(name == each or name.startswith(each + ".") for each in allowed(path)), (
                f"{path} imports {name}; {path.parent} may import {', '.join(allowed(path))}"
            )


@pytest.mark.parametrize("path", [path for path in FILES if path.parts[0] == "pages"], ids=str)
def test_a_page_arranges_and_stays_short(path: Path) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 60
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


def test_nothing_unpickles_or_loads_a_whole_model() -> None:
    """But one: the process that opens our own exports as their recipient does, and nothing a user sent."""
    for path in FILES:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
        names |= {name.split(".")[0] for name in imported_names((ROOT / path).read_text(encoding="utf-8"))}
        forbidden = {"load_model", "pickle", "joblib", "allow_pickle", "extractall"}
        if path == Path("dashboard/ml/recipient.py"):
            forbidden.remove("load_model")
        assert not names & forbidden, path


def test_only_the_ui_state_touches_session_state() -> None:
    for path in FILES:
        source = (ROOT / path).read_text(encoding="utf-8")
        if path != Path("dashboard/ui/state.py"):
            assert "session_state." not in source and "session_state[" not in source, path


def test_importing_the_whole_web_side_imports_no_tensorflow() -> None:
    modules = [
        ".".join(path.with_suffix("").parts)
        for path in FILES
        if path.parts[0] == "dashboard" and path.parts[1] != "ml" and path.name not in ("__main__.py", "main.py")
    ]
    check = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules!r}]; "
        "print([name for name in ('tensorflow', 'keras', 'openvino') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_every_page_is_in_the_readme_and_in_the_navigation() -> None:
    from dashboard.ui.navigation import ROWS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert pages == {row.name for row in ROWS}
    for row in ROWS:
        assert f"`pages/{row.name}.py`" in readme, f"the README does not name pages/{row.name}.py"


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def parametrised_names(source: str) -> set[str]:
    """Names in the arguments of `parametrize`, and those the module-level names among them are made of."""
    tree = ast.parse(source)
    made_of = {
        target.id: names_in(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and "parametrize" in ast.unparse(node.func)]
    direct = set().union(*(names_in(argument) for call in calls for argument in call.args))
    return direct.union(*(made_of.get(name, set()) for name in direct))


@pytest.mark.parametrize("table", ["BACKBONES", "AUGMENTATIONS", "OPTIMIZERS", "EXPORT_FORMATS", "SAMPLES", "CHECKS"])
def test_every_row_of_a_table_is_under_a_parametrised_test(table: str) -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    assert any(table in parametrised_names(source) for source in sources), f"no parametrised test goes over {table}"


def test_every_requirement_is_pinned_and_has_its_reason() -> None:
    for name in ("requirements.txt", "requirements-extras.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[\w.\-\[\]]+==[\w.]+\s+# .+", line), line


def test_no_test_data_and_no_foreign_path_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout.split()
    ours = ("docs/", "dashboard/ml/shipped/")
    foreign = [name for name in listed if name.endswith((".h5", ".keras", ".jpg", ".jpeg"))]
    assert not [name for name in foreign if not name.startswith(ours)]
