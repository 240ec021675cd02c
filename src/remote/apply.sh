# shellcheck shell=dash
# Changes a host, or leaves it as it was. The controller adds calls after it: `begin`, what shall be (`want_...`), `commit`, `reload`
# or `restart`, `prove`, `finish`. Whatever fails on the way, and a controller that is gone, leads to `give_up`: all is put back.
# shellcheck disable=SC2154 # the c_ variables are set in common.sh

staged='' committed='' activated='' locked='' watchdog=''

# begin RUN STATE_DIRECTORY WHO USER GROUP: the last two are who we are, as the look before has told.
begin() {
  run=$1 state=$2 my_user=$4 my_group=$5
  if [ -z "$state" ]; then
    state=/var/lib/pgmtls
    [ "$my_user" = root ] || state=${XDG_STATE_HOME:-$HOME/.local/state}/pgmtls
  fi
  [ -d "$state/runs" ] || mkdir -p -- "$state/runs" || fail_untouched "no directory $state for locks and backups could be made"
  take_lock "$3"
  trap 'give_up "told to end by a signal"' TERM INT
  images=$state/runs/$run
  # One machine may stand in the inventory under two names.
  while [ -e "$images" ]; do images=$images+; done
  mkdir -- "$images" || give_up "the directory $images could not be made"
  scratch=$images
}

# The lock is a directory, which two cannot both make. A holder whose process is gone holds nothing; another name of this same machine in
# this same run is waited for.
take_lock() {
  local pid='' start='' holder='' tries=0
  while ! mkdir -- "$state/lock" 2>/dev/null; do
    pid='' start='' holder=''
    if [ -r "$state/lock/holder" ]; then
      {
        IFS= read -r pid
        IFS= read -r start
        IFS= read -r holder
      } <"$state/lock/holder"
    fi
    if is_stale; then
      take_over "$holder"
    elif [ -z "$pid" ] || [ "$holder" = "$1" ]; then
      tries=$((tries + 1))
      [ "$tries" -gt 600 ] && fail_untouched "${holder:-another run that has just begun}" locked
      sleep 0.1 2>/dev/null || sleep 1
    else
      fail_untouched "$holder" locked
    fi
  done
  locked=yes
  start_of $$
  printf '%s\n%s\n%s\n' "$$" "$started" "$1" >"$state/lock/holder" || fail_untouched "the lock in $state could not be written (is the disk full?)"
}

# Without a holder it is being written this very moment, or its host died then; a minute tells which.
is_stale() {
  if [ -z "$pid" ]; then
    [ -n "$(find "$state/lock" -prune -mmin +1 2>/dev/null)" ]
  else
    start_of "$pid"
    ! { kill -0 "$pid" 2>/dev/null && [ "$started" = "$start" ]; }
  fi
}

# take_over HOLDER: of all that find a lock stale at the same time only one may take it away, and only if it still is that one.
take_over() {
  local was=$pid$start
  if ! mkdir -- "$state/lock.taking" 2>/dev/null; then
    [ -n "$(find "$state/lock.taking" -prune -mmin +1 2>/dev/null)" ] && rmdir -- "$state/lock.taking"
    sleep 0.1 2>/dev/null || sleep 1
    return
  fi
  pid='' start=''
  [ -r "$state/lock/holder" ] && {
    IFS= read -r pid
    IFS= read -r start
  } <"$state/lock/holder"
  if [ "$pid$start" = "$was" ] && is_stale; then
    say note "a lock was taken over from a run that is gone: ${1:-unknown}"
    rm -rf -- "$state/lock"
  fi
  rmdir -- "$state/lock.taking"
}

