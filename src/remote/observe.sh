# shellcheck shell=dash
# Looks at a host and changes nothing. The controller adds calls of these functions after it, and `finish`.
# shellcheck disable=SC2154 # the c_ variables are set in common.sh

files='' keys=''

# The clock and who we are come with the first stat where there is /proc: its entry of a process is as old and as owned as the process.
begin() { [ -d /proc/self/ ] || say begin "$(date +%s) $(id)"; }

# cluster INDEX SELECTOR QUERY: one frame with what the server says; its file settings become known for `file`.
cluster() {
  local found answer line name value
  find_cluster "$2"
  found=$?
  if [ "$found" -ne 0 ]; then
    say "cluster $1 $found" "$c_known"
    return
  fi
  if ! answer=$(sql "$3" 2>/dev/null); then
    # Asked again for the words: warnings that psql prints to the same place must not get into an answer.
    answer=$(sql "$3" 2>&1)
    say "cluster $1 4" "$c_name$NL$answer"
    return
  fi
  say "cluster $1 0" "$c_name$NL$c_owner$NL$c_group$NL$c_control$NL$c_data$NL$answer"
  # The answer begins with `name=value` lines for the settings that name files, up to an empty line.
  while IFS= read -r line; do
    [ -z "$line" ] && break
    name=${line%%=*} value=${line#*=}
    case $value in
      '' | /*) ;;
      *) value=$c_data/$value ;;
    esac
    # A value may hold a line break, and what follows it must never be run.
    case $name in
      config_file | hba_file | ident_file | ssl_cert_file | ssl_key_file | ssl_ca_file | ssl_crl_file)
        eval "setting_$1_$name=\$value"
        ;;
    esac
  done <<EOF
$answer
EOF
  eval "data_$1=\$c_data"
}

# file ID WANT root PATH | file ID WANT data CLUSTER PATH | file ID WANT setting CLUSTER NAME: remembers what `look` shall look at.
file() {
  local id=$1 want=$2 path=''
  shift 2
  resolve "$@"
  [ -n "$path" ] || return 0
  eval "path_$id=\$path want_$id=\$want"
  files="$files $id"
}

# public_key ID ...: as `file`; of the private key there, its public half is wanted.
public_key() {
  local id=$1 path=''
  shift
  resolve "$@"
  [ -n "$path" ] || return 0
  eval "key_$id=\$path"
  keys="$keys $id"
}

# resolve root PATH | data CLUSTER PATH | setting CLUSTER NAME: sets path, empty where the cluster is not known.
resolve() {
  case $1 in
    root) path=$2 ;;
    data)
      eval "path=\${data_$2-}"
      [ -n "$path" ] && path=$path/$3
      ;;
    setting) eval "path=\${setting_$2_$3-}" ;;
  esac
}

# is_trusted_link LINK: root follows only links that root made, or whose target is the maker's own: a link in a directory of postgres could
# lead us to any file of the host. Others are looked at as the link they are, which no task takes for a file.
is_trusted_link() {
  local maker
  who_am_i
  maker=$(stat -c %U -- "$1") || return 1
  [ "$maker" = root ] || [ "$maker" = "$my_user" ] || [ "$maker" = "$(stat -L -c %U -- "$1" 2>/dev/null)" ]
}

# look: all files with as few programs as can be: one stat, one grep, one cat, one digest.
look() {
  local id path real links="$NL" wanted='' contents digested='' secret
  set --
  for id in $files; do
    eval "path=\$path_$id"
    real=$path
    if [ -L "$path" ]; then
      if is_trusted_link "$path"; then real=$(readlink -f -- "$path") || real=$path; else eval "want_$id=metadata"; fi
    fi
    eval "real_$id=\$real"
    links="$links$id $path$NL$real$NL"
    set -- "$@" "$real"
  done
  say paths "$links"
  header stat
  [ -d /proc/self/ ] && set -- /proc/self/ "$@"
  [ $# -gt 0 ] && stat -c '%f %s %z|%U|%G|%n' -- "$@" 2>/dev/null >&4
  footer
  set --
  for id in $files; do
    eval "real=\$real_$id want=\$want_$id"
    { [ "$want" != metadata ] && [ -f "$real" ] && [ -r "$real" ]; } || continue
    if [ "$want" = content ]; then
      wanted="$wanted $id"
      set -- "$@" "$real"
    else
      digested="$digested $id"
    fi
  done
  # A key never leaves its host, even where a task asks for the content of its file.
  secret=''
  [ $# -gt 0 ] && secret=$NL$(grep -l -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' -- "$@" 2>/dev/null)$NL
  set --
  contents=''
  for id in $wanted; do
    eval "real=\$real_$id"
    case $secret in
      *"$NL$real$NL"*) digested="$digested $id" && continue ;;
    esac
    contents="$contents $id"
    set -- "$@" "$real"
  done
  # One after the other; stat has told how long each is.
  if [ $# -gt 0 ]; then
    header "contents$contents"
    cat -- "$@" >&4
    footer
  fi
  set --
  for id in $digested; do
    eval "real=\$real_$id"
    set -- "$@" "$real"
  done
  [ $# -gt 0 ] && say "digests$digested" "$(digests "$@")"
  look_at_keys
}

# The key itself goes to openssl alone.
look_at_keys() {
  local id path public
  for id in $keys; do
    eval "path=\$key_$id"
    [ -f "$path" ] || continue
    if public=$(openssl pkey -in "$path" -passin pass: -pubout 2>/dev/null); then
      say "public-key $id yes" "$path$NL$public"
    else
      say "public-key $id no" "$path"
    fi
  done
}

finish() {
  look
  say finish ''
  exit 0
}
