/**
 * A pg_hba.conf as people leave them behind: no two look alike. What they have in common is that applications come over the
 * network with a password and without TLS. Host number `at` gets one of them.
 */
export function hbaFile(at: number): string {
  return STYLES[at % STYLES.length] ?? ALIGNED;
}

// Local `trust`: the socket lies in a directory that only the server's own user can enter, so who reaches it could read the data
// files anyway. There is no record for 127.0.0.1 on purpose: the demo's clients come from there, and such a record would be the
// first match for them.
const ALIGNED = `# PostgreSQL Client Authentication Configuration File
# ===================================================
#
# TYPE  DATABASE        USER            ADDRESS                 METHOD

# administrators on this machine
local   all             all                                     trust

# applications
host    all             all             0.0.0.0/0               scram-sha-256
host    all             all             ::/0                    scram-sha-256

# standbys and base backups
host    replication     all             0.0.0.0/0               scram-sha-256
`;

const TABS = `# managed by hand, ask the DBAs before you change anything
local\tall\tall\ttrust
local\treplication\tall\ttrust

host\tall\tall\t0.0.0.0/0\tscram-sha-256\t# office and applications
host\tall\tall\t::/0\tscram-sha-256
host\treplication\tall\t0.0.0.0/0\tscram-sha-256\t# pg_basebackup, nightly
`;

const MASKS = `local all all trust
# the shop (ticket 4711)
host app app 0.0.0.0/0 scram-sha-256
# everybody else
host all all 0.0.0.0 0.0.0.0 scram-sha-256
host all all ::/0 scram-sha-256
host    replication  all  0.0.0.0/0      scram-sha-256   # standby, "db-old"
# host  all          all  10.0.0.0/8     md5             # until the migration
`;

const STYLES = [ALIGNED, TABS, MASKS];
