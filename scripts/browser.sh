#!/usr/bin/env bash
# Makes sure that the browser tests have a Chromium; installs Debian's where that is possible, says so where it is not.
set -uo pipefail

chromium=${PENCHANT_CHROMIUM:-/usr/bin/chromium}
[ -x "$chromium" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null && exit 0
fi
echo "no Chromium at $chromium: the browser tests will be skipped (set PENCHANT_CHROMIUM, or install chromium)" >&2
