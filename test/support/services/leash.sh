#!/bin/sh
# usage: leash.sh FOLDER COMMAND [ARGUMENT...]
# Runs the command so that it cannot outlive whoever holds the other end of standard input: when that pipe ends without the
# word "keep", the holder is gone, however it died. Then the command and its process group end and FOLDER is removed.
# Tells the pid on descriptor 3; ends with the command's exit code.
folder=$1
shift
exec 4<&0
"$@" 3>&- 4<&- </dev/null &
command=$!
echo "$command" >&3
exec 3>&-
(
  read -r order <&4
  trap '' TERM # from here on it is this branch that ends things
  kill -KILL "$command" 2>/dev/null
  [ "$order" = keep ] || [ -z "$folder" ] || rm -rf "$folder"
  kill -KILL 0
) &
watcher=$!
exec 4<&-
wait "$command"
code=$?
kill -TERM "$watcher" 2>/dev/null
exit "$code"
