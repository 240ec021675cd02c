#!/bin/sh
# The base of the test fleet's Debian hosts, built by: debian-image.sh FOLDER MIRROR
# A hash of this file names the cached image, so any change here builds a new one.
set -eu
base=$1
mirror=$2

debootstrap --variant=minbase \
  --include=systemd,systemd-sysv,dbus,openssh-server,postgresql-15,sudo,openssl,iproute2,busybox,procps \
  bookworm "$base" "$mirror"

chroot "$base" sh -eu <<'INSIDE'
# Passwords are "*", not "!": sshd refuses the keys of a locked account.
useradd --create-home --shell /bin/bash --password '*' deploy
useradd --create-home --shell /bin/bash asks
echo 'asks:asks-password' | chpasswd
echo 'deploy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/deploy
echo 'asks ALL=(ALL) ALL' > /etc/sudoers.d/asks
chmod 0440 /etc/sudoers.d/deploy /etc/sudoers.d/asks

# debootstrap has no locale, which made the cluster SQL_ASCII: nobody's server is.
pg_dropcluster 15 main
pg_createcluster --locale C.UTF-8 15 main
pg_conftool 15 main set listen_addresses '*'
pg_conftool 15 main set ssl off

cat >> /etc/postgresql/15/main/pg_hba.conf <<'HBA'

# Application servers (see the wiki before you change this)
host    all             all             0.0.0.0/0               scram-sha-256
host    all             all             ::/0                    scram-sha-256   # since the IPv6 move
HBA

single() {
  su postgres -s /bin/sh -c "/usr/lib/postgresql/15/bin/postgres --single -j \
    -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf postgres" > /dev/null
}
single <<'SQL'
CREATE ROLE app LOGIN PASSWORD 'app-password';

CREATE DATABASE app OWNER app;

SQL

# Each host makes its own: shared host keys would hide a mixed-up connection.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
INSIDE
sync -f "$base"
