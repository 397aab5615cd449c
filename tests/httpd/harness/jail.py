"""A chroot in which daemon processes find Python."""

import re
import shutil
import subprocess
import sysconfig


def furnish(jail, workspace):
    """Puts into a chroot what Python needs: its library, the engine and their shared libraries."""
    def copy(path):
        target = jail / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    python = workspace.build.default_python
    engine = workspace.build.module.parent / f"brine_engine.cpython-{python.replace('.', '')}.so"
    copy(engine)
    linked = subprocess.run(["ldd", engine], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", linked):
        copy(path)
    library = sysconfig.get_path("stdlib")
    shutil.copytree(library, jail / library.lstrip("/"), ignore=shutil.ignore_patterns(
        "__pycache__", "test", "idlelib", "tkinter", "config-*", "*-packages"))
    for folder in (jail, *(path for path in jail.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
