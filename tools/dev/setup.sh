# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# tools/dev/setup.sh: the steps from a bare Debian machine to an installed Lathe.
#
# tools/quickstart and tools/check source this file so that a set-up exists
# only once. Each step first looks whether its work is done already; each
# failure ends the program with one sentence that says what to do.
#
# The sourcing script sets `program` (its name, for messages) and `total` (how
# many steps it announces).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/.venv
build=$root/build/release
logs=$root/build/setup
step_number=0

debian_packages=(
  clang-22 lld-22 libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools
  libclang-rt-22-dev clang-format-22 clang-tidy-22
  libprotobuf-dev protobuf-compiler zlib1g-dev
  cmake ninja-build ccache git
  python3 python3-dev python3-venv
  libopenjp2-7 # The runtime's codec of JPEG 2000, which tests of images need.
)

# step TEXT: announces the next step as "[2/6] TEXT".
step() {
  step_number=$((step_number + 1))
  printf '[%d/%d] %s\n' "$step_number" "$total" "$1"
}

# note TEXT: one more line about the step that runs.
note() { printf '      %s\n' "$1"; }

# fail ID SENTENCE: ends the program.
fail() {
  printf '%s: error: %s [%s]\n' "$program" "$2" "$1" >&2
  exit 1
}

# need_disk DIRECTORY MEGABYTES WHAT: fails when DIRECTORY has less room.
need_disk() {
  local free
  free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$2" ] || fail setup-no-disk \
    "$3 needs $2 MB under $1, which has $free MB free; make room and run $program again"
}

# as_root COMMAND...: as root, or through sudo. Without a terminal sudo may not
# ask for a password, because nobody would answer.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# last_words LOG: the last line of LOG that says what went wrong.
last_words() {
  { grep -aiE '^(E:|ERROR|error|fatal)|: error:' "$1" || grep -av '^[[:space:]]*$' "$1"; } |
    tail -n 1 | cut -c 1-200
}

# cmake_words LOG: the first error of CMake, whose text comes in several lines.
cmake_words() {
  awk '/^CMake Error/ { found = 1; print; next }
       found && NF == 0 { blank++ }
       found && (blank > 1 || /^(Call Stack|Specify --help|Preset CMake)/) { exit }
       found { print }' "$1" | tr -s ' \n' ' ' | cut -c 1-400
}

missing_debian_packages() {
  local package
  for package in "${debian_packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      printf '%s\n' "$package"
  done
}

system_name() {
  (. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-an unknown system}")
}