# start_of PID: sets started to when the process started, in ticks since boot (proc(5), field 22): a number used again is not the same process.
start_of() {
  local line=''
  [ -r "/proc/$1/stat" ] && IFS= read -r line <"/proc/$1/stat"
  line=${line##*) }
  # shellcheck disable=SC2086 # split into the fields
  set -- $line
  started=${20-}
}

fail_untouched() {
  clean_up
  say "failed ${2:-untouched}" "$1"
  exit 1
}

# new_temporary TARGET: sets temporary to a name beside it. Nobody can guess it, since M is in it.
new_temporary() {
  temporaries=$((${temporaries-0} + 1))
  temporary=${1%/*}/.pgmtls.$M.$temporaries
}

# write_temporary MODE OWNER GROUP PROGRAM ...: what the program prints goes to $temporary, 0600 from its first moment; a file that is there
# already is not opened (noclobber is O_EXCL). Owner and mode are set through the open file: by its name, the owner of the directory could
# have us change another.
# shellcheck disable=SC2094 # the name serves for messages and for systems without /proc
write_temporary() {
  local mode=$1 owner=$2 group=$3 status=0
  shift 3
  set -C
  { "$@" >&5 && attributes_of_5 "$temporary" "$mode" "$owner" "$group"; } 5>"$temporary" || status=1
  set +C
  return "$status"
}

# attributes_of_5 NAME MODE OWNER GROUP: of the file that is open as 5. Owner before mode: chown takes set-id bits away, and a wider mode
# must never meet the wrong owner.
attributes_of_5() {
  local name=$1
  [ -e /proc/self/fd/5 ] && name=/proc/self/fd/5
  if ! { [ "$3:$4" = "$my_user:$my_group" ] && [ -O "$name" ] && [ -G "$name" ]; }; then
    [ "$(stat -L -c %U:%G -- "$name")" = "$3:$4" ] || chown -- "$3:$4" "$name" || return 1
  fi
  # A temporary file of ours is 0600 already.
  case $2$1 in
    0600*/.pgmtls."$M".*) ;;
    *) chmod -- "$2" "$name" ;;
  esac
}

# at LABEL: tells the controller what is being worked on, for its screen.
at() { say at "$1"; }

# stage ID TARGET EXPECT MODE OWNER GROUP BACKUP: remembers what `commit ID` has to do; the temporary file is in $temporary.
stage() {
  eval "target_$1=\$2 expect_$1=\$3 mode_$1=\$4 owner_$1=\$5 group_$1=\$6 backup_$1=\$7 temporary_$1=\$temporary"
  staged="$staged $1"
}

# want_file ID TARGET EXPECT MODE OWNER GROUP BACKUP FUNCTION: the new content is what FUNCTION prints.
want_file() {
  [ -d "$2" ] && give_up "$2 is a directory, expected a file"
  new_temporary "$2"
  stage "$1" "$2" "$3" "$4" "$5" "$6" "$7"
  write_temporary "$4" "$5" "$6" "$8" || give_up "$2 could not be prepared as $5:$6 $4 (is the directory there, the disk full, the owner known?)"
}

# want_metadata ID TARGET MODE OWNER GROUP: only owner or mode change; the content stays, so nothing is written anew.
want_metadata() {
  temporary=metadata
  [ -e "$2" ] || give_up "$2 is not there any more"
  stage "$1" "$2" any "$3" "$4" "$5" no
}

want_absent() {
  temporary=absent
  stage "$1" "$2" "$3" - - - no
}

# want_pair ID KEY KEY_MODE OWNER GROUP CERT CERT_MODE CERT_OWNER CERT_GROUP CERT_EXPECT ALGORITHM OPTION CONFIG_FUNCTION: key and request are
# made here, the controller gets the request and answers with the chain. IDs are ${ID}k and ${ID}c.
want_pair() {
  local config=$scratch/request.cnf
  [ -d "$2" ] && give_up "$2 is a directory, expected a key file"
  [ -d "$6" ] && give_up "$6 is a directory, expected a certificate file"
  new_temporary "$2"
  stage "${1}k" "$2" any "$3" "$4" "$5" no
  write_temporary "$3" "$4" "$5" make_key "${11}" "${12}" || give_up "no key (${11} ${12}) could be made beside $2 as $4:$5 $3"
  "${13}" >"$config" || give_up "the request could not be written"
  openssl req -new -key "$temporary" -config "$config" -out "$scratch/request.csr" 2>"$scratch/openssl.err" ||
    give_up "openssl made no request: $(cat "$scratch/openssl.err")"
  new_temporary "$6"
  stage "${1}c" "$6" "${10}" "$7" "$8" "$9" no
  write_temporary "$7" "$8" "$9" ask "sign $1" "$(cat "$scratch/request.csr")" || give_up "no certificate was given"
  rm -f -- "$config" "$scratch/request.csr" "$scratch/openssl.err"
}

