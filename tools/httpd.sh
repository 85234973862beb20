# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The two httpds of ./run: the site, and the sandbox that plays Twilio. Each has a
# directory of its own in $DIR with its configuration, pid file and logs.

HTTPD_MODULES="mpm_event authn_core authz_core authn_file authz_user auth_basic reqtimeout dbd"

httpd_find() {
    local apxs
    apxs=$(command -v apxs || command -v apxs2) || die "apxs was not found: install httpd's development files."
    HTTPD=$("$apxs" -q SBINDIR)/$("$apxs" -q PROGNAME)
    HTTPD_LIBEXEC=$("$apxs" -q LIBEXECDIR)
    [ -x "$HTTPD" ] || die "there is no httpd at $HTTPD."
    HTTPD_STATIC=$("$HTTPD" -l)
}

# quoted TEXT: as one word of httpd's configuration language.
quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

httpd_load() {
    local name
    for name in $HTTPD_MODULES; do
        case $HTTPD_STATIC in
        *"mod_$name.c"* | *" ${name#mpm_}.c"*) ;;
        *) echo "LoadModule ${name}_module $(quoted "$HTTPD_LIBEXEC/mod_$name.so")" ;;
        esac
    done
}

# httpd_preamble DIR PORT CHILDREN THREADS
httpd_preamble() {
    cat <<END
# Written by ./run; changes are lost at the next start.
ServerRoot $(quoted "$1")
PidFile $(quoted "$1/httpd.pid")
DefaultRuntimeDir $(quoted "$1")
ErrorLog $(quoted "$1/error_log")
LogLevel info
ServerName 127.0.0.1
ServerTokens Prod
Listen 127.0.0.1:$2
$(httpd_load)
${WEB_ACCOUNT:+User $WEB_ACCOUNT
Group $(id -gn "$WEB_ACCOUNT")}
StartServers $3
ServerLimit $3
ThreadsPerChild $4
MaxRequestWorkers $(($3 * $4))
MinSpareThreads 1
MaxSpareThreads $(($3 * $4))
# Nothing is served from it, but httpd looks up every path in it, so its children must be able to enter.
DocumentRoot $(quoted "$ROOT")
<Directory />
    AllowOverride None
    Require all denied
</Directory>
LogFormat "%h %u %t \"%m %U\" %>s %B %D" plain
CustomLog $(quoted "$1/access_log") plain
END
}

# How its command line shows that ./run started it.
httpd_mark() { printf -- '-k start -f %s' "$DIR/$1/httpd.conf"; }

httpd_pid() { process_of "$DIR/$1/httpd.pid" "$(httpd_mark "$1")"; }

# httpd_orphans NAME...: children that outlived a parent which was killed; they hear no polite signal any more.
httpd_orphans() {
    local name
    for name in "$@"; do
        httpd_pid "$name" >/dev/null || process_all "$(httpd_mark "$name")"
    done
}

# httpd_start NAME PORT: start it with DIR/NAME/httpd.conf and wait until it serves.
httpd_start() {
    local dir=$DIR/$1 i
    rm -f "$dir/httpd.pid"
    "$HTTPD" -t -f "$dir/httpd.conf" >"$dir/start.log" 2>&1 </dev/null ||
        die_log "httpd refuses the configuration $dir/httpd.conf." "$dir/start.log"
    "$HTTPD" -k start -f "$dir/httpd.conf" >>"$dir/start.log" 2>&1 </dev/null || httpd_failed "$dir"
    for ((i = 0; i < 100; i++)); do
        if port_used "$2" && httpd_pid "$1" >/dev/null; then return; fi
        sleep 0.1
    done
    httpd_failed "$dir"
}

httpd_failed() {
    [ ! -s "$1/error_log" ] || tail -n 15 "$1/error_log" >>"$1/start.log"
    die_log "httpd did not start ($1)." "$1/start.log"
}

# httpd_stop NAME...: all at once, since each takes a moment to let its requests end.
httpd_stop() {
    local name pid pids=''
    for name in "$@"; do
        pid=$(httpd_pid "$name") && kill -TERM "$pid" && pids="$pids $pid"
    done
    for pid in $pids; do
        process_gone "$pid" 20 || warn "the httpd with process id $pid does not end."
    done
    for pid in $(httpd_orphans "$@"); do
        kill -KILL "$pid"
    done
}
