# The machine around Milkbot: packages, accounts, folders, Postgres, units, web server, firewall. Sourced by install.sh.

packages=(ca-certificates curl jq logrotate nftables nginx openssl postgresql python3 python3-venv restic)
users=(trader analytics dashboard backup advisor watch)
with_unit=(trader analytics dashboard dashboard-2 api backup advisor watch)

check_machine() {
  [ "$(id -u)" = 0 ] || stop_here "expected root, found $(id -un); run it with sudo; nothing was done"
  . /etc/os-release
  case "$ID" in debian | ubuntu) ;; *) stop_here "expected Debian or Ubuntu, found $ID; nothing was done" ;; esac
}

ensure_packages() {
  local missing=() name
  for name in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q "ok installed" || missing+=("$name")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    changed "packages ${missing[*]}"
    if [ "$dry" = 0 ]; then
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
  fi
  if [ "$dry" = 0 ]; then
    python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' ||
      stop_here "expected Python 3.11 to 3.13, found $(python3 --version); use Debian 12 or Ubuntu 24.04; packages were installed, nothing else"
  fi
}

ensure_users() {
  local name
  for name in "${users[@]}"; do
    getent passwd "milkbot-$name" >/dev/null && continue
    act "user milkbot-$name" useradd --system --user-group --no-create-home --home-dir "/var/lib/milkbot/$name" \
      --shell /usr/sbin/nologin "milkbot-$name"
  done
}

ensure_folders() {
  local name path
  folder /opt/milkbot root root 0755
  folder /opt/milkbot/releases root root 0755
  folder /etc/milkbot root root 0700
  folder /etc/milkbot/keys root root 0700
  folder /etc/milkbot/tls root root 0700
  folder /var/lib/milkbot root root 0755
  folder /var/lib/milkbot/empty root root 0755
  for name in "${users[@]}"; do folder "/var/lib/milkbot/$name" "milkbot-$name" "milkbot-$name" 0700; done
  folder /var/log/milkbot root adm 0750
  folder /var/backups/milkbot milkbot-backup milkbot-backup 0700
  folder /var/lib/milkbot/stamps milkbot-backup milkbot-backup 0755
  folder /var/lib/milkbot/halt milkbot-trader milkbot-watch 2770
  for name in {trader,analytics,dashboard,api,backup,advisor,watch,web}.log web-errors.txt; do # nginx words errors itself
    path=$root/var/log/milkbot/$name
    [ -e "$path" ] && continue
    changed "log /var/log/milkbot/$name"
    [ "$dry" = 1 ] || { : >"$path" && owned "$path" root adm 0640; }
  done
}

ensure_secrets() {
  local name
  for name in trader analytics dashboard backup advisor watch owner; do put_once "$here/env/$name.env" "/etc/milkbot/$name.env" 0600; done
  if [ ! -s "$root/etc/milkbot/restic.password" ]; then
    changed "restic password (copy it to a safe place: without it no backup can be read)"
    [ "$dry" = 1 ] || (umask 077; openssl rand -hex 32 >"$root/etc/milkbot/restic.password")
  fi
  if [ "$dry" = 0 ] && grep -q '^STREAMLIT_SERVER_COOKIE_SECRET=$' "$root/etc/milkbot/dashboard.env"; then
    changed "cookie secret of the page"
    sed -i "s/^STREAMLIT_SERVER_COOKIE_SECRET=$/&$(openssl rand -hex 32)/" "$root/etc/milkbot/dashboard.env"
  fi
  if [ ! -s "$root/etc/milkbot/tls/origin.pem" ]; then
    changed "placeholder certificate for $domain (replace it by Cloudflare's origin certificate)"
    [ "$dry" = 1 ] || (umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
      -subj "/CN=$domain" -addext "subjectAltName=DNS:$domain" -keyout "$root/etc/milkbot/tls/origin.key" \
      -out "$root/etc/milkbot/tls/origin.pem" 2>/dev/null)
  fi
  if [ "$(cat "$root/etc/milkbot/domain" 2>/dev/null)" != "$domain" ]; then
    changed "domain $domain"
    [ "$dry" = 1 ] || { echo "$domain" >"$root/etc/milkbot/domain" && sed -i "s/^MILKBOT_DOMAIN=.*/MILKBOT_DOMAIN=$domain/" "$root/etc/milkbot/watch.env"; }
  fi
}

