import { asDirectory, asFlag, asMailAddress, asPem, orNone, tlsMode, tlsPolicy } from "../allowed-values.ts";
import { setting } from "./setting.ts";

/** Where certificates come from, and which TLS the site speaks. */
export const tlsSettings = {
  mode: setting(
    "Where the certificate comes from: an authority of the stack's own, your files, an ACME directory such as Let's Encrypt, or another proxy that ends TLS.",
    tlsMode.allowed,
    "off",
    "self-signed",
    tlsMode.parse,
  ),
  policy: setting("Mozilla's guideline to follow; modern speaks TLS 1.3 alone.", tlsPolicy.allowed, "intermediate", "intermediate", tlsPolicy.parse),
  certificate: setting<string | undefined>(
    "Your certificate, then those that signed it, PEM; for tls.mode provided.",
    "a path from the checkout, a PEM text, or none",
    undefined,
    undefined,
    orNone(asPem),
  ),
  privateKey: setting<string | undefined>(
    "Its private key, PEM; a text is set with --secret.",
    "a path from the checkout, a PEM text, or none",
    undefined,
    undefined,
    orNone(asPem),
  ),
  acme: {
    production: setting(
      "Whether Let's Encrypt's certificates are real ones; until then its staging directory gives certificates that no browser trusts.",
      "true, false",
      false,
      false,
      asFlag,
    ),
    contact: setting<string | undefined>(
      "Where the directory may write to.",
      "an e-mail address, or none",
      undefined,
      undefined,
      orNone(asMailAddress),
    ),
    directory: setting<string | undefined>(
      "Another ACME directory in place of Let's Encrypt's.",
      "a URL that begins with https://, or none",
      undefined,
      undefined,
      orNone(asDirectory),
    ),
    authority: setting<string | undefined>(
      "The certificate that such a directory's own TLS is signed by, PEM; for one without a public certificate.",
      "a path from the checkout, a PEM text, or none",
      undefined,
      undefined,
      orNone(asPem),
    ),
  },
};
