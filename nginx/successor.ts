import type { NginxConfigArgs } from "./render.ts";

/** Port of nginx's own, on its loopback, by which a worker of a configuration before reaches the workers of the current one. */
const port = 8082;

export interface SuccessorArgs extends Pick<NginxConfigArgs, "balancing" | "requestGraceSeconds"> {
  /** Django's replicas and how requests are shared out, as directives of an upstream. */
  readonly upstream: string;
}

/** Whether requests find the current replicas by themselves; nginx has no such server where a client's address picks the replica. */
export const hasSuccessor = (balancing: NginxConfigArgs["balancing"]) => balancing !== "ip_hash";

/**
 * Renders whom a request gets to when the replicas that its worker knows have gone: the last server of Django's upstream, and, outside the
 * http block, what listens there.
 *
 * So it is with an upload that began before a roll-out and is there when the old replicas have long stopped. Only workers of the
 * current configuration listen, so it comes to the current replicas. Bytes are passed on, not requests: nothing of the site's own configuration,
 * or of a snippet, counts twice.
 */
export function renderSuccessor({ balancing, requestGraceSeconds, upstream }: SuccessorArgs): { server: string; listener: string } {
  if (!hasSuccessor(balancing)) return { server: "", listener: "" };
  const listener = `
stream {
    resolver 127.0.0.11 valid=1s ipv6=off;

    upstream successor {
        zone successor 256k;
${upstream}    }

    # For workers of a configuration before, whose replicas have gone.
    server {
        listen 127.0.0.1:${port};
        proxy_pass successor;
        proxy_connect_timeout 2s;
        proxy_timeout ${requestGraceSeconds}s;
    }
}
`;
  return { server: `        server 127.0.0.1:${port} max_fails=0 backup;\n`, listener };
}
