# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `pip wheel python/` runs: a wheel for any Linux with glibc 2.28 or newer.

Takes the compiler from a build tree of this source tree, links it once more with the archives of
LLVM and MLIR, and compiles the module of Python for the Python that runs this. All that a wheel
refers to is checked before it is packed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
ROOT = PACKAGE.parent

GLIBC = (2, 28)
LIBGCC = 7  # The symbols of libgcc_s.so.1 on the oldest of these systems.
# What every Linux has that PEP 600 names for these wheels.
SYSTEM_LIBRARIES = re.compile(
    r"lib(c|m|dl|pthread|rt|gcc_s)\.so\.\d+|ld-linux.*\.so\.\d+|libLatheC\.so"
)
LIMITED_API = (3, 12)  # The first Python whose stable ABI has what nanobind needs.


def fail(id: str, message: str) -> SystemExit:
    """Return what ends the build with one sentence."""
    return SystemExit(f"building the wheel: {message} [{id}]")


def run(*words: str | Path, **options: Any) -> str:
    """Return what a program prints; ends the build with its errors if it fails."""
    result = subprocess.run(
        [str(w) for w in words], stdout=subprocess.PIPE, text=True, check=False, **options
    )
    if result.returncode:
        raise fail("wheel-step-failed", f"{words[0]} failed with code {result.returncode}")
    text: str = result.stdout
    return text


def build_tree() -> Path:
    """Return the build tree, of LATHE_BUILD or where tools/quickstart makes it."""
    tree = Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
    if not (tree / "build.ninja").exists():
        raise fail("wheel-no-build", f"{tree} is no build tree; run tools/quickstart first")
    return tree


def cached(tree: Path, name: str) -> str:
    """Return a variable of the build tree's CMakeCache.txt."""
    match = re.search(rf"^{name}:\w+=(.*)$", (tree / "CMakeCache.txt").read_text(), re.MULTILINE)
    return match[1] if match else ""


def protobuf_archive(tree: Path) -> Path:
    """Return libprotobuf-lite.a for shared libraries, as Debian's is not: of its source."""
    version = run("dpkg-query", "-W", "-f", "${source:Version}", "libprotobuf-dev").strip()
    folder = tree / "python/wheel/protobuf" / version
    archive = folder / "libprotobuf-lite.a"
    if archive.exists():
        return archive
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        source = fetch_source("protobuf", version, Path(temporary))
        listing = (source / "cmake/libprotobuf-lite.cmake").read_text()
        names = re.findall(r"\}/(src/google/\S+\.cc)", listing)
        compiler = cached(tree, "CMAKE_CXX_COMPILER")
        flags = ["-std=c++17", "-O2", "-DNDEBUG", "-DHAVE_PTHREAD", "-fPIC", "-fvisibility=hidden"]
        flags += ["-ffunction-sections", "-fdata-sections", "-w", f"-I{source / 'src'}"]
        objects = []
        for name in dict.fromkeys(names):
            objects.append(folder / f"{name.replace('/', '_')}.o")
            run(compiler, *flags, "-c", source / name, "-o", objects[-1])
    partial = folder / "partial.a"
    run("ar", "rcs", partial, *objects)
    partial.rename(archive)
    return archive


def fetch_source(package: str, version: str, folder: Path) -> Path:
    """Return the source that Debian built `package` of, also where apt is not set up for it."""
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    release = platform.freedesktop_os_release()
    (folder / "sources/source.sources").write_text(
        "Types: deb-src\nURIs: http://deb.debian.org/debian\n"
        f"Suites: {release['VERSION_CODENAME']}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    options = [
        *("-o", "Dir::Etc::sourcelist=/dev/null"),
        *("-o", f"Dir::Etc::sourceparts={folder / 'sources'}"),
        *("-o", f"Dir::State::lists={folder / 'lists'}"),
        *("-o", f"Dir::Cache={folder / 'cache'}"),
        *("-o", "APT::Sandbox::User=root"),
    ]
    run("apt-get", "-qq", *options, "update")
    run("apt-get", "-qq", *options, "source", "--download-only", f"{package}={version}", cwd=folder)
    (original,) = folder.glob(f"{package}_*.orig.tar.*")
    run("tar", "xf", original, cwd=folder)
    (source,) = (path for path in folder.glob(f"{package}-*") if path.is_dir())
    return source


