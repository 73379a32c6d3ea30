# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts beside it: sourced, never run. Leaves the caller in the repository's root.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# step TITLE COMMAND…: runs the command and prints what it was and how many seconds it took.
step() {
  local title=$1 began=$SECONDS status=0
  shift
  say "== $title"
  "$@" || status=$?
  if ((status == 0)); then
    say "== $title: $((SECONDS - began)) s"
  else
    say "== $title: failed after $((SECONDS - began)) s (exit status $status)"
  fi
  return "$status"
}

# Prints the comment at the head of the calling script, which is its help.
usage() { sed -n '3,/^$/{s/^# \{0,1\}//p}' "$self"; }
help_wanted() {
  case "${1-}" in -h | --help)
    usage
    exit 0
    ;;
  esac
}

# How many compilers run at once: one a core, but no more than memory has 1.5 GiB for each.
jobs_wanted() {
  local cores free
  cores=$(nproc)
  free=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo 2>/dev/null || echo "$cores")
  ((free < 1)) && free=1
  echo $((cores < free ? cores : free))
}
