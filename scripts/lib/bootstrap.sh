# Sets up everything the project needs inside the checkout, without root. Sourced by scripts/demo, test and bench.
#
#   bootstrap demo    Python packages, npm packages of contracts/, the native core, the project itself
#   bootstrap nodes   the same and the npm packages of tests/, which hold anvil
#   bootstrap test    as nodes, and the test and lint packages
#   bootstrap peers   as demo, the npm packages of tests/, and ezkl where it installs
#
# Each step leaves a stamp, written last, that holds a hash of its inputs: a step that was interrupted runs again, a
# step whose inputs did not change does not run at all. A lock keeps two set-ups of one checkout apart.
# Afterwards PATH begins with .venv/bin, $PYTHON is its interpreter, $ROOT the checkout and $NATIVE is yes or no.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
VENV="$ROOT/.venv"
STAMPS="$VENV/stamps"
PYTHON="$VENV/bin/python"
PYTHON_OLDEST=3.11
PYTHON_NEWEST=3.14 # the pinned packages have no wheels for later ones
NODE_OLDEST=20.0   # what the pinned npm packages ask for

# Settings of the caller's that would reach into the environment built here.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIREMENT PIP_CONSTRAINT
unset PIP_REQUIRE_VIRTUALENV PIP_NO_BINARY PIP_PRE NODE_PATH NODE_OPTIONS npm_config_prefix npm_config_global
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    printf 'setup: error: %s\n' "$*" >&2
    return 1
}