make_key() {
  if [ "$2" = - ]; then openssl genpkey -algorithm "$1" 2>/dev/null; else openssl genpkey -algorithm "$1" -pkeyopt "$2" 2>/dev/null; fi
}

# set_owner_and_mode TARGET MODE OWNER GROUP: of a file that is there. It must still be itself: a link that somebody put in its place leads
# elsewhere, which the name of the open file tells.
# shellcheck disable=SC2094 # opened, not read
set_owner_and_mode() {
  local folder
  {
    if [ -e /proc/self/fd/5 ]; then
      folder=$(readlink -f -- "${1%/*}/")
      [ "$(readlink /proc/self/fd/5)" = "${folder%/}/${1##*/}" ] || return 1
    fi
    attributes_of_5 "$1" "$2" "$3" "$4"
  } 5<"$1"
}

digest_of() {
  local line
  [ -e "$1" ] || { printf absent && return; }
  line=$(digests "$1" 2>/dev/null) || return 1
  # sha256sum begins a line with a backslash where the name holds one.
  line=${line#\\}
  printf '%s' "${line%% *}"
}

# commit ID ...: all of them are still as they were observed, or none is touched; then images, sync, and the renames at once.
commit() {
  local id target expect found='' synced=''
  for id in "$@"; do
    eval "target=\$target_$id expect=\$expect_$id temporary=\$temporary_$id"
    case $expect in
      any) ;;
      absent) [ ! -e "$target" ] || give_up "$target was made by somebody else since it was looked at" conflict ;;
      *)
        found=$(digest_of "$target")
        [ "$found" = "$expect" ] || give_up "$target was changed by somebody else since it was looked at" conflict
        ;;
    esac
    case $temporary in
      /*) synced="$synced $id" ;;
    esac
  done
  for id in "$@"; do
    save_image "$id" || give_up "no image of the file before could be kept in $images (is the disk full?)"
  done
  # shellcheck disable=SC2086 # ids are single words
  sync_files temporary $synced || give_up "the new files could not be brought to the disk"
  for id in "$@"; do
    eval "target=\$target_$id"
    # Remembered first: a rename of which we do not hear is put back as well.
    committed="$id $committed"
    put_in_place "$id" || give_up "$target could not be replaced"
  done
  sync_files directory "$@"
}

# save_image ID: what is there now, with owner, mode and times, for `give_up` and for undo.
save_image() {
  local target backup
  eval "target=\$target_$1 backup=\$backup_$1 temporary=\$temporary_$1"
  if [ -e "$target" ]; then
    if [ "$temporary" = metadata ]; then
      stat -c "%a$NL%U$NL%G" -- "$target" >"$images/$1.attributes" || return 1
    else
      cp -p -- "$target" "$images/$1.before" || return 1
      [ "$backup" = yes ] && { cp -p -- "$target" "$target.${images##*/}~" || return 1; }
    fi
  fi
  printf '%s\t%s\n' "$1" "$target" >>"$images/journal"
}

put_in_place() {
  local target mode owner group
  eval "target=\$target_$1 temporary=\$temporary_$1 mode=\$mode_$1 owner=\$owner_$1 group=\$group_$1"
  case $temporary in
    metadata) set_owner_and_mode "$target" "$mode" "$owner" "$group" ;;
    absent) rm -f -- "$target" ;;
    *) [ ! -d "$target" ] && mv -f -- "$temporary" "$target" ;;
  esac
}