ensure_database() {
  local version cluster port new
  if [ "$dry" = 1 ]; then
    [ -s /etc/milkbot/roles.json ] || changed "Postgres: roles with passwords of their own, database milkbot"
    return 0
  fi
  read -r version cluster port _ < <(pg_lsclusters -h) || stop_here "expected a Postgres cluster, found none; packages and files were installed"
  if [ "$(pg_lsclusters -h "$version" "$cluster" | awk '{print $4}')" != online ]; then
    act "start Postgres $version" pg_ctlcluster "$version" "$cluster" start
  fi
  new=$(mktemp /etc/milkbot/.roles.XXXXXX)
  touch /etc/milkbot/roles.json && chmod 600 /etc/milkbot/roles.json
  (
    cd / && export SUPERUSER_URL="postgresql://postgres@/postgres?host=/var/run/postgresql&port=$port"
    runuser -u postgres -- "$next/.venv/bin/python" "$next/deploy/postgres/roles.py" make </etc/milkbot/roles.json >"$new"
  ) || stop_here "Postgres: the roles could not be made; see above"
  if cmp -s "$new" /etc/milkbot/roles.json; then rm "$new"; else changed "Postgres: roles and database milkbot" && mv "$new" /etc/milkbot/roles.json; fi
  while read -r _ name; do changed "database URL in /etc/milkbot/$name"; done < <(
    "$next/.venv/bin/python" "$next/deploy/postgres/roles.py" urls --port "$port" </etc/milkbot/roles.json)
  if ! grep -q "^PG_BIN=/usr/lib/postgresql/$version/bin$" /etc/milkbot/backup.env; then
    changed "programs of Postgres $version for the backup"
    sed -i "s|^PG_BIN=.*|PG_BIN=/usr/lib/postgresql/$version/bin|" /etc/milkbot/backup.env
  fi
}

install_units() {
  local unit name temporary version
  temporary=$(mktemp -d)
  for unit in "$here"/systemd/*.service "$here"/systemd/*.timer; do put "$unit" "/etc/systemd/system/$(basename "$unit")" 0644; done
  sed 's/8501/8502/g' "$here/systemd/dashboard.service" >"$temporary/dashboard-2.service"
  put "$temporary/dashboard-2.service" /etc/systemd/system/dashboard-2.service 0644
  rm -r "$temporary"
  for name in "${with_unit[@]}"; do
    put "$here/systemd/hardening.conf" "/etc/systemd/system/$name.service.d/10-hardening.conf" 0644
  done
  if [ -s "$root/etc/milkbot/public.env" ]; then # a second Postgres for the page: DEPLOYMENT_RUNBOOK.md, section 9
    put "$here/systemd/publish.conf" /etc/systemd/system/analytics.service.d/20-publish.conf 0644
  fi
  version=$(systemctl --version 2>/dev/null | awk 'NR == 1 {print $2}')
  if [ "${version:-0}" -ge 254 ]; then put "$here/systemd/backoff.conf" /etc/systemd/system/trader.service.d/20-backoff.conf 0644; fi
  put "$here/systemd/restart.conf" /etc/systemd/system/nginx.service.d/10-milkbot.conf 0644
  if managed && [ "$dry" = 0 ]; then systemctl daemon-reload; fi
}

install_web() {
  local index pulls=() target line before=$changes
  if [ "$dry" = 1 ]; then
    [ -f "$root/etc/nginx/conf.d/milkbot.conf" ] || changed "web server and firewall configured for $domain"
    return 0
  fi
  index=$(echo "$next"/.venv/lib/python3.*/site-packages/streamlit/static/index.html)
  if [ -s "$root/etc/milkbot/tls/origin-pull-ca.pem" ]; then pulls=(--pulls-ca /etc/milkbot/tls/origin-pull-ca.pem); fi
  while read -r _ line; do changed "file $line"; done < <(
    python3 "$next/deploy/nginx/render.py" --domain "$domain" --root "${root:-/}" --index "$index" \
      --firewall /etc/milkbot/firewall.nft "${pulls[@]}" || echo "failed render")
  [ -f "$root/etc/nginx/conf.d/milkbot.conf" ] || stop_here "the web server's configuration was not written; see above"
  [ -z "$root" ] || return 0
  target=/etc/nginx/sites-enabled/default
  if [ -e "$target" ]; then act "remove nginx's sample page" rm "$target"; fi
  nginx -t -q || stop_here "nginx refuses its configuration; the running one stays in force"
  if [ "$changes" != "$before" ] && managed; then systemctl reload-or-restart nginx; fi
  # another port of ssh must not be locked out
  line=$({ sshd -T 2>/dev/null || true; } | awk '$1 == "port" {print $2; exit}')
  if [ -n "$line" ] && [ "$line" != 22 ]; then sed -i "s/tcp dport 22 /tcp dport $line /" /etc/milkbot/firewall.nft; fi
  if ! grep -qs milkbot /etc/nftables.conf; then
    changed "firewall loaded at start"
    cp -n /etc/nftables.conf /etc/nftables.conf.before-milkbot
    printf '#!/usr/sbin/nft -f\nflush ruleset\ninclude "/etc/milkbot/firewall.nft"\n' >/etc/nftables.conf
  fi
  if managed; then systemctl enable --quiet --now nftables && nft -f /etc/milkbot/firewall.nft; fi
}

