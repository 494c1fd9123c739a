#!/usr/bin/env bash
# What a machine of a fleet runs when it boots: fetches the worker by digest, verifies it, starts it.
set -euo pipefail

home=${SPOTMILL_HOME:-/opt/spotmill}
root='@ROOT@'

stop() { # MESSAGE: a machine that cannot work costs money
  echo "spotmill: $1" >&2
  [ ! -d /run/systemd/system ] || systemctl poweroff
  exit 1
}

mkdir -p "$home"
cat > "$home/settings.json" <<'SPOTMILL_SETTINGS'
@SETTINGS@
SPOTMILL_SETTINGS

case $(uname -m) in
  x86_64) digest='@X86_64@' ;;
  aarch64) digest='@AARCH64@' ;;
  *) digest= ;;
esac
[ -n "$digest" ] || stop "no worker was deployed for $(uname -m)"

for try in 1 2 3 4 5 failed; do
  [ "$try" != failed ] || stop "cannot fetch $root/workers/$digest/spotmill-worker"
  if aws s3 cp --only-show-errors "$root/workers/$digest/spotmill-worker" "$home/spotmill-worker" &&
    echo "$digest  $home/spotmill-worker" | sha256sum --check --status; then
    break
  fi
  sleep $((try * 2))
done
chmod 755 "$home/spotmill-worker"

if [ ! -d /run/systemd/system ]; then
  exec "$home/spotmill-worker" serve --settings "$home/settings.json"
fi
cat > /etc/systemd/system/spotmill-worker.service <<UNIT
[Unit]
Description=Spotmill worker
After=network-online.target

[Service]
ExecStart=$home/spotmill-worker serve --settings $home/settings.json
KillMode=mixed
TimeoutStopSec=90
Restart=on-failure
UNIT
systemctl daemon-reload
systemctl start spotmill-worker.service
