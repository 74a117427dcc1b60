import type { NginxConfigArgs } from "../../nginx/render.ts";

/** A production site's configuration, for tests to vary. */
export const nginxArgs: NginxConfigArgs = {
  serverNames: ["movies.example", "www.movies.example"],
  redirectNames: [],
  tls: "nginx",
  tlsPolicy: "intermediate",
  trustedProxies: [],
  headers: {
    contentSecurityPolicy: "default-src 'self'",
    contentTypeOptions: "nosniff",
    crossDomainPolicies: "none",
    frameOptions: "DENY",
    openerPolicy: "same-origin",
    permissionsPolicy: "camera=()",
    referrerPolicy: "same-origin",
    resourcePolicy: "same-origin",
    strictTransportSecurity: "auto",
    xssProtection: "0",
  },
  replicas: ["movies-prod-django-0-1a2b3c4", "movies-prod-django-1-5d6e7f8"],
  replicaPort: 9000,
  release: "a1b2c3d4e5f6",
  httpsPort: 443,
  httpPort: 80,
  staticFromVolume: true,
  workerProcesses: 1,
  workerConnections: 1024,
  keepaliveSeconds: 65,
  maxBodySize: "10m",
  requestGraceSeconds: 30,
};
