# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The site: its secrets, its configuration, and what ./run tells about it.

ADMIN='admin'

site_pid() { httpd_pid site; }

# private FILE: standard input into FILE, readable by its owner only.
private() { (umask 077 && rm -f "$1" && cat >"$1"); }

# kept FILE COMMAND...: the content of FILE, made by COMMAND the first time.
kept() {
    local file=$1
    shift
    [ -s "$file" ] || "$@" | private "$file"
    cat "$file"
}

site_migrate() {
    DATABASE_URL=$DATABASE_URL logged "$DIR/log/migrate.log" "$ROOT/bin/twchatctl" migrate ||
        die_log "the database schema could not be brought up to date." "$DIR/log/migrate.log"
}

site_apikey() {
    DATABASE_URL=$DATABASE_URL "$ROOT/bin/twchatctl" apikey create "run" --role super_admin 2>>"$DIR/log/migrate.log"
}

# The first account of a database; one that is there already keeps its password.
site_admin() {
    DATABASE_URL=$DATABASE_URL "$ROOT/bin/twchatctl" user add "$ADMIN" --role super_admin <<<"$ADMIN_PASSWORD" \
        >>"$DIR/log/migrate.log" 2>&1 && echo made && return
    DATABASE_URL=$DATABASE_URL "$ROOT/bin/twchatctl" user list | grep -qw "$ADMIN" && echo there
}

# Passwords and keys outlive a restart; a key belongs to the database that knows it.
site_credentials() {
    local home=$DIR/credentials
    (umask 077 && mkdir -p "$home")
    ADMIN_PASSWORD=$(kept "$home/admin" random_word 16)
    kept "$home/tokens" random_word 48 >/dev/null
    API_KEY=$(kept "$home/apikey.$DATABASE_KEY" site_apikey)
    [ -n "$API_KEY" ] || die_log "no API key could be made." "$DIR/log/migrate.log"
    [ -n "$(kept "$home/account.$DATABASE_KEY" site_admin)" ] || die_log "no account could be made." "$DIR/log/migrate.log"
}

site_config() {
    httpd_preamble "$DIR/site" "$PORT" 2 32
    cat <<END
LoadModule twchat_module $(quoted "$ROOT/modules/mod_twchat.so")
DBDriver pgsql
DBDParams $(quoted "$DATABASE_PARAMS")
DBDMin 1
DBDKeep 4
DBDMax 8
TwchatAccountSid $TWILIO_ACCOUNT_SID
TwchatAuthToken $(quoted "file:$DIR/site/auth_token")
${TWILIO_API_BASE:+TwchatApiBase $TWILIO_API_BASE}
${TWILIO_DEFAULT_FROM:+TwchatDefaultSender $(quoted "$TWILIO_DEFAULT_FROM")}
${TWILIO_WHATSAPP_FROM:+TwchatWhatsappSender $(quoted "$TWILIO_WHATSAPP_FROM")}
${TWILIO_MESSAGING_SERVICE_SID:+TwchatMessagingService $TWILIO_MESSAGING_SERVICE_SID}
TwchatPublicUrl $(quoted "${PUBLIC_BASE_URL:-$SITE_URL}")
TwchatTokenSecret $(quoted "file:$DIR/credentials/tokens")
TwchatChatMode echo
TwchatSpool $(quoted "$PLACE/spool")
TwchatHtdocs $(quoted "$ROOT/share/mod_twchat/htdocs")
<Location "/">
    SetHandler twchat
    TwchatInterface flask-chat whatsapp-inbox appointment-bot ai-messaging sms-store native
    Require all granted
</Location>
END
}

site_start() {
    SITE_URL=http://127.0.0.1:$PORT
    mkdir -p "$DIR/site"
    private "$DIR/site/auth_token" <<<"$TWILIO_AUTH_TOKEN"
    site_config | private "$DIR/site/httpd.conf"
    httpd_start site "$PORT"
    site_answers
}

# A page that is served says more than an open port.
site_answers() {
    local answer
    answer=$(exec 3<>"/dev/tcp/127.0.0.1/$PORT" && printf 'GET /api/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3 &&
        head -n 1 <&3) 2>/dev/null
    case $answer in
    *" 200 "*) ;;
    *) die_log "the site does not answer as it should (${answer:-no answer})." "$DIR/site/error_log" ;;
    esac
}

# env_line NAME VALUE: for sh and for simpler readers alike, quoted only where sh needs it.
env_line() {
    case $2 in
    *[!A-Za-z0-9_.:/@+=-]*) printf "%s='%s'\n" "$1" "${2//\'/\'\\\'\'}" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
    esac
}

site_env() {
    {
        env_line TWCHAT_URL "$SITE_URL"
        env_line TWCHAT_ADMIN_USERNAME "$ADMIN"
        env_line TWCHAT_ADMIN_PASSWORD "$ADMIN_PASSWORD"
        env_line TWCHAT_API_KEY "$API_KEY"
        env_line TWILIO_ACCOUNT_SID "$TWILIO_ACCOUNT_SID"
        env_line TWILIO_AUTH_TOKEN "$TWILIO_AUTH_TOKEN"
        env_line TWILIO_DEFAULT_FROM "${TWILIO_DEFAULT_FROM:-}"
        env_line TWILIO_WHATSAPP_FROM "${TWILIO_WHATSAPP_FROM:-}"
        env_line TWILIO_MESSAGING_SERVICE_SID "${TWILIO_MESSAGING_SERVICE_SID:-}"
        env_line TWILIO_API_BASE "${TWILIO_API_BASE:-https://api.twilio.com}"
        env_line PUBLIC_BASE_URL "${PUBLIC_BASE_URL:-$SITE_URL}"
        env_line DATABASE_URL "$DATABASE_URL"
        env_line TWCHAT_SPOOL "$PLACE/spool"
        env_line HTTPD_PID "$(site_pid)"
    } | private "$DIR/demo.env"
}

site_tell() {
    local url
    url=$(env_value TWCHAT_URL)
    cat <<END

  The site      $url/
  sign in as    $(env_value TWCHAT_ADMIN_USERNAME)
  password      $(env_value TWCHAT_ADMIN_PASSWORD)
END
    if sandbox_pid >/dev/null; then
        cat <<END
  The sandbox   $(env_value TWILIO_API_BASE)/   handsets to text the system from, no account needed
END
    elif [ "$(env_value PUBLIC_BASE_URL)" = "$url" ]; then
        cat <<END
  Twilio        account $(env_value TWILIO_ACCOUNT_SID); it can send, but to receive it must be reached from
                outside: start it with PUBLIC_BASE_URL=https://... once that leads to port ${url##*:}
END
    else
        cat <<END
  Twilio        account $(env_value TWILIO_ACCOUNT_SID); its webhooks belong to $(env_value PUBLIC_BASE_URL)/twilio/inbound
END
    fi
    cat <<END
  All settings  $DIR/demo.env
  Logs          $DIR/site/error_log

END
}
