#!/bin/sh
# Makes an environment of its own for every peer, in ${PEERS:-out/peers}/{brian2,nest,brainpy} below the root:
#
#     sh benchmarks/peers/setup.sh [PEER ...]
#
# A peer whose stamp names the same packages is left alone.  One that fails is named, and the others are made.
set -u
cd "$(dirname "$0")/../.." || exit 1
peers=${PEERS:-out/peers}
python=${PYTHON:-python3}
[ $# -gt 0 ] || set -- brian2 nest brainpy
missing=""

packages() {
    case $1 in
        brian2) echo "brian2>=2.9,<3 numpy<2.3 setuptools<81" ;; # NumPy 2.4 lacks what Brian2 2.9 asks for
        nest) echo "nest-simulator==3.10.* numpy<3" ;;
        brainpy) echo "brainpy>=2.8,<3 numba numpy<3" ;;
        *) return 1 ;;
    esac
}

probe() {
    case $1 in
        brian2) echo "import brian2 as p; p.NeuronGroup(1, 'v : 1'); print('Brian2', p.__version__)" ;;
        nest) echo "import nest as p; p.ResetKernel(); print('NEST', p.__version__)" ;;
        brainpy) echo "import brainpy as p, numba; print('BrainPy', p.__version__)" ;;
    esac
}

make_peer() {
    folder=$peers/$1
    wanted=$(packages "$1") || { echo "no peer is called $1" >&2; return 1; }
    if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$wanted" ]; then
        echo "$1: there"
        return 0
    fi
    rm -rf "$folder"
    mkdir -p "$peers" && "$python" -m venv "$folder" || return 1
    # shellcheck disable=SC2086
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check $wanted || return 1
    "$folder/bin/python" -c "$(probe "$1")" || return 1
    echo "$wanted" > "$folder/stamp"
}

for peer in "$@"; do
    make_peer "$peer" || { echo "$peer: could not be made" >&2; missing="$missing $peer"; }
done
[ -z "$missing" ] || { echo "missing:$missing" >&2; exit 1; }