setup_system() {
  command -v dpkg-query >/dev/null || fail setup-not-debian \
    "Lathe builds on Debian 12 or newer, and this is $(system_name); use a Debian machine or container"
  local missing log=$logs/apt.log
  mapfile -t missing < <(missing_debian_packages)
  if [ ${#missing[@]} -eq 0 ]; then
    note "all ${#debian_packages[@]} Debian packages are installed"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail setup-no-sudo \
      "${#missing[@]} Debian packages are missing and there is no sudo; run as root: apt-get install ${missing[*]}"
    if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
      fail setup-no-sudo \
        "sudo wants a password and there is no terminal to ask on; run as root: apt-get install ${missing[*]}"
    fi
  fi
  need_disk /usr 4000 "installing the Debian packages"
  note "installing ${#missing[@]} of ${#debian_packages[@]} Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    update >"$log" 2>&1 </dev/null || true # A dead third-party source is no reason to stop.
  local package
  for package in "${missing[@]}"; do
    apt-cache show "$package" >/dev/null 2>&1 && continue
    if grep -qE '^(Err|W: Failed to fetch|E: Failed to fetch)' "$log"; then
      fail setup-no-network \
        "the Debian mirror cannot be reached: $(last_words "$log"); check the network and run $program again"
    fi
    fail setup-wrong-debian \
      "$(system_name) has no package $package; use Debian 12 or newer with its security updates enabled"
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null ||
    fail setup-apt "apt-get could not install the packages: $(last_words "$log"); the whole log is in $log"
}

# Says whether .venv was made from exactly these requirement files.
requirements_stamp() {
  cat "$root/requirements.txt" "$root/requirements-nodeps.txt" | sha256sum | cut -d ' ' -f 1
}

setup_python() {
  local log=$logs/pip.log stamp
  stamp=$(requirements_stamp)
  if [ "$(cat "$venv/.lathe-requirements" 2>/dev/null)" = "$stamp" ] &&
    "$venv/bin/python" -c 'import onnx, numpy, nanobind' 2>/dev/null; then
    note "the Python packages in .venv are those of requirements.txt"
    return
  fi
  local python=${PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || fail setup-old-python \
    "Python 3.11 or newer is needed, and $python is $("$python" --version 2>&1); set PYTHON to a newer one"
  need_disk "$root" 1500 "the Python environment"
  : >"$log"
  if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    note "making .venv with $("$python" --version 2>&1)"
    "$python" -m venv --clear "$venv" >>"$log" 2>&1 ||
      fail setup-venv "python could not make .venv: $(last_words "$log"); the whole log is in $log"
  fi
  note "installing $(grep -cE '^[A-Za-z]' "$root/requirements.txt") Python packages into .venv"
  install_wheels -r "$root/requirements.txt"
  install_wheels --no-deps -r "$root/requirements-nodeps.txt"
  printf '%s\n' "$stamp" >"$venv/.lathe-requirements"
}

# install_wheels ARGUMENTS...: pip install, with its failures put in a sentence.
install_wheels() {
  local log=$logs/pip.log
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" \
    >>"$log" 2>&1 </dev/null && return
  if grep -q CERTIFICATE_VERIFY_FAILED "$log"; then
    fail setup-certificate \
      "the certificate of the Python package index is not trusted here: install its authority or set PIP_CERT, then run $program again (log: $log)"
  fi
  if grep -qE 'NewConnectionError|Failed to establish|Temporary failure|Read timed out|ProxyError' "$log"; then
    fail setup-no-network \
      "the Python package index cannot be reached: check the network and run $program again (log: $log)"
  fi
  if grep -q 'No space left on device' "$log"; then
    fail setup-no-disk "the disk is full: make room and run $program again (log: $log)"
  fi
  fail setup-pip "pip could not install the packages: $(last_words "$log"); the whole log is in $log"
}

# How many compilers may run at once: one a core, but none without 1.5 GB.
build_jobs() {
  if [ -n "${CMAKE_BUILD_PARALLEL_LEVEL:-}" ]; then
    printf '%s' "$CMAKE_BUILD_PARALLEL_LEVEL"
    return
  fi
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  printf '%s' $((cores < memory ? cores : memory))
}

configure() {
  local log=$logs/configure.log
  [ -d "$build" ] || need_disk "$root" 1500 "the build"
  (cd "$root" && cmake --preset release) >"$log" 2>&1 </dev/null || fail setup-configure \
    "$(cmake_words "$log"); the whole log is in $log"
  note "build/release is configured"
}

# Without a terminal, one step in 25 is progress enough.
thin_out() {
  if [ -t 1 ]; then cat; else
    awk '/^ninja: / || /FAILED|error:/ || (/^ *[0-9]+\/[0-9]+, / && ++steps % 25 == 0) { print; fflush() }'
  fi
}

compile() {
  local jobs log=$logs/build.log
  jobs=$(build_jobs)
  note "ninja with $jobs jobs; ccache makes the next build faster"
  if ! NINJA_STATUS='      %f/%t, %es: ' ninja -C "$build" -j "$jobs" </dev/null 2>&1 |
    tee "$log" | thin_out; then
    if grep -q 'No space left on device' "$log"; then
      fail setup-no-disk "the disk is full: make room and run $program again (log: $log)"
    fi
    fail setup-build "the build failed: $(last_words "$log"); the whole log is in $log"
  fi
}

install_package() {
  local log=$logs/install.log
  cmake --install "$build" --prefix "$venv" >"$log" 2>&1 </dev/null || fail setup-install \
    "the package could not be installed into .venv: $(last_words "$log"); the whole log is in $log"
  note "'. .venv/bin/activate' gives the lathe command and 'import lathe'"
}

# The steps that quickstart and check share, five in number.
set_up() {
  mkdir -p "$logs"
  exec 9>"$logs/lock"
  flock -n 9 || { note "waiting for another set-up of this tree"; flock 9; }
  step "Debian packages"
  setup_system
  step "Python packages"
  setup_python
  step "configure"
  configure
  step "build"
  compile
  step "install into .venv"
  install_package
  exec 9>&-
}
