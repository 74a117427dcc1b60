import { asFlag, asHeader, headerValues, listOf, oneOf } from "../allowed-values.ts";
import { djangoHeaders, type DjangoHeader } from "../nginx/headers.ts";
import { setting, type Setting } from "./setting.ts";

/** A header's value; `dev` where the prod value differs there. */
function header(about: string, dev: string, prod = dev): Setting<string> {
  return setting(about, headerValues, dev, prod, asHeader);
}

// OWASP's secure headers project, 2026-07: nothing from elsewhere. Django's admin and the sample's page work under it.
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'";
// The abilities of OWASP's list that Chromium knows: it warns of any other on every page.
const permissionsPolicy = [
  "accelerometer", "autoplay", "camera", "clipboard-read", "cross-origin-isolated", "display-capture", "encrypted-media", "fullscreen",
  "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "keyboard-map", "magnetometer", "microphone", "midi", "payment",
  "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "sync-xhr", "usb", "xr-spatial-tracking",
].map((ability) => `${ability}=()`).join(", "); // prettier-ignore

const fromDjango = oneOf(...djangoHeaders);

/** The security headers; nginx sets them, and hides what Django sends of all but `fromDjango`. */
export const headersSettings = {
  contentSecurityPolicy: header("What a page may load and do; Django's debug pages work under none.", "off", contentSecurityPolicy),
  contentTypeOptions: header("Whether browsers may guess a type.", "nosniff"),
  crossDomainPolicies: header("Which old plug-ins may read the site.", "none"),
  dnsPrefetch: setting(
    "Whether browsers may look up the names that links lead to before somebody follows them.",
    "true, false",
    false,
    false,
    asFlag,
  ),
  frameOptions: header("Who may show the site in a frame.", "DENY"),
  openerPolicy: header("Whether other sites' windows keep a hold of this one's.", "same-origin"),
  permissionsPolicy: header("Which of the browser's abilities pages may use.", permissionsPolicy),
  referrerPolicy: header("What other sites learn of where a visitor comes from.", "same-origin"),
  resourcePolicy: header("Who may load the site's files.", "same-origin"),
  strictTransportSecurity: header("How long browsers insist on TLS; auto: two years, with subdomains but on .localhost names.", "auto"),
  xssProtection: header("Old browsers' filter, which did harm.", "0"),
  fromDjango: setting<readonly DjangoHeader[]>(
    "Those of these headers that Django may set: where its answer has one, that counts.",
    `a list of ${fromDjango.allowed}`,
    [],
    [],
    listOf(fromDjango.parse),
  ),
};
