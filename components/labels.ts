import { createHash } from "node:crypto";
import type { types } from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/** Whose an object on the Docker host is. */
export interface Owner {
  /** Name of the site, from config. */
  readonly name: string;
  /** Name of the Pulumi stack. */
  readonly stack: string;
  /** Id of the checkout that made it. */
  readonly checkout: string;
}

/** Returns the labels `django-stack.name`, `.stack`, `.checkout` and `.component`, then the further ones, as the provider takes them. */
export function labels(owner: Owner, component: string, further: Readonly<Record<string, pulumi.Input<string>>> = {}): types.input.ContainerLabel[] {
  const own = { name: owner.name, stack: owner.stack, checkout: owner.checkout, component };
  return Object.entries({ ...own, ...further }).map(([key, value]) => ({ label: `django-stack.${key}`, value }));
}

/** What containers and images are found by: the labels `django-stack.name` and `.stack`, and `.component` where it is given. */
export interface Labelled {
  readonly name: string;
  readonly stack: string;
  readonly component?: string;
}

/** Returns the arguments by which docker's commands find a stack's objects. */
export function labelFilters({ name, stack, component }: Labelled): string[] {
  return Object.entries({ name, stack, component }).flatMap(([key, value]) =>
    value === undefined ? [] : ["--filter", `label=django-stack.${key}=${value}`],
  );
}

/** Returns 12 hexadecimal digits that change with the value. */
export function shortHash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);
}
