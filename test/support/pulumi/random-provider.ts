import { randomInt } from "node:crypto";
import { serveProvider } from "./provider.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** @pulumi/random's passwords of letters and digits. */
serveProvider("4.21.2", {
  check: (_type, _name, inputs) => inputs,
  replaces: () => true,
  create: async (type, _, inputs) => {
    if (!type.endsWith(":RandomPassword") || inputs.special !== false) throw new Error(`${type} isn't known to the tests`);
    const result = Array.from({ length: inputs.length }, () => letters[randomInt(letters.length)]).join("");
    return { id: "none", state: { ...inputs, result } };
  },
  update: async (_type, _id, state, inputs) => ({ ...state, ...inputs }),
  read: async (_type, _id, state) => state,
  delete: async () => {},
});