# sync_files temporary|directory ID ...: one call for all, with the images; a `sync` that takes no names syncs everything.
sync_files() {
  local what=$1 id path seen=' '
  shift
  for id in "$@"; do
    shift
    if [ "$what" = temporary ]; then eval "path=\$temporary_$id"; else
      eval "path=\$target_$id"
      path=${path%/*}/
    fi
    case $seen in *" $path "*) continue ;; esac
    seen="$seen$path "
    set -- "$@" "$path"
  done
  if [ "$what" = temporary ]; then
    for path in "$images"/*; do [ -f "$path" ] && set -- "$@" "$path"; done
    set -- "$@" "$images/"
  fi
  [ $# -eq 0 ] && return 0
  sync -- "$@" 2>/dev/null || sync
}
sync_path() { sync -- "$1" 2>/dev/null || sync; }

# use_cluster SELECTOR: the cluster that the next calls are about.
use_cluster() {
  local wrong
  find_cluster "$1" || give_up "the cluster $1 is not there any more"
  wrong=$(complaints) || give_up "the server could not be asked what it thinks of its files"
  complaints_before=$(count_lines "$wrong")
}

# What the server finds wrong in the files as they are now. A row without a type is an error too, and "cannot match" is none. A setting that
# "could not be applied" has a bad value, which the next start would not survive, or it only needs a restart.
complaints() {
  sql "SELECT sourcefile || ':' || sourceline || ': ' || coalesce(name || ': ', '') || error FROM pg_file_settings f WHERE error IS NOT NULL AND NOT (error = 'setting could not be applied' AND EXISTS (SELECT FROM pg_settings s WHERE lower(s.name) = lower(f.name) AND s.context = 'postmaster')) UNION ALL SELECT coalesce(to_jsonb(r)->>'file_name', current_setting('hba_file')) || ':' || line_number || ': ' || coalesce(error, 'the server refuses this line and does not say why') FROM pg_hba_file_rules r WHERE (error IS NOT NULL OR type IS NULL) AND coalesce(error, '') NOT LIKE '%cannot match because%'"
}

count_lines() {
  local line count=0
  while IFS= read -r line; do [ -n "$line" ] && count=$((count + 1)); done <<EOF
$1
EOF
  echo "$count"
}

# judge: what was wrong before we came is not ours to refuse; more than that is.
judge() {
  local wrong
  wrong=$(complaints) || give_up "the server could not be asked what it thinks of the new files"
  [ "$(count_lines "$wrong")" -le "$complaints_before" ] || give_up "$wrong" refused
}

load_time() { sql "SELECT extract(epoch FROM pg_conf_load_time())"; }

# reload: returns when the server has read its files again; the signal alone says nothing (pg_reload_conf() is always true).
reload() {
  arm_watchdog
  activated="$activated reload"
  reload_and_wait || give_up "the reload was not taken: $(tail -n 3 "$scratch/control.log" 2>/dev/null)"
}

reload_and_wait() {
  local before after='' tries=0
  before=$(load_time) || return 1
  signal_server reload || kill -HUP "$c_pid" || return 1
  while after=$(load_time) || after=''; [ -z "$after" ] || [ "$after" = "$before" ]; do
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

restart() {
  arm_watchdog
  activated="$activated restart"
  signal_server restart || give_up "restart failed: $(tail -n 5 "$scratch/control.log" 2>/dev/null)"
  wait_for_server || give_up "the server does not answer after the restart"
}

wait_for_server() {
  local tries=0 data=$c_data
  while ! { find_cluster "$data" && sql 'SELECT 1' >/dev/null 2>&1; }; do
    c_data=$data
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# arm_watchdog: rules that nobody proves must not stay because a cable was cut and nobody told us: we are ended, and so put back.
arm_watchdog() {
  [ -n "$watchdog" ] && return
  (
    trap 'kill "$sleeping" 2>/dev/null; exit' TERM
    sleep 180 &
    sleeping=$!
    wait "$sleeping"
    kill -TERM $$
  ) >/dev/null 2>&1 3<&- 4>&- &
  watchdog=$!
}

disarm_watchdog() {
  [ -n "$watchdog" ] && kill "$watchdog" 2>/dev/null
  watchdog=''
}

# signal_server reload|restart, in the way of this cluster. Descriptors 3 and 4 are closed: a server that inherits them would hold the connection.
signal_server() {
  local log
  case $c_control in
    pg_ctlcluster\ *) pg_ctlcluster "${c_name%/*}" "${c_name#*/}" "$1" ;;
    systemd\ *) systemctl "$1" "${c_control#systemd }" ;;
    *)
      if [ "$1" = reload ]; then
        as_owner "${c_control#pg_ctl }" reload -s -D "$c_data"
      else
        # Its log goes on where it was.
        log=$(readlink -- "/proc/$c_pid/fd/2" 2>/dev/null)
        [ -f "$log" ] || log=$c_data/pgmtls-restart.log
        as_owner "${c_control#pg_ctl }" restart -s -w -m fast -D "$c_data" -l "$log" ||
          { tail -n 5 -- "$log" && false; } # why, which pg_ctl does not know
      fi
      ;;
  esac >"$scratch/control.log" 2>&1 3<&- 4>&-
}

