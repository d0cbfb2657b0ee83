#!/bin/sh
# usage: leash.sh FOLDER COMMAND [ARGUMENT...]
# Runs the command so that it cannot outlive whoever holds the other end of standard input: when that pipe ends without the
# word "keep", the holder is gone, however it died. Then the command, whatever it has started, even in process groups of their own,
# and its own process group end, and FOLDER is removed. What it has started on a leash of its own is left to that one.
# Tells the pid on descriptor 3; ends with the command's exit code.
folder=$1
shift

# Prints a process and its descendants, each held first, so that none can start another one meanwhile, or see the end of its parent.
held() {
  grep -qsF "$0" "/proc/$1/cmdline" && return
  kill -STOP "$1" 2>/dev/null || return
  echo "$1"
  for status in $(grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status); do
    child=${status#/proc/}
    held "${child%/status}"
  done
}

exec 4<&0
"$@" 3>&- 4<&- </dev/null &
command=$!
echo "$command" >&3
exec 3>&-
(
  read -r order <&4
  trap '' TERM # from here on it is this branch that ends things
  for pid in $(held "$command"); do kill -KILL "$pid" 2>/dev/null; done
  [ "$order" = keep ] || [ -z "$folder" ] || rm -rf "$folder"
  kill -KILL 0
) &
watcher=$!
exec 4<&-
wait "$command"
code=$?
kill -TERM "$watcher" 2>/dev/null
exit "$code"
