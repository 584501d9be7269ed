# Code: each release in a folder of its own with its own environment; "current" points at the one in force.
# Sourced by install.sh.

parts=(pyproject.toml requirements.lock README.md LICENSE Makefile profiles.yml.example .ci
  trader dbt_project dashboard migrations deploy docs)
leave_out=(--exclude=__pycache__ --exclude=dbt_project/target --exclude=dbt_project/logs --exclude='*.egg-info')
releases=$root/opt/milkbot/releases
current=$root/opt/milkbot/current

packed() { tar -C "$source" "${leave_out[@]}" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX -cf - "${parts[@]}"; }

# The name is the content: the same code is the same release, wherever it comes from.
ensure_release() {
  release=$(packed | sha256sum | cut -c1-12)
  next=$releases/$release
  [ -f "$next/.complete" ] && return 0
  changed "release $release from $source"
  [ "$dry" = 1 ] && return 0
  rm -rf "$next" && mkdir -p "$next" && packed | tar -C "$next" -xf - && chmod 755 "$next"
  if [ -n "${MILKBOT_VENV:-}" ]; then
    ln -s "$MILKBOT_VENV" "$next/.venv" # tests lend an environment that exists
  else
    (cd "$next" && .ci/venv >/dev/null) || stop_here "release $release: its environment could not be made; nothing was switched"
    "$next/.venv/bin/python" -m compileall -q "$next/trader" "$next/dashboard" "$next/deploy"
  fi
  touch "$next/.complete"
}

with_env() { # file of /etc/milkbot, account, command: run it with that file's settings alone
  (
    set -a && . "/etc/milkbot/$1" && set +a
    cd "$next" && export HOME=/var/lib/milkbot/${2#milkbot-} MILKBOT_DATA_DIR=/var/lib/milkbot/${2#milkbot-} LOG_LEVEL=WARNING
    exec setpriv --reuid="$2" --regid="$2" --init-groups --inh-caps=-all "${@:3}"
  )
}

# Migrations come first and only add (expand); what takes away comes in a later release (contract). They are never
# reversed by a machine: the old code must run on the new schema, which is what makes rolling back the code safe.
migrate_and_build() {
  if [ "$dry" = 1 ]; then
    [ "$next" = "$(readlink -f "$current")" ] || changed "pending migrations, grants, full dbt build"
    return 0
  fi
  local said
  said=$(with_env owner.env milkbot-trader "$next/.venv/bin/milkbot" migrate up) || stop_here "migrations failed; the old release stays in force: $said"
  case $said in *"nothing to do"*) ;; *) changed "$said" ;; esac
  if [ "$next" != "$(readlink -f "$current" 2>/dev/null)" ]; then
    DUMP_URL=$(sed -n "s/^MIGRATE_DATABASE_URL='\(.*\)'$/\1/p" /etc/milkbot/owner.env) "$next/.venv/bin/python" "$next/deploy/postgres/dump.py" grant ||
      stop_here "the backup's right to read the migration history could not be given"
    said=$(with_env analytics.env milkbot-analytics "$next/.venv/bin/milkbot" rollup --selector deploy --full) || stop_here "dbt failed; the old release stays in force: $said"
    changed "warehouse: $said"
  fi
}

point_at() { ln -sfn "$1" "$current.new" && mv -T "$current.new" "$current"; }

switch_release() {
  previous=$(readlink -f "$current" 2>/dev/null || true)
  [ "$previous" = "$(readlink -f "$next" 2>/dev/null || echo "$next")" ] && return 0
  act "current -> $release" point_at "$next"
  if [ "$dry" = 0 ] && [ -n "$previous" ]; then basename "$previous" >"$root/opt/milkbot/previous"; fi
}

restart_in_order() { # readers first, the one who writes last: a trader never runs on a page's old schema
  systemctl restart api.service dashboard.service
  sleep 3 # the second page serves while the first starts
  systemctl restart dashboard-2.service trader.service watch.service
}

start_services() {
  if ! managed; then
    echo "no service manager runs here: units are installed, nothing was started"
    return 0
  fi
  [ "$dry" = 1 ] && return 0
  systemctl enable --quiet nginx "${services[@]}"
  systemctl start analytics.timer backup.timer advisor.timer
  # a trader that does not come up must reach the health gate, not end the script here
  if [ "$changes" -gt 0 ]; then restart_in_order || true; else systemctl start "${services[@]}"; fi
}

# Healthy: every service runs, page and API answer. Waits up to 90 s. MILKBOT_GATE replaces it in tests.
health_gate() {
  [ "$dry" = 1 ] && return 0
  if [ -n "${MILKBOT_GATE:-}" ]; then "$MILKBOT_GATE" "$current"; return; fi
  managed || return 0
  local end=$((SECONDS + 90)) bad
  while :; do
    bad=""
    for unit in "${services[@]}"; do systemctl is-active --quiet "$unit" || bad="$unit is $(systemctl is-active "$unit")"; done
    for url in http://127.0.0.1:8501/_stcore/health http://127.0.0.1:8502/_stcore/health http://127.0.0.1:8000/openapi.json; do
      curl -fsS -o /dev/null --max-time 5 "$url" 2>/dev/null || bad="$url does not answer"
    done
    [ -z "$bad" ] && return 0
    [ $SECONDS -lt $end ] || { echo "health gate: expected all services well within 90 s, found: $bad" >&2; return 1; }
    sleep 2
  done
}

back_to_previous() {
  if [ -z "${previous:-}" ] || [ ! -d "$previous" ]; then stop_here "release $release is not well and there is none to go back to; look into /var/log/milkbot"; fi
  point_at "$previous"
  if managed; then restart_in_order; fi
  health_gate || stop_here "release $release was not well; went back to $(basename "$previous"), which is not well either; look into /var/log/milkbot"
  stop_here "release $release was not well; the code is back at $(basename "$previous"), the database keeps its new migrations"
}

rollback() {
  local name
  name=$(cat "$root/opt/milkbot/previous" 2>/dev/null || true)
  next=$releases/$name
  if [ -z "$name" ] || [ ! -d "$next" ]; then stop_here "rollback: expected an earlier release, found none; nothing was done"; fi
  release=$name
  switch_release
  if managed; then restart_in_order; fi
  health_gate || stop_here "rollback: release $name is not well; look into /var/log/milkbot"
  echo "$changes changes; release $name is in force; the database was not touched"
}
