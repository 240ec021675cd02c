/** A playbook that changes every host it is run on, given that those before it were run: they build on each other. */
export type ModuleCase = { title: string; tasks: string; files?: Readonly<Record<string, string | Buffer>> };

/** Every byte there is, CRLF and a NUL among them, without a newline at the end. */
const ALL_BYTES = Buffer.from([...Array.from({ length: 256 }, (_, byte) => byte), 13, 10, 0, 13]);
const SECRET = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n";

/**
 * What each of the six modules does, alone and in company, on both fleets. Every task is of the cluster that the host's inventory
 * names, so paths are relative to its data directory.
 */
export const MODULE_CASES: readonly ModuleCase[] = [
  {
    title: "issue-cert makes a pair where there is none",
    tasks: `
    - issue-cert: { cluster: "{{ own }}", ca: "{{ mtls_ca }}", cn: "{{ inventory_hostname }}", dns: [db.example.net, localhost], ip: [127.0.0.1] }`,
  },
  {
    title: "issue-cert makes a new pair for other names and another kind of key",
    tasks: `
    - issue-cert: { cluster: "{{ own }}", ca: "{{ mtls_ca }}", cn: "{{ inventory_hostname }}", dns: [other.example.net], key_type: ed25519, lifetime: 10d }`,
  },
  {
    title: "copy-file makes a file of given content",
    tasks: `
    - copy-file: { cluster: "{{ own }}", dest: note.txt, content: "grün, it's \\"quoted\\" $HOME \`id\`\\n", mode: "0640" }`,
  },
  {
    title: "copy-file takes every byte of a file of the controller, and an empty one",
    files: { "all.bin": ALL_BYTES, empty: "" },
    tasks: `
    - copy-file: { cluster: "{{ own }}", src: all.bin, dest: "all bytes's.bin" }
    - copy-file: { cluster: "{{ own }}", src: empty, dest: empty, mode: u=rw }`,
  },
  {
    title: "copy-file replaces a file, keeps a copy, and changes the mode of another without writing it",
    tasks: `
    - copy-file: { cluster: "{{ own }}", dest: note.txt, content: "second\\n", backup: true }
    - copy-file: { cluster: "{{ own }}", dest: empty, content: "", mode: 0600 }`,
  },
  {
    title: "copy-file knows a secret by its digest",
    files: { "client.key": SECRET },
    tasks: `
    - copy-file: { cluster: "{{ own }}", src: client.key, dest: client.key }`,
  },
  {
    title: "chmod changes modes, in octal and in symbols",
    tasks: `
    - chmod: { cluster: "{{ own }}", path: note.txt, mode: "0600" }
    - chmod: { cluster: "{{ own }}", path: client.key, mode: u=r }`,
  },
  {
    title: "chmod plans on what an earlier task will have made",
    tasks: `
    - copy-file: { cluster: "{{ own }}", dest: later.txt, content: "x" }
    - chmod: { cluster: "{{ own }}", path: later.txt, mode: 'g-r,o-r' }`,
  },
  {
    title: "edit-conf sets what is commented, what is new and what is there",
    tasks: `
    - edit-conf: { cluster: "{{ own }}", set: { work_mem: 8MB, log_line_prefix: "%m it's [%p] ", jit: no, listen_addresses: "*" } }
    # Records that demand TLS, further down, are refused while there is none.
    - edit-conf: { cluster: "{{ own }}", set: { ssl: yes, ssl_cert_file: server.crt, ssl_key_file: server.key, ssl_ca_file: root.crt } }`,
  },
  {
    title: "edit-conf unsets, and sets a value back in the same task",
    tasks: `
    - edit-conf: { cluster: "{{ own }}", unset: [work_mem], set: { listen_addresses: "{{ listens }}" } }`,
  },
  {
    title: "restart in mode reload takes what is pending",
    tasks: `
    - restart: { cluster: "{{ own }}", mode: reload }`,
  },
  {
    title: "edit-hba adds records where they are asked for",
    tasks: `
    - edit-hba:
        cluster: "{{ own }}"
        records:
          - { type: host, databases: [app, "\\"all\\""], users: +readers, address: 10.1.0.0/16, method: scram-sha-256, position: first }
          - { type: host, users: old, address: 192.0.2.7/32, method: reject, position: before, match: { types: [host], replication: false } }
          - { type: host, databases: replication, users: standby, address: fd00::/8, method: scram-sha-256 }`,
  },
  {
    title: "edit-hba changes a record in place and removes another",
    tasks: `
    - edit-hba:
        cluster: "{{ own }}"
        backup: false
        records:
          - { type: host, databases: [app, "\\"all\\""], users: +readers, address: 10.1.0.0/16, method: md5 }
          - { type: host, users: old, address: 192.0.2.7/32, state: absent }`,
  },
  {
    title: "edit-hba makes the selected records hostssl with another method",
    tasks: `
    - edit-hba: { cluster: "{{ own }}", require_tls: true, method: cert, select: { replication: true } }`,
  },
  {
    title: "edit-hba asks for client certificates in its major's words, and only where TLS is",
    tasks: `
    - edit-hba: { cluster: "{{ own }}", require_tls: true, clientcert: verify-full, select: { replication: false } }`,
  },
  {
    title: "restart in mode auto reloads where a reload is enough",
    tasks: `
    - edit-conf: { cluster: "{{ own }}", set: { log_connections: on } }
    - restart: { cluster: "{{ own }}" }`,
  },
  {
    title: "restart in mode reload leaves what needs a restart, and says so",
    tasks: `
    - edit-conf: { cluster: "{{ own }}", set: { max_connections: 55 } }
    - restart: { cluster: "{{ own }}", mode: reload }`,
  },
  {
    title: "restart in mode restart takes what a reload left",
    tasks: `
    - restart: { cluster: "{{ own }}", mode: restart }`,
  },
  {
    title: "restart in mode auto restarts for a setting that needs it",
    tasks: `
    - edit-conf: { cluster: "{{ own }}", set: { max_connections: 60 } }
    - restart: { cluster: "{{ own }}" }`,
  },
];

/** The case as a playbook. `listens` is where the hosts' servers listen at the beginning. */
export function playbookOf({ tasks }: ModuleCase, listens: string): string {
  return `- hosts: all
  vars:
    own: "{{ postgres_cluster | default('') }}"
    listens: "${listens}"
  tasks:${tasks}
`;
}
