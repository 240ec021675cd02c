import type { DemoHost } from "./demo-host.ts";

/** The inventory of a demo fleet, as a person would write it. Paths are quoted as JSON, which YAML takes as it is. */
export function inventoryText(
  hosts: readonly DemoHost[],
  files: { clientKey: string; knownHosts: string; caDirectory: string },
): string {
  return `# Written by pgmtls demo. All hosts are on this machine; each has an SSH server and a PostgreSQL of its own.
databases:
  vars:
    ansible_host: 127.0.0.1
    ansible_ssh_private_key_file: ${JSON.stringify(files.clientKey)}
    pgmtls_known_hosts_file: ${JSON.stringify(files.knownHosts)}
    mtls_ca: { type: local, directory: ${JSON.stringify(files.caDirectory)} }
  hosts:
${hosts.map(hostText).join("")}`;
}

function hostText(host: DemoHost): string {
  return `    ${host.name}: # PostgreSQL ${host.major}
      ansible_port: ${host.sshPort}
      ansible_user: ${JSON.stringify(host.user)}
      postgres_cluster: ${JSON.stringify(host.dataDirectory)}
      pgmtls_state_dir: ${JSON.stringify(host.stateDirectory)}
`;
}
