import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

export interface SecretsArgs {
  /** Counted up to rotate; this version and the one before exist side by side, of the key also the one after. */
  readonly databasePasswordVersion: number;
  readonly secretKeyVersion: number;
  readonly basicAuthPasswordVersion: number;
  /** Whether a password for Django's superuser is wanted. */
  readonly superuser: boolean;
  /** Whether a password for the whole site is wanted. */
  readonly basicAuth: boolean;
  /** Whether what opens the data that is kept outlives a destroy, as that data does. */
  readonly protectData: boolean;
}

/** Generated secrets; every output is secret. */
export class Secrets extends pulumi.ComponentResource {
  /** Password of the login role in use. */
  readonly databasePassword: pulumi.Output<string>;
  /** Password of the other login role, which the version before uses. */
  readonly previousDatabasePassword: pulumi.Output<string>;
  /** Password that initdb wants for the database's superuser; it is taken away again once the roles exist. */
  readonly initialPassword: pulumi.Output<string>;
  /** Django's SECRET_KEY. */
  readonly secretKey: pulumi.Output<string>;
  /** The key before, under which sessions stay valid; one of Django's SECRET_KEY_FALLBACKS. */
  readonly previousSecretKey: pulumi.Output<string>;
  /**
   * The key after this one, the other fallback: during a rotation a visitor whose session the new version has signed may meet the old
   * version once more, on a connection from before.
   */
  readonly nextSecretKey: pulumi.Output<string>;
  /** Password of Django's superuser; undefined when there is none. */
  readonly superuserPassword: pulumi.Output<string> | undefined;
  /** Password that browsers ask for before the site is shown; undefined when they don't. */
  readonly basicAuthPassword: pulumi.Output<string> | undefined;

  /** What backups are encrypted with. */
  readonly backupPassphrase: pulumi.Output<string>;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Secrets", name, {}, opts);
    // Letters and digits only, so that no shell, URL or SQL text needs to quote them: 62^40 is about 238 bits.
    const secret = (role: string, length: number, protect = false) =>
      pulumi.secret(new random.RandomPassword(`${name}-${role}`, { length, special: false }, { parent: this, protect }).result);
    this.databasePassword = secret(`database-password-${args.databasePasswordVersion}`, 40);
    this.previousDatabasePassword = secret(`database-password-${args.databasePasswordVersion - 1}`, 40);
    this.initialPassword = secret("initial-password", 40);
    this.secretKey = secret(`secret-key-${args.secretKeyVersion}`, 64);
    this.previousSecretKey = secret(`secret-key-${args.secretKeyVersion - 1}`, 64);
    this.nextSecretKey = secret(`secret-key-${args.secretKeyVersion + 1}`, 64);
    this.superuserPassword = args.superuser ? secret("superuser-password", 24) : undefined;
    this.basicAuthPassword = args.basicAuth ? secret(`basic-auth-password-${args.basicAuthPasswordVersion}`, 32) : undefined;
    this.backupPassphrase = secret("backup-passphrase", 32, args.protectData);
    this.registerOutputs({});
  }
}