def build_libraries(tree: Path) -> Path:
    """Return the folder with the compiler's library and the program."""
    protobuf = protobuf_archive(tree)
    if cached(tree, "LATHE_PROTOBUF_PIC") != str(protobuf):
        run("cmake", f"-DLATHE_PROTOBUF_PIC={protobuf}", tree)
    run("cmake", "--build", tree, "--target", "lathe_wheel", "lathe_wheel_program", "LatheRuntime")
    return tree / "python/wheel"


def build_module(tree: Path, libraries: Path, folder: Path) -> tuple[Path, str]:
    """Return the native module for this Python, and the tag of Pythons that can load it."""
    import nanobind

    limited = sys.version_info >= LIMITED_API and not sysconfig.get_config_var("Py_GIL_DISABLED")
    tag = "cp{}{}".format(*(LIMITED_API if limited else sys.version_info))
    abi = "abi3" if limited else tag
    module = folder / (
        "_lathe.abi3.so" if limited else "_lathe" + str(sysconfig.get_config_var("EXT_SUFFIX"))
    )
    flags = [
        "-std=c++20",
        "-O3",
        "-DNDEBUG",
        "-DNB_COMPACT_ASSERTIONS",
        "-fPIC",
        "-fno-strict-aliasing",
    ]
    flags += ["-fvisibility=hidden", f"-I{ROOT / 'include'}", f"-I{sysconfig.get_path('include')}"]
    flags += [f"-I{nanobind.include_dir()}"]
    flags += [f"-I{Path(nanobind.include_dir()).parent / 'ext/robin_map/include'}"]
    if limited:
        flags.append("-DPy_LIMITED_API=0x{:02x}{:02x}0000".format(*LIMITED_API))
    compiler = cached(tree, "CMAKE_CXX_COMPILER")
    sources = [
        *sorted((PACKAGE / "native").glob("*.cpp")),
        Path(nanobind.source_dir(), "nb_combined.cpp"),
    ]
    objects = []
    for source in sources:
        objects.append(folder / f"{source.name}.o")
        run(compiler, *flags, "-c", source, "-o", objects[-1])
    old = folder / "OldGlibc.o"
    run(
        cached(tree, "CMAKE_C_COMPILER"),
        "-O2",
        "-fPIC",
        "-fvisibility=hidden",
        "-c",
        HERE / "OldGlibc.c",
        "-o",
        old,
    )
    link: list[str | Path] = [compiler, "-fuse-ld=lld", "-shared", "-static-libstdc++", "-Wl,-s"]
    link += ["-Wl,--gc-sections", "-Wl,--exclude-libs,ALL", "-Wl,-rpath,$ORIGIN", "-o", module]
    link += [f"-Wl,--version-script={HERE / 'module.map'}"]
    link += [*objects, old, tree / "lib/libLatheRuntime.a", libraries / "libLatheC.so"]
    run(*link, "-Wl,--no-as-needed", "-l:libdl.so.2", "-l:libpthread.so.0")
    for made in [*objects, old]:
        made.unlink()
    return module, f"{tag}-{abi}"