# prove WHAT STEP: the controller looks at the server as a client would, through this connection, and says whether all is as it should be.
prove() {
  local answer pids
  pids=$(sql "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()") ||
    give_up "the server does not answer any more"
  answer=$(ask "prove $1 $2 $c_port" "$pids") || give_up "${answer:-the controller is gone}" unproved
}

# give_up WHY [KIND]: everything that was done is undone, in reverse, activated where it had been, and the server asked whether it took that.
give_up() {
  local id target failed='' was_activated=$activated was_committed=$committed
  trap '' TERM INT
  disarm_watchdog
  for id in $committed; do
    put_back "$id" || { eval "target=\$target_$id" && failed="$failed $target"; }
  done
  committed=''
  case $was_activated in
    *restart*) { signal_server restart && wait_for_server; } || failed="$failed (the restart failed)" ;;
    *reload*) reload_and_wait || failed="$failed (the server did not read them again)" ;;
  esac
  [ -n "$failed" ] || remove_backups
  clean_up
  if [ -n "$failed" ]; then
    say "failed broken" "$1${NL}not put back:$failed; the images are in $images"
  elif [ -n "$was_activated" ]; then
    say "failed rolled-back ${2:-error}" "$1"
  elif [ -n "$was_committed" ]; then
    say "failed restored ${2:-error}" "$1"
  else
    say "failed unchanged ${2:-error}" "$1"
  fi
  exit 1
}

put_back() {
  local target attributes before=$images/$1.before
  eval "target=\$target_$1"
  if [ -f "$images/$1.attributes" ]; then
    IFS= read -r attributes <"$images/$1.attributes"
    set_owner_and_mode "$target" "${attributes%% *}" "$(nth 2 <"$images/$1.attributes")" "$(nth 3 <"$images/$1.attributes")"
  elif [ -f "$before" ]; then
    new_temporary "$target"
    write_temporary "$(stat -c %a -- "$before")" "$(stat -c %U -- "$before")" "$(stat -c %G -- "$before")" cat -- "$before" &&
      sync_path "$temporary" && mv -f -- "$temporary" "$target"
  else
    rm -f -- "$target"
  fi
}

# A backup of what is back in its place helps nobody, and would show that we had been there.
remove_backups() {
  local id target backup
  for id in $staged; do
    eval "target=\$target_$id backup=\$backup_$id"
    [ "$backup" = yes ] && rm -f -- "$target.${images##*/}~"
  done
}

# Temporary files that were not renamed, our lock, and what a run that changed nothing would leave.
clean_up() {
  local id
  for id in $staged; do
    eval "temporary=\$temporary_$id"
    case $temporary in /*/.pgmtls.*) [ -e "$temporary" ] && rm -f -- "$temporary" ;; esac
  done
  if [ -n "${images-}" ]; then
    for id in control.log request.cnf request.csr openssl.err; do
      [ -e "$images/$id" ] && rm -f -- "$images/$id"
    done
    [ -f "$images/journal" ] || rmdir -- "$images" 2>/dev/null
  fi
  [ -n "$locked" ] && rm -rf -- "$state/lock"
}

finish() {
  disarm_watchdog
  trap '' TERM INT
  committed=''
  clean_up
  say finish "$images"
  exit 0
}
