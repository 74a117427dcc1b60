/** Which TLS the site speaks: Mozilla's server side TLS guideline 6.0. */
export const tlsPolicies = {
  /** Every client of the last ten years. */
  intermediate: {
    protocols: "TLSv1.2 TLSv1.3",
    ciphers:
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" +
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
  },
  /** TLS 1.3 alone. */
  modern: { protocols: "TLSv1.3", ciphers: undefined },
} as const;

export type TlsPolicy = keyof typeof tlsPolicies;

/** Renders the protocol settings that all servers with TLS share. */
export function renderTlsPolicy(policy: TlsPolicy): string {
  const { protocols, ciphers } = tlsPolicies[policy];
  return [
    `# Mozilla's server side TLS guideline 6.0, ${policy}.`,
    `ssl_protocols ${protocols};`,
    ...(ciphers === undefined ? [] : [`ssl_ciphers ${ciphers};`]),
    "# The question mark: an OpenSSL before 3.5 knows no X25519MLKEM768, and goes on without it.",
    "ssl_ecdh_curve ?X25519MLKEM768:X25519:prime256v1:secp384r1;",
    "ssl_prefer_server_ciphers off;",
    "ssl_session_timeout 1d;",
    "ssl_session_cache shared:tls:10m;",
    "# One ticket a handshake, not OpenSSL's two: each is a session to store, and HTTP/2 needs one connection.",
    "ssl_conf_command NumTickets 1;",
  ].join("\n");
}
