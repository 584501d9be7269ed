#!/usr/bin/env bash
# Install, upgrade, roll back and remove Milkbot on one Debian 12+ or Ubuntu 24.04+ server.
#   deploy/install.sh install   --domain milkbot.ai [--dry-run]   also the upgrade: run it from the new checkout
#   deploy/install.sh rollback                                    back to the release before; the database stays
#   deploy/install.sh uninstall [--with-data]                     stop and remove; data and keys only when asked
# Every step looks first and changes only what differs: a second run prints "0 changes". --dry-run changes nothing and
# prints what would be done. --root DIR writes the files below DIR and touches neither packages, accounts, Postgres
# nor services: for looking at the result, and for tests.
# Exit 0 done, 1 failed (an upgrade that fails its health gate has gone back to the old code), 2 misused.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/.." && pwd)
root="" dry=0 domain="" with_data=0 changes=0
verb=${1:-}
[ $# -gt 0 ] && shift
while [ $# -gt 0 ]; do
  case $1 in
    --domain) domain=$2; shift 2 ;;
    --root) root=${2%/}; shift 2 ;;
    --dry-run) dry=1; shift ;;
    --with-data) with_data=1; shift ;;
    *) echo "install: expected --domain, --root, --dry-run or --with-data, found $1; nothing was done" >&2; exit 2 ;;
  esac
done
. "$here/lib/steps.sh"
. "$here/lib/machine.sh"
. "$here/lib/release.sh"

services=(analytics.timer backup.timer advisor.timer api.service dashboard.service dashboard-2.service trader.service watch.service)

install_all() {
  [ -n "$domain" ] || domain=$(cat "$root/etc/milkbot/domain" 2>/dev/null || true)
  [ -n "$domain" ] || { echo "install: expected --domain NAME, found none; nothing was done" >&2; exit 2; }
  if [ -z "$root" ]; then
    check_machine
    ensure_packages
    ensure_users
  fi
  ensure_folders
  ensure_secrets
  ensure_release
  if [ -z "$root" ]; then
    ensure_database
    migrate_and_build
  fi
  install_units
  install_web
  install_small_files
  switch_release
  if [ -z "$root" ]; then start_services; fi
  if [ "$dry" = 1 ]; then
    echo "$changes changes would be made, and what follows from them; nothing was changed"
    return 0
  fi
  health_gate || back_to_previous
  echo "$changes changes; release $release is in force"
}

case $verb in
  install) install_all ;;
  rollback) rollback ;;
  uninstall) uninstall ;;
  *) sed -n '2,9s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
