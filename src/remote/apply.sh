# shellcheck shell=dash
# Changes a host, or leaves it as it was. The controller adds calls after it: `begin`, what shall be (`want_...`), `commit`, `reload`
# or `restart`, `prove`, `finish`. Whatever fails on the way, and a controller that is gone, leads to `give_up`: all is put back.
# shellcheck disable=SC2154 # the c_ variables are set in common.sh

staged='' committed='' activated='' locked=''

# begin RUN STATE_DIRECTORY WHO
begin() {
  run=$1 state=$2
  who_am_i
  if [ -z "$state" ]; then
    state=/var/lib/pgmtls
    [ "$my_user" = root ] || state=${XDG_STATE_HOME:-$HOME/.local/state}/pgmtls
  fi
  [ -d "$state/runs" ] || mkdir -p -- "$state/runs" || fail_untouched "no directory $state for locks and backups could be made"
  take_lock "$3"
  images=$state/runs/$run
  mkdir -- "$images" || give_up "the directory $images could not be made"
  scratch=$images
}

# The lock is a directory, which two cannot both make. A holder whose process is gone holds nothing.
take_lock() {
  local pid='' start='' holder=''
  if ! mkdir -- "$state/lock" 2>/dev/null; then
    if [ -r "$state/lock/holder" ]; then
      {
        IFS= read -r pid
        IFS= read -r start
        IFS= read -r holder
      } <"$state/lock/holder"
    fi
    # Without a holder it is being written this very moment, or its host died then; a minute tells which.
    if [ -z "$pid" ] && [ -z "$(find "$state/lock" -prune -mmin +1 2>/dev/null)" ]; then
      fail_untouched "another run has just begun on this host" locked
    fi
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$(start_of "$pid")" = "$start" ]; then
      fail_untouched "$holder" locked
    fi
    say note "a lock was taken over from a run that is gone: ${holder:-unknown}"
    rm -rf -- "$state/lock"
    mkdir -- "$state/lock" || fail_untouched "another run has just begun on this host" locked
  fi
  locked=yes
  printf '%s\n%s\n%s\n' "$$" "$(start_of $$)" "$1" >"$state/lock/holder"
}

# start_of PID: when the process started, in ticks since boot (proc(5), field 22): a number used again is not the same process.
start_of() {
  local line=''
  [ -r "/proc/$1/stat" ] && IFS= read -r line <"/proc/$1/stat"
  line=${line##*) }
  # shellcheck disable=SC2086 # split into the fields
  set -- $line
  printf '%s' "${20-}"
}

fail_untouched() {
  clean_up
  say "failed ${2:-untouched}" "$1"
  exit 1
}

# make_temporary TARGET: sets temporary to the name of a new empty file beside it, 0600 from its first moment. Nobody can guess the name,
# since M is in it, and a file that is there already is not opened (noclobber is O_EXCL).
make_temporary() {
  temporaries=$((${temporaries-0} + 1))
  temporary=${1%/*}/.pgmtls.$M.$temporaries
  (set -C && : >"$temporary") 2>/dev/null
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
  make_temporary "$2" || give_up "no temporary file could be made beside $2"
  stage "$1" "$2" "$3" "$4" "$5" "$6" "$7"
  "$8" >"$temporary" || give_up "$2 could not be written (is the disk full?)"
  set_owner_and_mode "$temporary" "$4" "$5" "$6" || give_up "owner or mode of $2 could not be set to $5:$6 $4"
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
  local key certificate config
  [ -d "$2" ] && give_up "$2 is a directory, expected a key file"
  [ -d "$6" ] && give_up "$6 is a directory, expected a certificate file"
  make_temporary "$2" || give_up "no temporary file could be made beside $2"
  key=$temporary
  stage "${1}k" "$2" any "$3" "$4" "$5" no
  if [ "${12}" = - ]; then
    openssl genpkey -algorithm "${11}" -out "$key" 2>/dev/null || give_up "openssl could not make a key (${11})"
  else
    openssl genpkey -algorithm "${11}" -pkeyopt "${12}" -out "$key" 2>/dev/null || give_up "openssl could not make a key (${11} ${12})"
  fi
  make_temporary "$6" || give_up "no temporary file could be made beside $6"
  certificate=$temporary
  stage "${1}c" "$6" "${10}" "$7" "$8" "$9" no
  config=$scratch/request.cnf
  "${13}" >"$config" || give_up "the request could not be written"
  openssl req -new -key "$key" -config "$config" -out "$scratch/request.csr" 2>"$scratch/openssl.err" ||
    give_up "openssl made no request: $(cat "$scratch/openssl.err")"
  ask "sign $1" "$(cat "$scratch/request.csr")" >"$certificate" || give_up "no certificate was given"
  rm -f -- "$config" "$scratch/request.csr" "$scratch/openssl.err"
  set_owner_and_mode "$key" "$3" "$4" "$5" || give_up "owner or mode of $2 could not be set to $4:$5 $3"
  set_owner_and_mode "$certificate" "$7" "$8" "$9" || give_up "owner or mode of $6 could not be set to $8:$9 $7"
}

# Owner before mode: chown takes set-id bits away, and a wider mode must never meet the wrong owner.
set_owner_and_mode() {
  if ! { [ "$3:$4" = "$my_user:$my_group" ] && [ -O "$1" ] && [ -G "$1" ]; }; then
    [ "$(stat -c %U:%G -- "$1")" = "$3:$4" ] || chown -- "$3:$4" "$1" || return 1
  fi
  # A temporary file of ours is 0600 already.
  case $2$1 in
    0600*/.pgmtls."$M".*) ;;
    *) chmod -- "$2" "$1" ;;
  esac
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
  eval "target=\$target_$1 backup=\$backup_$1"
  if [ -e "$target" ]; then
    if [ -d "$target" ]; then
      stat -c '%a %U:%G' -- "$target" >"$images/$1.directory" || return 1
    else
      cp -p -- "$target" "$images/$1.before" || return 1
      [ "$backup" = yes ] && { cp -p -- "$target" "$target.$run~" || return 1; }
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
  find_cluster "$1" || give_up "the cluster $1 is not there any more"
}

