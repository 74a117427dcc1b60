import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labels, type Owner } from "./labels.ts";

export interface VolumesArgs {
  readonly owner: Owner;
  /** Major version of Postgres; part of its volume's name. */
  readonly postgresVersion: number;
  /** Major version whose data is taken over; undefined for none. */
  readonly olderPostgresVersion: number | undefined;
  /** Whether the volumes that hold data outlive a destroy. */
  readonly protectData: boolean;
}

/** The named volumes that outlive their containers; each name is fixed and nothing declared here can replace one. */
export class Volumes extends pulumi.ComponentResource {
  /** Static files of this and earlier releases. */
  readonly staticData: docker.Volume;
  /** Uploaded files. */
  readonly mediaData: docker.Volume;
  /** The database. */
  readonly postgresData: docker.Volume;
  /** The database of another major version, from before an upgrade. */
  readonly olderPostgresData: docker.Volume | undefined;
  /** Backups, where they are kept on a volume. */
  readonly backups: docker.Volume;
  /** Answers that nginx keeps; there whether it does or not, for the same reason as the next. */
  readonly cache: docker.Volume;
  /** The app's temporary files, such as uploads on their way: together they may be larger than its memory. */
  readonly temporary: docker.Volume;
  /** Account and certificates that nginx got from an ACME directory; there in every mode, for a new mount would replace nginx. */
  readonly acmeState: docker.Volume;

  /** Names by role, without those of the components' own files. */
  readonly names: Readonly<Record<string, pulumi.Output<string> | undefined>>;

  constructor(name: string, args: VolumesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Volumes", name, {}, opts);
    // Data volumes carry no labels, a changed label would replace them; this empty one says whose they are.
    const owner = new docker.Volume(
      `${name}-owner`,
      { name: `${name}-owner`, labels: labels(args.owner, "volumes") },
      { parent: this, retainOnDelete: args.protectData, ignoreChanges: ["labels"] },
    );
    const volume = (role: string, holdsData: boolean) => {
      const keep = holdsData && args.protectData;
      return new docker.Volume(
        `${name}-${role}`,
        { name: `${name}-${role}` },
        { parent: this, protect: keep, retainOnDelete: keep, dependsOn: owner },
      );
    };
    this.staticData = volume("static-data", false);
    this.mediaData = volume("media-data", true);
    this.postgresData = volume(`postgres-${args.postgresVersion}-data`, true);
    const { olderPostgresVersion } = args;
    this.olderPostgresData = olderPostgresVersion === undefined ? undefined : volume(`postgres-${olderPostgresVersion}-data`, true);
    this.backups = volume("backups", true);
    this.cache = volume("cache", false);
    this.acmeState = volume("acme-state", true);
    this.temporary = volume("temporary", false);
    const { staticData, mediaData, postgresData, olderPostgresData, backups, acmeState, cache, temporary } = this;
    const volumes = { staticData, mediaData, postgresData, olderPostgresData, backups, acmeState, cache, temporary };
    this.names = Object.fromEntries(Object.entries(volumes).map(([role, declared]) => [role, declared?.name]));
    this.registerOutputs({ names: this.names });
  }
}
