import { randomBytes } from "node:crypto";
import { reveal } from "../../../compose/mock-runtime.ts";
import { openssl } from "../openssl.ts";
import { serveProvider } from "./provider.ts";

/** @pulumi/tls' keys, requests and certificates, made by openssl. */
serveProvider("5.6.1", {
  check: (_type, _name, inputs) => inputs,
  replaces: (_, property) => property !== "earlyRenewalHours",
  due: (_, { validityEndTime, earlyRenewalHours = 0 }) =>
    validityEndTime !== undefined && Date.parse(validityEndTime) - Date.now() < earlyRenewalHours * 3_600_000 ? ["readyForRenewal"] : [],
  create: async (type, _, inputs) => ({ id: randomBytes(8).toString("hex"), state: { ...inputs, ...reveal(openssl(type, inputs)) } }),
  update: async (_type, _id, state, inputs) => ({ ...state, ...inputs }),
  read: async (_type, _id, state) => state,
  delete: async () => {},
});