# judge: what the server finds wrong in the files as they are now. A row without a type is an error too, and "cannot match" is none. A
# setting that "could not be applied" has a bad value, which the next start would not survive, or it only needs a restart.
judge() {
  local wrong
  wrong=$(sql "SELECT sourcefile || ':' || sourceline || ': ' || coalesce(name || ': ', '') || error FROM pg_file_settings f WHERE error IS NOT NULL AND NOT (error = 'setting could not be applied' AND EXISTS (SELECT FROM pg_settings s WHERE lower(s.name) = lower(f.name) AND s.context = 'postmaster')) UNION ALL SELECT coalesce(to_jsonb(r)->>'file_name', current_setting('hba_file')) || ':' || line_number || ': ' || coalesce(error, 'the server refuses this line and does not say why') FROM pg_hba_file_rules r WHERE (error IS NOT NULL OR type IS NULL) AND coalesce(error, '') NOT LIKE '%cannot match because%'") ||
    give_up "the server could not be asked what it thinks of the new files"
  [ -z "$wrong" ] || give_up "$wrong" refused
}

load_time() { sql "SELECT extract(epoch FROM pg_conf_load_time())"; }

# reload: returns when the server has read its files again; the signal alone says nothing (pg_reload_conf() is always true).
reload() {
  local before after='' tries=0
  before=$(load_time) || give_up "the server could not be asked when it last read its files"
  activated="$activated reload"
  signal_server reload || give_up "reload failed: $(tail -n 3 "$scratch/control.log" 2>/dev/null)"
  while after=$(load_time) || after=''; [ -z "$after" ] || [ "$after" = "$before" ]; do
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && give_up "the server has not read its files again within 10 s"
    sleep 0.1 2>/dev/null || sleep 1
  done
}

restart() {
  activated="$activated restart"
  signal_server restart || give_up "restart failed: $(tail -n 5 "$scratch/control.log" 2>/dev/null)"
  wait_for_server || give_up "the server does not answer after the restart"
}

wait_for_server() {
  local tries=0 data=$c_data
  while ! { find_cluster "$data" && sql 'SELECT 1' >/dev/null 2>&1; }; do
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# signal_server reload|restart, in the way of this cluster. Descriptors 3 and 4 are closed: a server that inherits them would hold the connection.
signal_server() {
  case $c_control in
    pg_ctlcluster\ *) pg_ctlcluster "${c_name%/*}" "${c_name#*/}" "$1" ;;
    systemd\ *) systemctl "$1" "${c_control#systemd }" ;;
    *)
      if [ "$1" = reload ]; then
        as_owner "${c_control#pg_ctl }" reload -s -D "$c_data"
      else
        as_owner "${c_control#pg_ctl }" restart -s -w -m fast -D "$c_data" -l "$c_data/pgmtls-restart.log" ||
          { tail -n 5 -- "$c_data/pgmtls-restart.log" && false; } # why, which pg_ctl does not know
      fi
      ;;
  esac >"$scratch/control.log" 2>&1 3<&- 4>&-
}

# prove WHAT: the controller looks at the server as a client would, through this connection, and says whether all is as it should be.
prove() {
  local answer pids
  pids=$(sql "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()") ||
    give_up "the server does not answer any more"
  answer=$(ask "prove $1 $c_port" "$pids") || give_up "$answer" unproved
}

# give_up WHY [KIND]: everything that was done is undone, in reverse, activated where it had been, and that is proved.
give_up() {
  local id target failed='' was_activated=$activated
  trap '' TERM INT
  for id in $committed; do
    put_back "$id" || { eval "target=\$target_$id" && failed="$failed $target"; }
  done
  committed=''
  case $was_activated in
    *restart*) signal_server restart && wait_for_server || failed="$failed (restart)" ;;
    *reload*) signal_server reload || failed="$failed (reload)" ;;
  esac
  [ -n "$failed" ] || remove_backups
  clean_up
  if [ -n "$failed" ]; then
    say "failed broken" "$1${NL}not put back:$failed; the images are in $images"
  elif [ -n "$was_activated" ]; then
    say "failed rolled-back ${2:-error}" "$1"
  else
    say "failed restored ${2:-error}" "$1"
  fi
  exit 1
}

put_back() {
  local target before=$images/$1.before attributes
  eval "target=\$target_$1"
  if [ -f "$images/$1.directory" ]; then
    IFS= read -r attributes <"$images/$1.directory"
    chown -- "${attributes#* }" "$target" && chmod -- "${attributes%% *}" "$target"
  elif [ -f "$before" ]; then
    make_temporary "$target" && cp -p -- "$before" "$temporary" && sync_path "$temporary" && mv -f -- "$temporary" "$target"
  else
    rm -f -- "$target"
  fi
}

# A backup of what is back in its place helps nobody, and would show that we had been there.
remove_backups() {
  local id target backup
  for id in $staged; do
    eval "target=\$target_$id backup=\$backup_$id"
    [ "$backup" = yes ] && rm -f -- "$target.$run~"
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
  committed=''
  clean_up
  say finish "$images"
  exit 0
}