# at_least HAVE WANT: whether dotted version HAVE is WANT or later. Missing parts are 0; a suffix such as -nightly
# does not count.
at_least() {
    local -a have want
    IFS=. read -ra have <<<"${1%%[-+ ]*}"
    IFS=. read -ra want <<<"${2%%[-+ ]*}"
    local i h w
    for ((i = 0; i < ${#want[@]} || i < ${#have[@]}; i++)); do
        h="${have[i]:-0}" w="${want[i]:-0}"
        h="${h%%[!0-9]*}" w="${w%%[!0-9]*}"
        ((10#${h:-0} > 10#${w:-0})) && return 0
        ((10#${h:-0} < 10#${w:-0})) && return 1
    done
    return 0
}

# stamped NAME KEY: whether step NAME was completed with inputs KEY.
stamped() { [[ -f "$STAMPS/$1" && "$(<"$STAMPS/$1")" == "$2" ]]; }

stamp() {
    mkdir -p "$STAMPS"
    printf '%s' "$2" >"$STAMPS/$1.part" && mv -f "$STAMPS/$1.part" "$STAMPS/$1"
}

# content_hashes PATH...: one line each, a hash of a file's bytes or of all sources below a folder.
content_hashes() {
    "$PYTHON" -I - "$@" <<'EOF'
import hashlib, os, sys

for path in sys.argv[1:]:
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path) if os.path.isdir(path) else [("", [], [path])]:
        folders[:] = sorted(name for name in folders if name != "target" and not name.startswith("."))
        for name in sorted(files):
            file = os.path.join(folder, name)
            digest.update(os.path.relpath(file, path).encode() + b"\0")
            with open(file, "rb") as stream:
                digest.update(hashlib.sha256(stream.read()).digest())
    print(digest.hexdigest())
EOF
}

# Prints "path version" of an interpreter the project supports.
find_python() {
    local name version seen=""
    for name in ${VERDICT_PYTHON:+"$VERDICT_PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 python; do
        version="$("$name" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)" || continue
        if ! at_least "$version" "$PYTHON_OLDEST" || ! at_least "$PYTHON_NEWEST.999" "$version"; then
            seen+=" $name is $version;"
        elif ! "$name" -I -c 'import ensurepip, venv' 2>/dev/null; then
            seen+=" $name $version has no venv module (on Debian and Ubuntu: package python3-venv);"
        else
            printf '%s %s\n' "$("$name" -I -c 'import sys; print(sys.executable)')" "$version"
            return 0
        fi
    done
    fail "Python $PYTHON_OLDEST to $PYTHON_NEWEST is needed. Found:${seen:- none}" \
        "Install one, or name one: VERDICT_PYTHON=/path/to/python"
}

setup_venv() {
    local found key
    # A finished environment whose interpreter still runs needs no search for another one.
    if [[ -f "$STAMPS/venv" && -z "${VERDICT_PYTHON:-}" ]] && "$PYTHON" -I -c '' 2>/dev/null; then
        [[ "$(<"$STAMPS/venv")" == *" $ROOT" ]] && return 0
    fi
    found="$(find_python)" || return 1
    key="$found $ROOT" # scripts of an environment hold its absolute path: a moved checkout needs a new one
    stamped venv "$key" && return 0
    say "Python ${found##* } (${found% *}): creating .venv"
    rm -rf "$VENV"
    "${found% *}" -I -m venv "$VENV" || {
        fail "could not create $VENV"
        return 1
    }
    stamp venv "$key"
}

# install_pins GROUP KEY: the exact files scripts/requirements/GROUP.txt names, wheels only, nothing resolved.
install_pins() {
    stamped "pip-$1" "$2" && return 0
    say "Python packages: $1"
    local -a again=()
    # What an interrupted install left may look whole to pip and not be.
    [[ -f "$STAMPS/pip-$1.begun" ]] && again=(--ignore-installed)
    mkdir -p "$STAMPS"
    : >"$STAMPS/pip-$1.begun"
    "$PYTHON" -m pip install --quiet --require-hashes --no-deps --only-binary :all: ${again[@]+"${again[@]}"} \
        -r "$ROOT/scripts/requirements/$1.txt" || {
        fail "could not install scripts/requirements/$1.txt: is a package registry within reach?"
        return 1
    }
    stamp "pip-$1" "$2"
    rm -f "$STAMPS/pip-$1.begun"
}

# install_tool NAME KEY: a program whose dependencies are at odds with the project's, in an environment of its own:
# .venv/tools/NAME/bin/NAME.
install_tool() {
    local folder="$VENV/tools/$1"
    stamped "tool-$1" "$2" && [[ -x "$folder/bin/$1" ]] && return 0
    say "tool: $1"
    rm -rf "$folder"
    "$PYTHON" -I -m venv "$folder" && "$folder/bin/python" -m pip install --quiet --require-hashes --no-deps \
        --only-binary :all: -r "$ROOT/scripts/requirements/$1.txt" || {
        say "tool: $1 does not install here"
        return 0
    }
    stamp "tool-$1" "$2"
}

# setup_node KEY: node and npm from PATH when recent enough, else from the package registry of Python.
setup_node() {
    local version="" why="not found"
    if [[ ! -x "$VENV/bin/node" ]]; then
        if version="$(node --version 2>/dev/null)"; then
            why="version ${version#v}, needs $NODE_OLDEST"
            if at_least "${version#v}" "$NODE_OLDEST"; then
                npm --version >/dev/null 2>&1 && return 0
                why="npm is missing"
            fi
        fi
        say "node: $why; taking it from PyPI"
    fi
    install_pins node "$1"
}

# install_npm FOLDER KEY: exactly the lock file. No package's install script runs.
install_npm() {
    stamped "npm-$1" "$2" && [[ -d "$ROOT/$1/node_modules" ]] && return 0
    say "npm packages: $1"
    (cd "$ROOT/$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || {
        fail "npm ci failed in $1/: is a package registry within reach?"
        return 1
    }
    stamp "npm-$1" "$2"
}

# Prints nothing when the native core can be built here, else why not.
native_obstacle() {
    local needed tool version
    needed="$(sed -n 's/^rust-version *= *"\([^"]*\)".*/\1/p' "$ROOT/prover/native/Cargo.toml" | head -n 1)"
    for tool in cargo rustc; do
        version="$("$tool" --version 2>/dev/null)" || {
            echo "$tool not found or not working; needs Rust $needed (https://rustup.rs, or a distribution's package)"
            return 0
        }
        version="$(cut -d ' ' -f 2 <<<"$version")"
        at_least "$version" "$needed" || {
            echo "$tool is $version, needs $needed or later"
            return 0
        }
    done
    command -v cc >/dev/null || echo "no C linker: cc not found (on Debian and Ubuntu: package gcc)"
}

# setup_project KEY NATIVE_KEY: the project itself, editable, with the native core when it can be built.
setup_project() {
    local obstacle="" log="$VENV/build.log" cargo="${CARGO:-cargo}"
    NATIVE=no
    if stamped native "$2" && "$PYTHON" -c 'import prover._native' 2>/dev/null; then
        NATIVE=yes
        stamped project "$1" && return 0
    fi
    obstacle="$(native_obstacle)"
    if [[ -n "$obstacle" ]]; then
        cargo=/nonexistent/cargo # the extension is optional: the build goes on without it
        if [[ "$NATIVE" == no ]]; then
            say "native core: not built: $obstacle"
            say "native core: proofs run on the slow py_ecc reference backend"
            rm -f "$ROOT"/prover/_native.*.so # built from other sources
        fi
        stamped project "$1" && return 0
    else
        say "native core: building with $(rustc --version | cut -d ' ' -f 1-2) (a minute or two at the first time)"
    fi
    mkdir -p "$VENV"
    if ! (cd "$ROOT" && CARGO="$cargo" "$PYTHON" -m pip install --verbose --no-index --no-deps --no-build-isolation \
        --editable . >"$log" 2>&1); then
        tail -n 40 "$log" >&2
        fail "installing the project failed; whole log: $log"
        return 1
    fi
    stamp project "$1"
    [[ -n "$obstacle" ]] && return 0
    if ! "$PYTHON" -c 'import prover._native'; then
        tail -n 40 "$log" >&2
        say "native core: the build failed; whole log: $log"
        say "native core: proofs run on the slow py_ecc reference backend"
        return 0
    fi
    stamp native "$2"
    NATIVE=yes
}

bootstrap() {
    local goal="$1" key
    local -a keys=()
    exec 9<"$ROOT/scripts/lib/bootstrap.sh" # held by whatever this starts, too, should it be killed
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another set-up of this checkout"
        flock 9
    fi
    setup_venv || return 1
    local -a inputs=(scripts/requirements/{build,runtime,node,test,lint,peers}.txt contracts/package-lock.json
        tests/package-lock.json pyproject.toml prover/native scripts/requirements/{slither,halmos}.txt)
    while IFS= read -r key; do keys+=("$key"); done < <(cd "$ROOT" && content_hashes "${inputs[@]}")
    [[ ${#keys[@]} == "${#inputs[@]}" ]] || {
        fail "this checkout is incomplete"
        return 1
    }
    export PATH="$VENV/bin:$PATH"
    install_pins build "${keys[0]}" || return 1
    install_pins runtime "${keys[1]}" || return 1
    if [[ "$goal" == test ]]; then
        install_pins test "${keys[3]}" || return 1
        install_pins lint "${keys[4]}" || return 1
        install_tool slither "${keys[10]}"
        install_tool halmos "${keys[11]}"
    elif [[ "$goal" == peers ]]; then
        install_pins peers "${keys[5]}" || say "peers: ezkl does not install here"
    fi
    setup_node "${keys[2]}" || return 1
    install_npm contracts "${keys[6]}" || return 1
    if [[ "$goal" != demo ]]; then
        install_npm tests "${keys[7]}" || return 1
    fi
    setup_project "${keys[8]}" "${keys[9]}" || return 1
    exec 9<&-
}
