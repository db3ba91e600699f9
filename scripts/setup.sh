#!/usr/bin/env bash
# Set up everything a fresh Debian or Ubuntu machine lacks: virtual environment,
# Python packages, libngspice. Does nothing, and needs no network, the second time.
#   scripts/setup.sh EXTRA[,EXTRA...]
set -eu
cd "$(dirname "$0")/.."
extras=${1:-spice,music}
venv=${VENV:-.venv}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"
    else return 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root apt-get install -y -qq "$@" >/dev/null 2>&1 && return 0
    as_root apt-get update -qq >/dev/null 2>&1 || return 1
    as_root apt-get install -y -qq "$@" >/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$candidate"; return; }
    done
    echo "neuromorph needs Python 3.11 or later: install it, or name it with PYTHON=..." >&2
    return 1
}

make_venv() {
    [ -x "$venv/bin/pip" ] && return 0
    local python
    python=$(find_python)
    echo "setup: virtual environment in $venv"
    "$python" -m venv "$venv" 2>/dev/null && [ -x "$venv/bin/pip" ] && return 0
    rm -rf "$venv"
    echo "setup: this Python lacks venv, installing python3-venv"
    apt_install python3-venv || { echo "install the package python3-venv, then run this again" >&2; return 1; }
    "$python" -m venv "$venv"
}

install_packages() {
    local stamp wanted
    stamp="$venv/.installed-${extras//,/-}"
    wanted=$(sha256sum pyproject.toml | cut -c1-64)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    echo "setup: Python packages ($extras), a minute or two the first time"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -e ".[$extras]"
    echo "$wanted" >"$stamp"
}

install_ngspice() {
    "$venv/bin/python" -c 'from neuromorph.spice.engine import find_library; find_library()' 2>/dev/null && return 0
    [ -f "$venv/.no-ngspice" ] && return 0
    echo "setup: libngspice"
    apt_install libngspice0 ngspice && return 0
    echo "setup: libngspice is missing and cannot be installed from here." >&2
    echo "       Install it (apt-get install libngspice0 ngspice, or brew install libngspice); until then" >&2
    echo "       characterize and verify are not available and their tests are skipped." >&2
    touch "$venv/.no-ngspice"
}

make_venv
install_packages
install_ngspice
