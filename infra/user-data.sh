#!/usr/bin/env bash
# What a machine of a fleet does when it boots: it fetches the worker by its digest, verifies it, and runs it under
# systemd. It either works or ends: a machine that idles costs money, so every failure is said on the console and shuts
# the machine down, which the launch template turns into its end. Runs as root on Amazon Linux 2023; also as anybody,
# without systemd, where SPOTMILL_HOME is set (the local EC2 endpoint): then it touches nothing outside that directory.
# LaunchFleet fills the four marks; a whole script has at most 16 KiB.
set -Eeuo pipefail

root='@ROOT@'
x86_64='@X86_64@'
aarch64='@AARCH64@'
home=${SPOTMILL_HOME:-/opt/spotmill}
settings=$home/settings.json
scratch=$home/scratch
# An item's process is a user of its own, from this number on; a thousand of them belong to nobody else.
children=70000

# Where several machines share a kernel, it cannot tell when this one booted.
if [ -n "${SPOTMILL_HOME:-}" ]; then
  SPOTMILL_BOOTED_MS=$(date +%s%3N)
  export SPOTMILL_BOOTED_MS
fi

own_machine() { [ -z "${SPOTMILL_HOME:-}" ] && [ -d /run/systemd/system ]; }

say() {
  printf 'spotmill: %s\n' "$1"
  if own_machine; then
    printf 'spotmill: %s\n' "$1" >/dev/console || true
    logger -t spotmill -- "$1" || true
  fi
}

give_up() {
  trap - ERR
  say "$1; this machine ends"
  if own_machine; then
    systemctl --no-block poweroff || poweroff -f
  fi
  exit 1
}
trap 'give_up "user data failed in line $LINENO"' ERR

# Prints nothing and fails unless the file is what its name says.
verified() { [ -f "$1" ] && sha256sum --check --status <<<"$digest  $1"; }

fetch() {
  local from=$root/workers/$digest/spotmill-worker pause=2
  mkdir -p "${worker%/*}"
  # A new role's credentials and a busy bucket take a while: six tries over about a minute.
  until aws s3 cp --only-show-errors --cli-connect-timeout 10 --cli-read-timeout 60 "$from" "$worker.part"; do
    [ "$pause" -le 32 ] || give_up "cannot fetch $from"
    say "cannot fetch $from yet; again in $pause s"
    sleep "$pause"
    pause=$((pause * 2))
  done
  verified "$worker.part" || give_up "$from does not have the sha256 it is named by; deploy the pipeline again"
  chmod 755 "$worker.part"
  mv "$worker.part" "$worker"
}

# Instance store, where the machine type has some: faster than the volume, and paid for already. Several disks are one, striped:
# what lies there may be lost with any of them, as with the machine.
mount_instance_store() {
  local disks disk
  mapfile -t disks < <(lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Instance Storage/ {print $1}')
  [ "${#disks[@]}" -gt 0 ] || return 0
  disk=${disks[0]}
  if [ "${#disks[@]}" -gt 1 ] && mdadm --create /dev/md0 --run --level=0 --raid-devices="${#disks[@]}" "${disks[@]}"; then
    disk=/dev/md0
  fi
  if mkfs.xfs -q -f -K "$disk" && mount -o noatime "$disk" "$scratch"; then
    say "scratch is on $disk (instance store: ${disks[*]})"
  else
    say "cannot use instance store $disk; scratch is on the volume"
  fi
}

# An item that has a network has none to the metadata service, where the machine's credentials are. Others have no network.
keep_from_metadata() {
  local range=$children-$((children + 999))
  ip rule add pref 10 uidrange "$range" to 169.254.169.254 prohibit
  if [ -e /proc/net/if_inet6 ]; then
    ip -6 rule add pref 10 uidrange "$range" to fd00:ec2::254 prohibit
  fi
}

# The machine's journal dies with it, so its end is kept beside the machine's record, where LaunchFleet said: once a minute while
# something is new, and when the worker ends. A MiB at most, packed.
keep_log() {
  local to id token
  to=$(sed -n 's/.*[,{]"instances":"\([^"\\]*\)".*/\1/p' "$settings")
  [ -n "$to" ] || return 0
  token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token) || token=
  id=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id) || id=
  if [ -z "$id" ]; then
    say "this machine's name is not known: its log stays here"
    return 0
  fi
  cat >"$home/keep-log" <<SCRIPT
