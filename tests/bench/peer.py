"""Where the compared modules come from: the C handler is compiled, Debian's mod_wsgi is found or
fetched (never installed, never enabled), Brine is taken from its build directory."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent
PACKAGE = "libapache2-mod-wsgi-py3"


class Missing(RuntimeError):
    """One sentence: what is not there, and what to do."""


def output(*command: str) -> str:
    """Standard output of a command, stripped."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def apxs() -> str:
    """The path of apxs."""
    found = shutil.which("apxs") or shutil.which("apxs2")
    if not found:
        raise Missing("apxs is needed to compile the C handler (Debian: apt-get install "
                      "apache2-dev)")
    return found


def httpd() -> str:
    """The path of the httpd that apxs belongs to."""
    return str(pathlib.Path(output(apxs(), "-q", "SBINDIR"), output(apxs(), "-q", "PROGNAME")))


def modules() -> pathlib.Path:
    """The folder of httpd's own modules."""
    return pathlib.Path(output(apxs(), "-q", "LIBEXECDIR"))


def compile_module(source: str, folder: pathlib.Path) -> pathlib.Path:
    """Compiles an httpd module of this folder as apxs would, without its libtool."""
    names = ("CC", "CFLAGS", "EXTRA_CPPFLAGS", "INCLUDEDIR", "APR_CONFIG")
    query = {name: output(apxs(), "-q", name) for name in names}
    apr_flags = output(query["APR_CONFIG"] or "apr-1-config", "--includes", "--cppflags")
    target = folder / f"{source.removesuffix('.c')}.so"
    flags = shlex.split(f"{query['CFLAGS']} {query['EXTRA_CPPFLAGS']} {apr_flags}")
    done = subprocess.run([*shlex.split(query["CC"]), *flags, "-I", query["INCLUDEDIR"], "-fPIC",
                           "-Wall", "-shared", "-o", str(target), str(HERE / source)],
                          check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{source} does not compile:\n{done.stderr}")
    return target


def cache_folder() -> pathlib.Path:
    """Where the fetched package is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "brine-bench"


def unpacked(cache: pathlib.Path) -> pathlib.Path | None:
    """mod_wsgi of a package that was unpacked in `cache`."""
    found = sorted(cache.glob("usr/lib/apache2/modules/mod_wsgi.so-3*"))
    return found[-1] if found else None


def mod_wsgi(folder: pathlib.Path) -> pathlib.Path:
    """Copies Debian's mod_wsgi to `folder`: the installed one, else the package's, fetched once."""
    found: pathlib.Path | None = modules() / "mod_wsgi.so"
    if not found.exists():
        cache = cache_folder()
        if not unpacked(cache):
            fetch(PACKAGE, cache)
        found = unpacked(cache)
    if not found:
        raise Missing(f"{PACKAGE} holds no mod_wsgi.so")
    return pathlib.Path(shutil.copy(found, folder / "mod_wsgi.so"))


def program(name: str, package: str) -> str:
    """The path of a program of Debian's package."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise Missing(f"{name} is needed (Debian: apt-get install {package})")
    return found


def nginx() -> str:
    """nginx: the installed one, else the package's, which is fetched once. No service is set up."""
    try:
        return program("nginx", "nginx")
    except Missing:
        found = cache_folder() / "usr/sbin/nginx"
        if not found.exists():
            fetch("nginx", cache_folder())
        return str(found)


def fetch(package: str, cache: pathlib.Path) -> None:
    """Downloads a package and unpacks it in `cache`."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # apt's own user may not write in a private folder; root fetches itself then.
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package],
                       cwd=cache, check=True, capture_output=True, text=True)
        file = max(cache.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        subprocess.run(["dpkg", "-x", str(file), str(cache)], check=True)
    except (OSError, subprocess.CalledProcessError, ValueError) as why:
        said = getattr(why, "stderr", None) or str(why)
        last = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        raise Missing(f"Debian's {package} could not be fetched: {last}") from None


def brine(build: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Copies the module, its engines and brine-worker from `build` to `folder`, where httpd's user can read."""
    module = build / "mod_brine.so"
    engines = sorted(build.glob("brine_engine.cpython-*.so"))
    if not module.exists() or not engines:
        raise Missing("Brine is not built there (cmake -S . -B build && cmake --build build)")
    for file in (module, build / "brine-worker", *engines):
        shutil.copy(file, folder)
    return folder / module.name
