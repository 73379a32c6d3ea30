#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `writ demo` as people and programs run it: from any directory, to its end, and interrupted.
set -euo pipefail
: "${WRIT:?the program to test}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    failed=$((failed + 1))
  fi
}

# Processes that have the directory in their arguments or, since a child is known by its parent, none of these pids.
alive() {
  local pid
  for pid in "$@"; do
    [[ -d /proc/$pid ]] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null && return 0
  done
  return 1
}

children() { pgrep -P "$1" | tr '\n' ' '; }

story_holds() {
  "$WRIT" demo --once >story.txt 2>story.err || {
    grep -A4 '^   NOT' story.txt || tail -20 story.txt story.err
    return 1
  }
  ! grep -q '^   NOT' story.txt
}
check "the story holds, told to people" story_holds
nine_chapters() {
  local number
  for number in {1..9}; do
    grep -q "^$number\. " story.txt || return 1
  done
}
check "all nine chapters are told" nine_chapters

json_holds() {
  "$WRIT" demo --once --json --dir "$work/json" >story.jsonl 2>story.err || {
    jq -c 'select(.held == false)' story.jsonl
    cat story.err
    return 1
  }
  jq -es 'length > 40 and all(.[]; type == "object") and ([.[] | select(.held == false)] | length == 0)
    and (.[-1] | .held > 40 and .failed == 0)
    and any(.[]; .trace) and any(.[]; .explanation) and any(.[]; .verified)' story.jsonl >/dev/null
}
check "each line of --json is an object, and none says that something did not hold" json_holds

not_empty() {
  local status=0
  "$WRIT" demo --once --dir "$work/json" >/dev/null 2>used.err || status=$?
  ((status == 1)) && grep -q 'not empty' used.err
}
check "a directory in use is refused" not_empty

usage() {
  local status=0
  "$WRIT" demo --nonsense >/dev/null 2>&1 || status=$?
  ((status == 2))
}
check "an unknown option is wrong usage" usage

# A signal of a terminal's Ctrl-C; `setsid` so that the test itself does not get it. With a pid to wait for.
interrupted() {
  local signal=$1 moment=$2 pid below status=0
  setsid "$WRIT" demo --json --dir "$work/int-$signal-$moment" >int.jsonl 2>int.err &
  pid=$!
  # Looked for often: the story from its first chapter to its end is seconds.
  for _ in $(seq 3000); do
    case $moment in
      serving) grep -q '"serving"' int.jsonl && break ;;
      playing) grep -q '"chapter":1' int.jsonl && break ;;
    esac
    kill -0 $pid 2>/dev/null || break
    sleep 0.02
  done
  below=$(children $pid)
  [[ $below ]] || {
    echo "no processes below the demo"
    cat int.err
    kill $pid 2>/dev/null
    return 1
  }
  kill "-$signal" $pid
  wait $pid || status=$?
  if [[ $signal == KILL ]]; then
    # The kernel tells the children.
    for _ in $(seq 100); do
      # shellcheck disable=SC2086
      alive $below || break
      sleep 0.1
    done
  else
    ((status == 130)) || {
      echo "exit status $status"
      return 1
    }
  fi
  # shellcheck disable=SC2086
  ! alive $below
}
check "Ctrl-C while it serves ends every process" interrupted INT serving
check "Ctrl-C in mid-story ends every process" interrupted INT playing
check "even kill -9 leaves no process behind" interrupted KILL serving

((failed == 0)) || tail -5 story.err int.err 2>/dev/null
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
