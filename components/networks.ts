import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labels, type Owner } from "./labels.ts";

export interface NetworksArgs {
  readonly owner: Owner;
  /** Whether the database's port is published; containers on an internal network alone are never published. */
  readonly publishDatabase: boolean;
  /** Whether backups go to another host. */
  readonly remoteBackups: boolean;
  /** Whether nginx gets the addresses of clients over IPv6 as they are. @default false */
  readonly ipv6ClientAddresses?: boolean;
}

/** The networks that keep client, app and database apart; the inputs of those with the app on them never change, a change would replace every container. */
export class Networks extends pulumi.ComponentResource {
  /** nginx alone: where the published ports lead. */
  readonly edge: docker.Network;
  /** nginx and the app. */
  readonly app: docker.Network;
  /** The app and the database; no way out. */
  readonly db: docker.Network;
  /** The database's way to its published port; undefined when it isn't published. */
  readonly dev: docker.Network | undefined;
  /** The backups' way out; undefined when they stay on the Docker host. */
  readonly backup: docker.Network | undefined;
  /** The engine's own addresses on the networks that nginx is on. */
  readonly gateways: pulumi.Output<string[]>;

  /** Names by role. */
  readonly names: Readonly<Record<string, pulumi.Output<string> | undefined>>;

  constructor(name: string, args: NetworksArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Networks", name, {}, opts);
    const network = (role: string, internal: boolean, ipv6?: true) =>
      new docker.Network(
        `${name}-${role}`,
        { name: `${name}-${role}`, internal, ipv6, labels: labels(args.owner, "networks") },
        { parent: this, deleteBeforeReplace: true },
      );
    // Without addresses of IPv6 for nginx, Docker takes such connections itself and opens others to it.
    this.edge = network("edge", false, args.ipv6ClientAddresses ? true : undefined);
    this.app = network("app", false);
    this.db = network("db", true);
    this.dev = args.publishDatabase ? network("dev", false) : undefined;
    this.backup = args.remoteBackups ? network("backup", false) : undefined;
    this.gateways = pulumi
      .all([this.edge.ipamConfigs, this.app.ipamConfigs])
      .apply((ranges) => ranges.flatMap((configs) => (configs ?? []).flatMap(({ gateway }) => gateway ?? [])));
    this.names = { edge: this.edge.name, app: this.app.name, db: this.db.name, dev: this.dev?.name, backup: this.backup?.name };
    this.registerOutputs({ names: this.names });
  }
}
