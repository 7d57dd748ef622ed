//! Rights, credentials, TLS and WebSocket: who is let in.

mod au01_poison_subscription;
mod au02_poison_publish;
mod au03_connect_denied;
mod au04_credential_lifetime;
mod au05_stale_signed_url;
mod tl01_sni_missing;
mod tl02_alpn_missing;
mod tl03_certificate_rejected;
mod tl04_clock_wrong;
mod tl05_websocket_handshake;
mod tl06_tls_plain_mixup;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    au01_poison_subscription::RULE,
    au02_poison_publish::RULE,
    au03_connect_denied::RULE,
    au04_credential_lifetime::RULE,
    au05_stale_signed_url::RULE,
    tl01_sni_missing::RULE,
    tl02_alpn_missing::RULE,
    tl03_certificate_rejected::RULE,
    tl04_clock_wrong::RULE,
    tl05_websocket_handshake::RULE,
    tl06_tls_plain_mixup::RULE,
];
