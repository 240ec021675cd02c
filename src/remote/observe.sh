# shellcheck shell=dash
# Looks at a host and changes nothing. The controller adds calls of these functions after it, and `finish`.
# shellcheck disable=SC2154 # the c_ variables are set in common.sh

begin() { say begin "$(date +%s) $(id -un) $(id -gn)"; }

# cluster INDEX SELECTOR QUERY: one frame with what the server says; its file settings become known for `file`.
cluster() {
  local found answer line name value
  find_cluster "$2"
  found=$?
  if [ "$found" -ne 0 ]; then
    say "cluster $1 $found" "$c_known"
    return
  fi
  if ! answer=$(sql "$3"); then
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
    eval "setting_$1_$name=\$value"
  done <<EOF
$answer
EOF
  eval "data_$1=\$c_data"
}

# file ID WANT root PATH | file ID WANT data CLUSTER PATH | file ID WANT setting CLUSTER NAME
file() {
  local id=$1 want=$2 path
  case $3 in
    root) path=$4 ;;
    data)
      eval "path=\${data_$4-}"
      [ -n "$path" ] && path=$path/$5
      ;;
    setting) eval "path=\${setting_$4_$5-}" ;;
  esac
  [ -n "$path" ] || return 0
  observe_path "$id" "$want" "$path"
}

# The frame's payload: the path asked, the real path, stat's answer, then the bytes where they were wanted.
observe_path() {
  local real=$3 meta digest
  if [ -L "$3" ]; then real=$(readlink -f -- "$3") || real=$3; fi
  if ! meta=$(stat -c '%f %s %z|%U|%G' -- "$real" 2>/dev/null); then
    say "file $1 absent" "$3"
    return
  fi
  if [ ! -f "$real" ] || [ "$2" = metadata ]; then
    say "file $1 metadata" "$3$NL$real$NL$meta"
  elif [ "$2" = digest ] || is_private_key "$real" "$meta"; then
    digest=$(openssl dgst -sha256 -r -- "$real" 2>/dev/null || openssl dgst -sha256 -r "$real" 2>/dev/null)
    say "file $1 digest" "$3$NL$real$NL$meta$NL${digest%% *}"
  elif [ -r "$real" ]; then
    header "file $1 content"
    printf '%s\n%s\n%s\n' "$3" "$real" "$meta" >&4
    cat -- "$real" >&4
    footer
  else
    say "file $1 unreadable" "$3$NL$real$NL$meta"
  fi
}

# is_private_key FILE META: a key never leaves its host, even where a task asks for the content. Keys are small, so only small files are read.
is_private_key() {
  local size=${2#* }
  size=${size%% *}
  [ "$size" -gt 0 ] && [ "$size" -lt 65536 ] && grep -q -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' -- "$1" 2>/dev/null
}

# public_key ID ...: as `file`; the public half of the private key there. The key itself goes to openssl alone.
public_key() {
  local id=$1 path='' public
  case $2 in
    root) path=$3 ;;
    data)
      eval "path=\${data_$3-}"
      [ -n "$path" ] && path=$path/$4
      ;;
    setting) eval "path=\${setting_$3_$4-}" ;;
  esac
  [ -n "$path" ] && [ -f "$path" ] || return 0
  if public=$(openssl pkey -in "$path" -passin pass: -pubout 2>/dev/null); then
    say "public-key $id yes" "$path$NL$public"
  else
    say "public-key $id no" "$path"
  fi
}

finish() {
  say finish ''
  exit 0
}
