#!/usr/bin/env bash
# Back up schema ops and the logs with restic, to this disk and, when named, to S3 or B2.
#   backup.sh run        dump, store, apply the retention, check; a failed store does not stop the other
#   backup.sh age        exit 0 while the newest good backup of every store is younger than 26 hours, else 1
#   backup.sh list       the backups there are
# Environment (/etc/milkbot/backup.env): BACKUP_DATABASE_URL, RESTIC_PASSWORD_FILE, BACKUP_LOCAL_REPOSITORY,
# BACKUP_REMOTE_REPOSITORY (empty: none; s3:https://host/bucket/path), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
# BACKUP_STATE_DIR, BACKUP_STAMP_DIR (when each store was last good; the watch reads it), BACKUP_LOG_DIR, BACKUP_PING_URL (empty: none; told of success, so that silence is noticed).
# One line of JSON for each step on stdout. Exit 0 when every store has a checked backup, else 1.
set -uo pipefail
export TZ=UTC # a day of the retention is a day in UTC, on every machine
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${MILKBOT_PYTHON:-$here/../../.venv/bin/python}
state=${BACKUP_STATE_DIR:-/var/lib/milkbot/backup}
stamps=${BACKUP_STAMP_DIR:-$state}
logs=${BACKUP_LOG_DIR:-/var/log/milkbot}
max_age_s=$((26 * 3600))
stores=("${BACKUP_LOCAL_REPOSITORY:-/var/backups/milkbot/restic}")
[ -n "${BACKUP_REMOTE_REPOSITORY:-}" ] && stores+=("$BACKUP_REMOTE_REPOSITORY")

say() { # level, event, store, words
  printf '{"timestamp":"%s","logger":"backup","level":"%s","event":"%s","store":"%s","detail":"%s"}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$3" "$(printf '%s' "${4:-}" | LC_ALL=C tr -c '[:print:]' ' ' | tr '"\\' "''" | cut -c1-500)"
}
name_of() { case $1 in /*) echo local ;; *) echo remote ;; esac; }
quiet() { restic --quiet --no-cache --repo "$1" "${@:2}"; }

store_in() { # repository, folder with ops/
  local repository=$1 folder=$2 stamp=(${BACKUP_TIME:+--time "$BACKUP_TIME"})
  quiet "$repository" cat config >/dev/null 2>&1 || quiet "$repository" init || return 1
  (cd "$folder" && quiet "$repository" backup --host milkbot --tag ops "${stamp[@]}" ops) || return 1
  if [ -d "$logs" ]; then
    (cd "$logs/.." && quiet "$repository" backup --host milkbot --tag logs "${stamp[@]}" "$(basename "$logs")") || return 1
  fi
  # the union of 7 days, 4 weeks and 12 months, as restic keeps it
  quiet "$repository" forget --tag ops --group-by host,tags --keep-daily 7 --keep-weekly 4 --keep-monthly 12 || return 1
  # a line of a log is local for 30 days and in each backup of these days: 60 more days make 90
  quiet "$repository" forget --tag logs --group-by host,tags --keep-within 60d || return 1
  quiet "$repository" prune || return 1
  quiet "$repository" check
}

overheard() { # what a program of ours says past us is a line of JSON, too
  local line
  while IFS= read -r line; do say warning overheard stderr "$line"; done
}

stamp() { # name, words: read by other accounts, so readable whatever the unit's mask is
  echo "$2" >"$stamps/.$1" && chmod 644 "$stamps/.$1" && mv "$stamps/.$1" "$stamps/$1"
}

run() {
  local words failed=0 name
  stamp stores "$(for repository in "${stores[@]}"; do name_of "$repository"; done)"
  folder="" # not local: the trap runs after the function has ended
  mkdir -p "$state" && folder=$(mktemp -d "$state/dump.XXXXXX") || return 1
  trap 'rm -rf "$folder"' EXIT # also when stopped: no dump lies about unencrypted
  mkdir "$folder/ops"
  if ! words=$(DUMP_URL=$BACKUP_DATABASE_URL "$python" "$here/dump.py" dump "$folder/ops" 2>&1); then
    say error backup_failed dump "$words"
    return 1
  fi
  say info dump_made dump "$words"
  for repository in "${stores[@]}"; do
    name=$(name_of "$repository")
    if words=$(store_in "$repository" "$folder" 2>&1); then
      stamp "last_good.$name" "$(date -u +%s)"
      say info backup_stored "$name" "checked"
    else
      say error backup_failed "$name" "$words"
      failed=1
    fi
  done
  if [ "$failed" = 0 ] && [ -n "${BACKUP_PING_URL:-}" ]; then
    curl --silent --show-error --max-time 20 --output /dev/null "$BACKUP_PING_URL" || say warning ping_failed ping "not reached"
  fi
  return $failed
}

age() {
  local now last old=0 name
  now=$(date -u +%s)
  for repository in "${stores[@]}"; do
    name=$(name_of "$repository")
    last=$(cat "$stamps/last_good.$name" 2>/dev/null || echo 0)
    if [ "$last" = 0 ]; then
      echo "$name: expected a good backup within 26 hours, found none; run: systemctl start backup.service"
      old=1
    elif [ $((now - last)) -gt $max_age_s ]; then
      echo "$name: expected a good backup within 26 hours, found the newest $(((now - last) / 3600)) hours old; run: systemctl start backup.service"
      old=1
    else
      echo "$name: newest good backup $(((now - last) / 60)) minutes old"
    fi
  done
  return $old
}

case ${1:-} in
  run)
    exec 3>&1 2> >(overheard >&3)
    listener=$!
    run
    code=$?
    exec 2>&- # the listener ends with what it hears
    wait "$listener"
    exit "$code"
    ;;
  age) age ;;
  list) for repository in "${stores[@]}"; do restic --no-cache --repo "$repository" snapshots --tag ops || exit 1; done ;;
  *) echo "usage: backup.sh run|age|list" >&2; exit 2 ;;
esac
