// How each store of trusted authorities takes a new one.
import { join } from "node:path";

// Debian and Ubuntu, then Fedora and its relatives: the folder that their tool reads, and the tool.
const linuxStores = [
  { folder: "/usr/local/share/ca-certificates", update: ["update-ca-certificates"], updateAfterRemoval: ["update-ca-certificates", "--fresh"] },
  { folder: "/etc/pki/ca-trust/source/anchors", update: ["update-ca-trust"], updateAfterRemoval: ["update-ca-trust"] },
];

/**
 * Returns the system's store and the commands that add an authority to it and remove it again; undefined for a system that isn't known.
 *
 * @param name what the authority's file is called in the store.
 * @param file the authority, PEM.
 */
export function trustPlan({ platform, exists, home, name, file }) {
  if (platform === "darwin") {
    const keychain = `${home}/Library/Keychains/login.keychain-db`;
    return {
      store: "your login keychain",
      needsRoot: false,
      add: [["security", "add-trusted-cert", "-r", "trustRoot", "-k", keychain, file]],
      remove: [["security", "remove-trusted-cert", file]],
    };
  }
  const store = linuxStores.find(({ folder }) => exists(folder));
  if (platform !== "linux" || store === undefined) return undefined;
  const target = `${store.folder}/${name}.crt`;
  return {
    store: store.folder,
    needsRoot: true,
    add: [["install", "-m", "0644", file, target], store.update],
    remove: [["rm", "-f", target], store.updateAfterRemoval],
  };
}

/**
 * Returns the databases of authorities that this user's Chromium and Firefox read on Linux, where they don't look at the system's store.
 *
 * @param list returns the names in a folder; nothing for one that isn't there.
 */
export function browserStores({ exists, list, home }) {
  // Chromium takes the first of these that is there; before it knew the second (156 does), the first was the only one.
  const chromium = [".pki/nssdb", ".local/share/pki/nssdb"].map((folder) => join(home, folder));
  const snap = join(home, "snap/chromium/current/.pki/nssdb");
  const profiles = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox"].flatMap((folder) =>
    list(join(home, folder)).map((profile) => join(home, folder, profile)),
  );
  return [chromium.find(exists) ?? chromium[0], ...[snap, ...profiles].filter((folder) => exists(join(folder, "cert9.db")))];
}

/** Returns the commands of NSS' own tool that add an authority to such a database and remove it again; `look` fails where it isn't in there. */
export function browserPlan({ exists, store, name, file }) {
  const database = ["-d", `sql:${store}`];
  const make = [
    ["mkdir", "-p", store],
    ["certutil", "-N", ...database, "--empty-password"],
  ];
  return {
    make: exists(join(store, "cert9.db")) ? [] : make,
    look: ["certutil", "-L", ...database, "-n", name],
    // Trusted to sign servers, and for nothing else.
    add: ["certutil", "-A", ...database, "-t", "C,,", "-n", name, "-i", file],
    remove: ["certutil", "-D", ...database, "-n", name],
  };
}

/**
 * Returns what trusting an authority means, in words.
 *
 * @param key where the authority's key is.
 */
export function explainTrust({ stack, url, key }) {
  return [
    `Stack ${stack} signed the certificate of ${url} with an authority that it made for itself.`,
    `Its key is in ${key}: whoever has that could sign other sites' names for this machine.`,
  ].join("\n");
}
