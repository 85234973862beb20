# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The sandbox: an httpd with mod_twchat_sandbox in Twilio's place, unless real credentials are there.

sandbox_pid() { httpd_pid sandbox; }

sandbox_wanted() { [ -z "${TWILIO_ACCOUNT_SID:-}" ] || [ -z "${TWILIO_AUTH_TOKEN:-}" ]; }

# An account and its token, made once.
sandbox_account() {
    local home=$DIR/credentials
    TWILIO_ACCOUNT_SID=AC$(kept "$home/sandbox_account" random_hex 32)
    TWILIO_AUTH_TOKEN=$(kept "$home/sandbox_token" random_hex 32)
    TWILIO_DEFAULT_FROM=+14155552671
    TWILIO_WHATSAPP_FROM=whatsapp:+14155238886
    TWILIO_MESSAGING_SERVICE_SID=
    TWILIO_API_BASE=http://127.0.0.1:$((PORT + 1))
}

sandbox_config() {
    local site=http://127.0.0.1:$PORT
    # One child: the sandbox keeps its world in memory.
    httpd_preamble "$DIR/sandbox" $((PORT + 1)) 1 32
    cat <<END
LoadModule twchat_sandbox_module $(quoted "$ROOT/modules/mod_twchat_sandbox.so")
TwchatSandbox On
TwchatSandboxURL $TWILIO_API_BASE
TwchatSandboxState $(quoted "$DIR/sandbox/state")
TwchatSandboxHtdocs $(quoted "$ROOT/share/mod_twchat/sandbox")
TwchatSandboxAccount $TWILIO_ACCOUNT_SID $TWILIO_AUTH_TOKEN
TwchatSandboxNumber $TWILIO_DEFAULT_FROM sms-url=$site/twilio/inbound status-callback=$site/twilio/status
TwchatSandboxNumber $TWILIO_WHATSAPP_FROM sms-url=$site/twilio/inbound status-callback=$site/twilio/status
TwchatSandboxHandset +14155550101 Alice
TwchatSandboxHandset +14155550102 Bob
TwchatSandboxHandset whatsapp:+573001234567 Carmen
<Location "/">
    Require all granted
</Location>
END
}

sandbox_start() {
    if ! sandbox_wanted; then
        return 0
    fi
    mkdir -p "$DIR/sandbox"
    sandbox_account
    sandbox_config | private "$DIR/sandbox/httpd.conf"
    httpd_start sandbox $((PORT + 1))
}
