// How each system's store of trusted authorities takes a new one.

// Debian and Ubuntu, then Fedora and its relatives: the folder that their tool reads, and the tool.
const linuxStores = [
  { folder: "/usr/local/share/ca-certificates", update: ["update-ca-certificates"], updateAfterRemoval: ["update-ca-certificates", "--fresh"] },
  { folder: "/etc/pki/ca-trust/source/anchors", update: ["update-ca-trust"], updateAfterRemoval: ["update-ca-trust"] },
];

/**
 * Returns the store and the commands that add an authority to it and remove it again; undefined for a system that isn't known.
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

/** Returns what trusting an authority means, in words. */
export function explainTrust({ stack, url, store }) {
  return [
    `Stack ${stack} signed the certificate of ${url} with an authority that it made for itself.`,
    `Its key is in the stack's state: whoever has .state and its passphrase could sign other sites' names for this machine.`,
    `curl, Python and Chromium read ${store}; Firefox has a store of its own, under Settings, Certificates.`,
  ].join("\n");
}