#!/bin/sh
journalctl --boot --unit=spotmill-worker --output=short-iso-precise --no-pager | tail -c 1048576 >$home/log.now
cmp -s $home/log.now $home/log.kept && exit 0
gzip -c $home/log.now | aws s3 cp --only-show-errors - "$to/$id.log.gz" && mv $home/log.now $home/log.kept
SCRIPT
  chmod 755 "$home/keep-log"
  cat >/etc/systemd/system/spotmill-log.service <<UNIT
[Unit]
Description=Keep the log of the Spotmill worker

[Service]
Type=oneshot
Environment=AWS_REGION=$AWS_REGION AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION AWS_MAX_ATTEMPTS=3
ExecStart=$home/keep-log
TimeoutStartSec=50
UNIT
  cat >/etc/systemd/system/spotmill-log.timer <<UNIT
[Unit]
Description=Keep the log of the Spotmill worker every minute

[Timer]
OnActiveSec=60
OnUnitInactiveSec=60
AccuracySec=5
UNIT
  systemctl daemon-reload
  systemctl start --no-block spotmill-log.timer
}

mkdir -p "$home" "$scratch"
cat >"$settings" <<'SPOTMILL_SETTINGS'
@SETTINGS@
SPOTMILL_SETTINGS

# The settings are one line of compact JSON, in which a quote inside a text is escaped.
region=$(sed -n 's/.*[,{]"region":"\([a-z0-9-]*\)".*/\1/p' "$settings")
export AWS_REGION=${AWS_REGION:-$region} AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-$region} AWS_MAX_ATTEMPTS=5
export TMPDIR=$scratch

case $(uname -m) in
  x86_64) digest=$x86_64 ;;
  aarch64) digest=$aarch64 ;;
  *) digest= ;;
esac
[ -n "$digest" ] || give_up "no worker was deployed for $(uname -m)"

# A baked image has it already.
worker=$home/workers/$digest/spotmill-worker
verified "$worker" || fetch
say "worker $digest is here"

if ! own_machine; then
  exec "$worker" serve --settings "$settings" --tmp "$scratch/items" ${SPOTMILL_CHILD_UIDS:+--child-uids "$SPOTMILL_CHILD_UIDS"}
fi

mount_instance_store
id -u spotmill >/dev/null 2>&1 || useradd --system --home-dir "$home" --shell /sbin/nologin spotmill
chown spotmill: "$scratch"
keep_from_metadata
keep_log || say "the log of this machine stays here"

# mixed: the supervisor alone is told to stop and hands its items back; what is left after 90 s, less than a spot notice
# leaves, is killed. Its children have its own cgroup, and one of them out of memory does not stop it. A crash is tried
# again five times in ten minutes; then, or when it ends by itself, the machine goes too.
# The capabilities are what it needs to start children as other users, to end them, and to remove what they wrote; a child
# has none. Nothing that the unit runs writes outside the scratch directory.
cat >/etc/systemd/system/spotmill-worker.service <<UNIT
[Unit]
Description=Spotmill worker
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=5
StartLimitAction=poweroff
OnSuccess=poweroff.target
OnFailure=poweroff.target

[Service]
User=spotmill
WorkingDirectory=$scratch
Environment=HOME=$home TMPDIR=$scratch AWS_REGION=$AWS_REGION AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
ExecStart=$worker serve --settings $settings --tmp $scratch/items --child-uids $children
AmbientCapabilities=CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=$scratch
ReadOnlyPaths=/dev/shm -/dev/mqueue
ProtectHome=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
RestrictSUIDSGID=yes
LockPersonality=yes
ExecStopPost=+-/bin/sh -c 'test ! -x $home/keep-log || timeout 20 $home/keep-log'
KillMode=mixed
TimeoutStopSec=90
Restart=on-failure
RestartSec=5
OOMPolicy=continue
Delegate=yes
TasksMax=infinity
LimitNOFILE=65536
StandardOutput=journal+console
StandardError=journal+console
UNIT
systemctl daemon-reload
systemctl start --no-block spotmill-worker.service
say "the worker is started"
