# shellcheck shell=dash
# shellcheck disable=SC2034 # observe.sh and apply.sh use the c_ variables
# What both host programs share: answers in frames, questions to the controller, clusters and their SQL.
# Sent over standard input to `/bin/sh`; M (the marker of this exec) is set in the line before. Runs under dash, bash and busybox.

LC_ALL=C TZ=UTC
export LC_ALL TZ
umask 077
cd / || exit 70
# A link that dies must not end us in the middle of a change: we notice by end-of-file, and put back.
trap '' HUP PIPE
NL='
'

# One frame: a header line, then the payload as it is, then the end line. Only lines that start with M are ours. Frames go to
# descriptor 4, the controller, wherever standard output goes to: a question may be asked inside $(...).
header() { printf '%s %s\n' "$M" "$*" >&4; }
footer() { printf '\n%s .\n' "$M" >&4; }
say() { header "$1" && printf '%s' "$2" >&4 && footer; }

# who_am_i: sets my_user and my_group. Asked once, and only where it is needed: each program that is started costs a host more than all
# of our own code.
who_am_i() {
  local identity
  [ -z "${my_user-}" ] || return 0
  identity=$(id)
  my_user=${identity#*\(} my_user=${my_user%%\)*}
  my_group=${identity#*gid=*\(} my_group=${my_group%%\)*}
}

# ask VERB TEXT: puts a question to the controller. Its lines go to standard output; fails with 1 when it says no, 3 when it is gone.
ask() {
  say "ask $1" "$2"
  local line status
  IFS= read -r status <&3 || return 3
  while IFS= read -r line <&3; do
    if [ "$line" = "$M ." ]; then
      [ "$status" = "$M yes" ]
      return
    fi
    printf '%s\n' "$line"
  done
  return 3
}

# nth N: the Nth line of standard input, without starting a program.
nth() {
  local line i=0
  while IFS= read -r line; do
    i=$((i + 1))
    [ "$i" -eq "$1" ] && printf '%s' "$line" && return 0
  done
  return 1
}

# read_pid_file FILE: sets c_pid c_data c_port c_socket from a postmaster.pid or a socket's lock file (pidfile.h: they begin alike).
read_pid_file() {
  c_pid='' c_data='' c_port='' c_socket=''
  [ -r "$1" ] || return 1
  {
    IFS= read -r c_pid
    IFS= read -r c_data
    IFS= read -r _
    IFS= read -r c_port
    IFS= read -r c_socket
  } <"$1"
  [ -n "$c_pid" ] && [ -n "$c_data" ] && kill -0 "$c_pid" 2>/dev/null
}

# is_genuine: the cluster is what it says. Anybody may put a lock file into /tmp, and root would start what it names: so the data directory,
# its own postmaster.pid and the process must all belong to one user, who is not root (PostgreSQL never runs as root).
is_genuine() {
  local lines user='' line pid=''
  [ -r "$c_data/postmaster.pid" ] && IFS= read -r pid <"$c_data/postmaster.pid"
  [ "$pid" = "$c_pid" ] || return 1
  if [ -d "/proc/$c_pid" ]; then
    lines=$(stat -c '%U %G' -- "$c_data" "$c_data/postmaster.pid" "/proc/$c_pid") || return 1
  else
    lines=$(stat -c '%U %G' -- "$c_data" "$c_data/postmaster.pid") || return 1
  fi
  c_owner=${lines%% *} c_group=${lines#* } c_group=${c_group%%"$NL"*}
  while IFS= read -r line; do
    user=${line%% *}
    { [ "$user" = "$c_owner" ] && [ "$user" != root ]; } || return 1
  done <<EOF
$lines
EOF
}

# read_options: sets c_program and c_name: the server's own program, and Debian's VERSION/NAME, else the directory.
read_options() {
  local options=''
  [ -r "$c_data/postmaster.opts" ] && IFS= read -r options <"$c_data/postmaster.opts"
  c_program=$(readlink -- "/proc/$c_pid/exe" 2>/dev/null) || c_program=${options%% \"*}
  # An upgraded package has taken the program away from under the server.
  c_program=${c_program%" (deleted)"}
  c_name=$c_data
  case $options in
    *config_file=/etc/postgresql/*/postgresql.conf*)
      c_name=${options#*config_file=/etc/postgresql/}
      c_name=${c_name%%/postgresql.conf*}
      ;;
  esac
}

# find_cluster SELECTOR: sets the c_ variables; prints nothing. 0 found; 1 none; 2 several; 3 down; 5 there, but not for this user to
# look at. c_known: names, one a line.
find_cluster() {
  local lock seen="$NL" matches=0 hidden='' down='' conf name pid data port socket
  c_known=''
  case $1 in
    /*)
      if read_pid_file "$1/postmaster.pid" && c_data=${1%/} && is_genuine; then
        read_options
        c_known=$c_name
        finish_cluster
        return 0
      fi
      c_known=$1
      [ -d "$1" ] && [ ! -x "$1" ] && return 5
      [ -f "$1/PG_VERSION" ] && return 3
      return 1
      ;;
  esac
  for lock in /run/postgresql/.s.PGSQL.*.lock /var/run/postgresql/.s.PGSQL.*.lock /tmp/.s.PGSQL.*.lock; do
    [ -e "$lock" ] && [ ! -r "$lock" ] && hidden=yes
    read_pid_file "$lock" || continue
    case $seen in *"$NL$c_data$NL"*) continue ;; esac
    seen="$seen$c_data$NL"
    is_genuine || continue
    read_options
    c_known="$c_known$c_name$NL"
    if [ -z "$1" ] || [ "$1" = "$c_name" ]; then
      matches=$((matches + 1))
      pid=$c_pid data=$c_data port=$c_port socket=$c_socket
    fi
  done
  for conf in /etc/postgresql/*/*/postgresql.conf; do
    [ -f "$conf" ] || continue
    name=${conf#/etc/postgresql/}
    name=${name%/postgresql.conf}
    case "$NL$c_known" in *"$NL$name$NL"*) continue ;; esac
    down="$down$name$NL"
  done
  if [ "$matches" -eq 1 ]; then
    c_pid=$pid c_data=$data c_port=$port c_socket=$socket
    is_genuine || return 1
    read_options
    finish_cluster
    return 0
  fi
  [ "$matches" -gt 1 ] && return 2
  [ -n "$hidden" ] && return 5
  case "$NL$down" in
    "$NL") return 1 ;;
    *"$NL$1$NL"*) c_known=$1 && return 3 ;;
  esac
  [ -z "$1" ] && [ -z "$c_known" ] && c_known=$down && return 3
  c_known="$c_known$down"
  return 1
}

# finish_cluster: how to ask it, how to control it.
finish_cluster() {
  local unit
  c_bin=${c_program%/*}
  c_psql=''
  if [ -x "$c_bin/psql" ]; then
    c_psql=$c_bin/psql
  else
    c_psql=$(command -v psql) || c_psql=''
  fi
  c_control="pg_ctl $c_bin/pg_ctl"
  unit=''
  [ -r "/proc/$c_pid/cgroup" ] && unit=$(nth 1 <"/proc/$c_pid/cgroup")
  unit=${unit##*/}
  case $unit in
    *postgres*.service | *pgsql*.service) c_control="systemd $unit" ;;
  esac
  case $c_name in
    /*) ;;
    *) command -v pg_ctlcluster >/dev/null && c_control="pg_ctlcluster $c_name" ;;
  esac
}

# as_owner PROGRAM ...: runs it as the cluster's owner. setpriv opens no PAM session, which costs time and a log line.
as_owner() {
  who_am_i
  if [ "$my_user" = "$c_owner" ]; then
    "$@" 3<&- 4>&-
  elif has_setpriv; then
    setpriv --reuid="$c_owner" --regid="$c_group" --init-groups -- "$@" 3<&- 4>&-
  else
    # shellcheck disable=SC2016 # the inner shell expands it
    su -s /bin/sh -c 'exec "$0" "$@"' "$c_owner" -- "$@" 3<&- 4>&-
  fi
}

# busybox has a setpriv, too, which knows none of these options.
has_setpriv() {
  if [ -z "${setpriv-}" ]; then
    setpriv=no
    setpriv --reuid="$c_owner" --regid="$c_group" --init-groups true 2>/dev/null && setpriv=yes
  fi
  [ "$setpriv" = yes ]
}

# decode: base64 to bytes; as with sha256sum, the small program is preferred where it is there.
decode() {
  if [ -z "${base64-}" ]; then
    base64=openssl
    command -v base64 >/dev/null && base64=base64
  fi
  if [ "$base64" = base64 ]; then base64 -d; else openssl base64 -d; fi
}

# digests FILE ...: a line for each, the SHA-256 in hex first. sha256sum starts faster than openssl, but is not everywhere.
digests() {
  if [ -z "${sha256-}" ]; then
    sha256=openssl
    command -v sha256sum >/dev/null && sha256=sha256sum
  fi
  if [ "$sha256" = sha256sum ]; then sha256sum -- "$@"; else openssl dgst -sha256 -r "$@"; fi
}

# sql QUERY: unaligned rows. By the host's psql as the owner; where there is none, by the controller over this connection.
sql() {
  if [ -n "$c_psql" ]; then
    PGHOST=$c_socket PGPORT=$c_port PGUSER=$c_owner PGDATABASE=postgres PGCONNECT_TIMEOUT=10 PGAPPNAME=pgmtls \
      PGOPTIONS='-c search_path=pg_catalog -c lc_messages=C -c statement_timeout=30s' PGSSLMODE=disable PGPASSFILE=/dev/null \
      as_owner "$c_psql" -XAtqw -v ON_ERROR_STOP=1 -c "$1"
  else
    ask "sql $c_port $c_owner $c_socket" "$1"
  fi
}
