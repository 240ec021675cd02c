import assert from "node:assert/strict";
import { test } from "node:test";
import { finishOf, outcomesOf, runPlaybook } from "../engine/run-playbook.ts";
import { useDebianFleet } from "./debian.ts";

const fleet = useDebianFleet();
const DATA = "/srv/hand";
const BIN = "/usr/lib/postgresql/15/bin";

/** As on hosts without Debian's tools: a unit of its own, with its data directory as its only name. */
const UNIT = `[Unit]
Description=PostgreSQL by hand
[Service]
Type=notify
User=postgres
ExecStart=${BIN}/postgres -D ${DATA} -c port=5499 -c unix_socket_directories=/tmp
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGINT
[Install]
WantedBy=multi-user.target
`;

const playbook = (settings: string, mode: string) => `- hosts: pg2
  tasks:
    - edit-conf: { cluster: ${DATA}, set: { ${settings} } }
    - restart: { cluster: ${DATA}, mode: ${mode} }
`;

test("a cluster that a systemd unit of its own runs is reloaded and restarted by systemctl", {
  skip: fleet.skip,
}, async () => {
  const { hosts, inventoryFile } = await fleet.get();
  const host = hosts.find(({ name }) => name === "pg2");
  assert.ok(host !== undefined);
  const sh = (script: string, input?: string) => host.exec(["sh", "-ec", script], input);
  await sh(
    `install -d -o postgres -m 0700 ${DATA}; setpriv --reuid postgres --regid postgres --init-groups ${BIN}/initdb -D ${DATA} >/dev/null`,
  );
  await sh(
    "cat > /etc/systemd/system/postgresql-hand.service; systemctl daemon-reload; systemctl start postgresql-hand",
    UNIT,
  );
  const mainPid = async () => (await sh("systemctl show -p MainPID --value postgresql-hand")).trim();
  const show = async (name: string) =>
    (
      await sh(
        `setpriv --reuid postgres --regid postgres --init-groups ${BIN}/psql -h /tmp -p 5499 -Atc 'SHOW ${name}' postgres`,
      )
    ).trim();

  const before = await mainPid();
  const reloaded = await runPlaybook(playbook("work_mem: 5MB", "auto"), inventoryFile);
  assert.equal(reloaded.exitCode, 0, JSON.stringify(finishOf(reloaded, "pg2")));
  assert.deepEqual([await show("work_mem"), await mainPid()], ["5MB", before]);

  const restarted = await runPlaybook(playbook("max_connections: 33", "auto"), inventoryFile);
  assert.equal(restarted.exitCode, 0, JSON.stringify(finishOf(restarted, "pg2")));
  assert.equal(await show("max_connections"), "33");
  assert.notEqual(await mainPid(), before);
  assert.equal((await sh("systemctl is-active postgresql-hand")).trim(), "active");

  const again = await runPlaybook(playbook("max_connections: 33", "auto"), inventoryFile);
  assert.deepEqual(outcomesOf(again, "pg2"), ["edit-conf: ok", "restart: ok"]);
});