def check(file: Path) -> None:
    """End the build if `file` needs what an old or a bare system has not."""
    wanted = run("objdump", "-p", file)
    for library in re.findall(r"NEEDED\s+(\S+)", wanted):
        if not SYSTEM_LIBRARIES.fullmatch(library):
            raise fail("wheel-library", f"{file.name} needs {library}, which not every Linux has")
    for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", wanted):
        if (int(major), int(minor)) > GLIBC:
            raise fail(
                "wheel-glibc",
                f"{file.name} needs glibc {major}.{minor}; see python/wheel/OldGlibc.c",
            )
    for version in re.findall(r"GCC_(\d+)\.", wanted):
        if int(version) > LIBGCC:
            raise fail(
                "wheel-libgcc",
                f"{file.name} needs libgcc {version}; link what it needs from libgcc.a",
            )
    if file.suffix == ".so":
        shown = re.findall(
            r" g? .*\.text\s+\S+\s+(?:Base\s+)?(\S+)$", run("objdump", "-T", file), re.MULTILINE
        )
        if foreign := [s for s in shown if not s.startswith(("lathe_", "PyInit__lathe"))]:
            raise fail(
                "wheel-symbols", f"{file.name} shows {foreign[0]}, which may be another library's"
            )


def project() -> dict[str, Any]:
    """Return the [project] table of pyproject.toml, with the version of the CMake project."""
    table: dict[str, Any] = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    match = re.search(r"project\(lathe VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    assert match
    table["version"] = match[1]
    return table


def pack(files: dict[str, Path | str], target: Path) -> None:
    """Write the archive; the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            executable = isinstance(content, Path) and os.access(content, os.X_OK)
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, content.read_bytes() if isinstance(content, Path) else content)


def wheel_files(tree: Path, libraries: Path, module: Path) -> dict[str, Path | str]:
    """Return what a wheel holds but for its metadata, by the path in it."""
    files: dict[str, Path | str] = {}
    package = PACKAGE / "lathe"
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".pyi", ".typed") and "__pycache__" not in path.parts:
            files[path.relative_to(PACKAGE).as_posix()] = path
    files[f"lathe/{module.name}"] = module
    files["lathe/libLatheC.so"] = libraries / "libLatheC.so"
    files["lathe/bin/lathe"] = libraries / "lathe"
    files["lathe/lib/libLatheRuntime.a"] = tree / "lib/libLatheRuntime.a"
    headers = ROOT / "include/lathe-runtime"
    for path in sorted([*headers.glob("*.h"), *headers.glob("*.def")]):
        files[f"lathe/include/lathe-runtime/{path.name}"] = path
    return files


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel into `wheel_directory` and return its name: PEP 517."""
    sys.path.insert(0, str(PACKAGE))
    from write_dist_info import entry_points, metadata

    tree = build_tree()
    libraries = build_libraries(tree)
    about = project()
    name = f"lathe_compiler-{about['version']}"
    with tempfile.TemporaryDirectory() as folder:
        module, tag = build_module(tree, libraries, Path(folder))
        files = wheel_files(tree, libraries, module)
        for content in files.values():
            if isinstance(content, Path) and content.read_bytes()[:4] == b"\x7fELF":
                check(content)
        system = f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{platform.machine()}"
        info = f"{name}.dist-info"
        files[f"{info}/METADATA"] = metadata(about, about["version"])
        files[f"{info}/WHEEL"] = (
            f"Wheel-Version: 1.0\nGenerator: lathe\nRoot-Is-Purelib: false\nTag: {tag}-{system}\n"
        )
        scripts = "[console_scripts]\nlathe = lathe.__main__:main\n"
        files[f"{info}/entry_points.txt"] = scripts + entry_points(about)
        files[f"{info}/licenses/LICENSE"] = ROOT / "LICENSE"
        files[f"{info}/RECORD"] = record(files, info)
        target = Path(wheel_directory, f"{name}-{tag}-{system}.whl")
        pack(files, target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return target.name


def record(files: dict[str, Path | str], info: str) -> str:
    """Return RECORD: each file with its hash and its size."""
    from base64 import urlsafe_b64encode

    lines = []
    for name, content in files.items():
        data = content.read_bytes() if isinstance(content, Path) else content.encode()
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Return what the Python that builds needs: PEP 517."""
    return ["nanobind>=2.2"]
