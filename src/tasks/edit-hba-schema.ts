import type { ArgumentSchema, PropertySchema } from "../document/schema.ts";
import { HBA_TYPES } from "../postgres/hba-type.ts";

const text = { type: "string", minLength: 1 } as const;
const names = (description: string): PropertySchema => ({
  description: `${description}; a list, or one text with commas. "\\"all\\"" in its own quotes is a plain name`,
  anyOf: [text, { type: "array", items: text, minItems: 1 }],
});
const words = (description: string): PropertySchema => ({ description, type: "array", items: text, minItems: 1 });

const selection = {
  type: "object",
  additionalProperties: false,
  properties: {
    types: words("record types: local, host, hostssl ..."),
    databases: names("records with any of these in the database column"),
    users: names("records with any of these in the user column"),
    addresses: names("records with one of these addresses, however it is spelled"),
    methods: words("records with one of these methods"),
    replication: {
      type: "boolean",
      description: "true: only records for physical replication; false: only the others",
    },
  },
};

const record = {
  type: "object",
  additionalProperties: false,
  required: ["type"],
  properties: {
    type: { type: "string", description: `one of ${HBA_TYPES.join(", ")}` },
    databases: { ...names("databases"), default: "all" },
    users: { ...names("users, +role for the members of one"), default: "all" },
    address: {
      ...text,
      description: "10.0.0.0/8, fd00::/8, a host name, .example.net, all, samehost or samenet; none for local",
    },
    method: { ...text, description: "authentication method; for absent: only a record with that one" },
    options: {
      type: "object",
      default: {},
      description: "authentication options, such as map or clientcert",
      additionalProperties: { anyOf: [{ type: "string" }, { type: "number" }, { type: "boolean" }] },
    },
    state: {
      type: "string",
      enum: ["present", "absent"],
      default: "present",
      description: "whether it shall be there",
    },
    position: {
      type: "string",
      enum: ["first", "last", "before", "after"],
      default: "last",
      description: "where a new record goes; one that is there already stays where it is",
    },
    match: { ...selection, description: "for before and after: the first, or the last, record that this selects" },
  },
};

export const editHbaSchema: ArgumentSchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    cluster: {
      type: "string",
      default: "",
      description: 'which cluster, where the host has several: "15/main" or its data directory',
    },
    require_tls: {
      type: "boolean",
      default: false,
      description: "host, hostnossl and hostnogssenc records become hostssl",
    },
    loopback: {
      type: "boolean",
      default: false,
      description: "change records too that only the machine itself can match",
    },
    clientcert: {
      type: "string",
      enum: ["verify-ca", "verify-full", "unchanged"],
      default: "unchanged",
      description:
        "what hostssl records ask of a client's certificate beside their method, at least; spelled as the server's major wants it",
    },
    method: { ...text, description: "new authentication method of the selected records, cert for instance" },
    select: {
      ...selection,
      description:
        "which records require_tls, clientcert and method change; all but local and loopback ones if not given",
    },
    records: {
      type: "array",
      default: [],
      items: record,
      description: "single records that shall be there, or shall not",
    },
    backup: { type: "boolean", default: true, description: "leave a copy of the file as it was beside it" },
    force: { type: "boolean", default: false, description: "also where Patroni writes the file" },
  },
};
