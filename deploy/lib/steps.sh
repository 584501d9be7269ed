# How a step is done: look, act only when something differs, say what was done. Sourced by install.sh.

changed() { # words: count and print one change
  changes=$((changes + 1))
  if [ "$dry" = 1 ]; then echo "would: $*"; else echo "done: $*"; fi
}

act() { # words, then a command: one change
  local words=$1
  shift
  changed "$words"
  if [ "$dry" = 0 ]; then "$@" >/dev/null; fi
}

stop_here() {
  echo "install: $*" >&2
  exit 1
}

owned() { # path, owner, group, mode: files of a --root tree belong to whoever writes it
  if [ -z "$root" ]; then chown "$2:$3" "$1"; fi
  chmod "$4" "$1"
}

folder() { # path, owner, group, mode
  [ -d "$root$1" ] && return 0
  changed "folder $1"
  [ "$dry" = 1 ] || { mkdir -p "$root$1" && owned "$root$1" "$2" "$3" "$4"; }
}

put() { # source file, path, mode: root's file with this content
  if [ -f "$root$2" ] && cmp -s "$1" "$root$2"; then return 0; fi
  changed "file $2"
  if [ "$dry" = 0 ]; then
    mkdir -p "$(dirname "$root$2")"
    cp "$1" "$root$2.new" && chmod "$3" "$root$2.new" && mv "$root$2.new" "$root$2"
  fi
}

put_once() { # source file, path, mode: never overwrites what the operator edited
  [ -f "$root$2" ] || put "$1" "$2" "$3"
}

managed() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