install_small_files() {
  local tool
  put "$here/logrotate/milkbot" /etc/logrotate.d/milkbot 0644
  for tool in milkbot milkbot-key milkbot-go-live milkbot-rotate-passwords milkbot-backups; do put "$here/bin/$tool" "/usr/local/bin/$tool" 0755; done
  tool=/usr/local/bin/milkbot-restore
  if [ ! -L "$root$tool" ]; then act "link $tool" ln -sf /opt/milkbot/current/deploy/postgres/milkbot-restore "$root$tool"; fi
}

uninstall() {
  local unit
  [ -n "$root" ] || check_machine
  for unit in "${services[@]}" analytics.service backup.service advisor.service; do # timers first
    if managed; then systemctl disable --now --quiet "$unit" 2>/dev/null || true; fi
    if [ -e "$root/etc/systemd/system/$unit" ]; then
      act "remove $unit" rm -rf "$root/etc/systemd/system/$unit" "$root/etc/systemd/system/$unit.d"
    fi
  done
  for unit in /etc/nginx/conf.d/milkbot.conf /etc/nginx/milkbot /etc/systemd/system/nginx.service.d/10-milkbot.conf \
    /etc/logrotate.d/milkbot /opt/milkbot \
    /usr/local/bin/milkbot /usr/local/bin/milkbot-key /usr/local/bin/milkbot-go-live /usr/local/bin/milkbot-rotate-passwords \
    /usr/local/bin/milkbot-backups /usr/local/bin/milkbot-restore; do
    if [ -L "$root$unit" ] || [ -e "$root$unit" ]; then act "remove $unit" rm -rf "$root$unit"; fi
  done
  if managed && [ "$dry" = 0 ]; then systemctl daemon-reload && systemctl reload nginx; fi
  if [ "$with_data" = 1 ]; then
    for unit in /etc/milkbot /var/lib/milkbot /var/log/milkbot; do
      if [ -e "$root$unit" ]; then act "remove $unit" rm -rf "$root$unit"; fi
    done
    if [ -z "$root" ]; then
      if [ -e /etc/nftables.conf.before-milkbot ]; then act "firewall as before" mv /etc/nftables.conf.before-milkbot /etc/nftables.conf; fi
      if managed && [ "$dry" = 0 ]; then systemctl restart nftables; fi
      act "drop database milkbot" runuser -u postgres -- dropdb --if-exists milkbot
      for unit in "${users[@]}"; do
        if getent passwd "milkbot-$unit" >/dev/null; then act "remove user milkbot-$unit" userdel "milkbot-$unit"; fi
      done
    fi
    echo "backups in /var/backups/milkbot stay; remove them by hand when you are sure"
  else
    echo "database, keys, logs and backups stay (--with-data removes them, but for the backups)"
  fi
  echo "$changes changes"
}
