import subprocess
import sys
from pathlib import Path

from components.gateway.hooks import PACKAGE, STARTUP_HOOK, sources


def test_the_package_loads_by_its_name_in_the_pod_with_the_standard_library_alone(tmp_path: Path) -> None:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name, content in sources().items():
        (folder / name).write_text(content)
    module, _, function = STARTUP_HOOK.partition(":")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module} as m; assert callable(m.{function})"
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_it_fits_into_a_config_map() -> None:
    assert sum(len(content.encode()) for content in sources().values()) < 512 * 1024
