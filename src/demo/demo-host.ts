/** One host of the fleet: an SSH server on 127.0.0.1 with a PostgreSQL behind it. Plain data. */
export type DemoHost = {
  name: string;
  major: number;
  /** Of PostgreSQL, on 127.0.0.1. */
  port: number;
  sshPort: number;
  /** Public key of the SSH server, as known_hosts wants it. */
  sshHostKey: string;
  /** Who logs in, and owns the cluster. */
  user: string;
  dataDirectory: string;
  socketDirectory: string;
  /** Where pgmtls keeps its lock and journals on this host. */
  stateDirectory: string;
};

/** How the demo's application logs in to its database. */
export type DemoApplication = { user: "app"; database: "app"; password: string };
