#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real clients and a real identity provider against a running Writ: openid-client and oidc-provider, which want
# Node 22. What is missing is installed beside the build, never here. Skipped (77) where npm cannot.
set -euo pipefail
: "${WRIT:?the program to test}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(dirname "$(realpath "$WRIT")")/clients

skip() {
  echo "skipped: $*"
  exit 77
}
# What npm says first is why; its last line only names its log.
why() { grep -m 1 -i 'err' npm.log || tail -n 1 npm.log; }
command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"

mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$work"/
cd "$work"
wanted=$(sha256sum package-lock.json)
if [[ ! -d node_modules || $(cat node_modules/.wanted 2>/dev/null) != "$wanted" ]]; then
  npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1 || skip "npm cannot install the clients: $(why)"
  echo "$wanted" >node_modules/.wanted
fi

node=node
if (($(node -p 'process.versions.node.split(".")[0]') < 22)); then
  node=$work/node22/node_modules/node/bin/node
  if ! [[ -x $node ]]; then
    mkdir -p node22
    echo '{"private":true}' >node22/package.json
    npm install --prefix node22 --no-audit --no-fund --foreground-scripts node@22 >npm.log 2>&1 ||
      skip "npm cannot install Node 22: $(why)"
    [[ -x $node ]] || skip "the npm package node@22 brings no Node for this machine"
  fi
fi
"$node" --test --test-reporter=tap --test-concurrency=1 openid_client.mjs identity_provider.mjs
