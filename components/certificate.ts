import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface CertificateArgs {
  /** Whose authority it is, such as `movies-prod`. */
  readonly stack: string;
  /** Hostnames that the certificate is for, the first one its common name. */
  readonly hostnames: readonly string[];
}

/** Days before its end in which a certificate is warned of. */
export const warningDays = 21;

/** Warns, in previews too, when a certificate's last day is near. */
export function warnBeforeExpiry(notAfter: pulumi.Input<string>): void {
  pulumi.output(notAfter).apply((day) => {
    const days = Math.floor((Date.parse(day) - Date.now()) / 86_400_000);
    if (days < warningDays) void pulumi.log.warn(`the site's certificate ends on ${day}, in ${days} days; renew it, then run up`);
  });
}

/** A certificate authority of this stack's own and the certificate that it signed for the site. */
export class Certificate extends pulumi.ComponentResource {
  /** Certificate and authority, PEM, in the order that nginx wants. */
  readonly chain: pulumi.Output<string>;
  /** Private key of the certificate, PEM; secret. */
  readonly privateKey: pulumi.Output<string>;
  /** Certificate of the authority, PEM, for browsers and clients to trust. */
  readonly authority: pulumi.Output<string>;
  /** Last day of the certificate, as in `2027-11-21`. */
  readonly notAfter: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Certificate", name, {}, opts);
    // P-256: the smallest key that Mozilla's guideline 6.0 recommends, and the fastest.
    const key = (role: string) => new tls.PrivateKey(`${name}-${role}`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
    const authorityKey = key("authority-key");
    const authority = new tls.SelfSignedCert(
      `${name}-authority`,
      {
        privateKeyPem: authorityKey.privateKeyPem,
        // Not the domain: whoever trusts the authority still does when that changes.
        subject: { commonName: `${args.stack} local authority`.slice(0, 64) },
        isCaCertificate: true,
        validityPeriodHours: 87_600,
        earlyRenewalHours: 8_760,
        allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
        setSubjectKeyId: true,
      },
      { parent: this },
    );
    const leafKey = key("key");
    const request = new tls.CertRequest(
      `${name}-request`,
      {
        privateKeyPem: leafKey.privateKeyPem,
        // X.520 ends a common name at 64 characters; clients look at dnsNames only.
        subject: { commonName: args.hostnames[0].slice(0, 64) },
        dnsNames: [...args.hostnames],
      },
      { parent: this },
    );
    const leaf = new tls.LocallySignedCert(
      `${name}-leaf`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: authorityKey.privateKeyPem,
        caCertPem: authority.certPem,
        // Mozilla's guideline 6.0 allows 366 days at most; an `up` in the last 60 renews it.
        validityPeriodHours: 8_760,
        earlyRenewalHours: 1_440,
        allowedUses: ["digital_signature", "server_auth"],
      },
      { parent: this },
    );
    this.chain = pulumi.interpolate`${leaf.certPem}${authority.certPem}`;
    this.privateKey = pulumi.secret(leafKey.privateKeyPem);
    this.authority = authority.certPem;
    this.notAfter = leaf.validityEndTime.apply((time) => time.slice(0, 10));
    this.registerOutputs({ authority: this.authority, notAfter: this.notAfter });
  }
}
