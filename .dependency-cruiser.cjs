// Imports point downward only, from a row to those below it or to the same row, and never in a circle.
const rows = [
  ["cli"],
  ["commands", "demo"],
  ["report"],
  ["engine"],
  ["tasks", "ca", "ssh", "remote"],
  ["playbook", "inventory", "state", "plan", "postgres", "certificates"],
  ["document"],
  ["diagnostics"],
];
const folder = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;

const upward = rows.slice(1).map((row, i) => ({
  name: `${row.join(", ")}: no import from above`,
  severity: "error",
  from: { path: folder(row) },
  to: { path: folder(rows.slice(0, i + 1).flat()) },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: "every folder has its row",
      comment: "a new folder of src/ is added to the rows above, where its place in the house is decided",
      severity: "error",
      from: { path: "^src/", pathNot: folder(rows.flat()) },
      to: {},
    },
    { name: "no circle", severity: "error", from: {}, to: { circular: true } },
    {
      name: "the pure rooms know nothing of SSH, YAML or screens",
      comment: "they compute; they could be published on their own",
      severity: "error",
      from: { path: folder(["postgres", "certificates", "plan", "state"]) },
      to: { path: "^src/document/|^node_modules/(yaml|nunjucks|ssh2|listr2|picocolors|commander)/" },
    },
    {
      name: "ssh2 is known to src/ssh alone",
      comment: "its callbacks and events end there; the demo's hosts are its server",
      severity: "error",
      from: { path: "^src/", pathNot: folder(["ssh", "demo"]) },
      to: { path: "^node_modules/(@types/)?ssh2/" },
    },
    {
      name: "the demo serves the commands alone",
      severity: "error",
      from: { path: "^src/", pathNot: folder(["commands", "demo"]) },
      to: { path: folder(["demo"]) },
    },
    {
      name: "the product does not import its tests",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|scripts)/" },
    },
    {
      name: "what is imported is declared and found",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["unknown", "undetermined", "npm-no-pkg", "npm-unknown", "npm-dev"], pathNot: "^node_modules/@types/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    // Types too: a circle of types is two rooms that can't be understood one after the other.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node", "default"] },
  },
};
