// The least that a run over SSH can do: log in to each host at once and have COUNT commands run there one after the other, by
// the library that pgmtls uses. `node floor.mjs FLEET COUNT`, where FLEET is a JSON file with user, identityFile and hosts.
import { readFileSync } from "node:fs";
import ssh2 from "ssh2";

const [fleetFile = "", count = "1"] = process.argv.slice(2);
const { user, identityFile, knownHostsFile, hosts } = JSON.parse(readFileSync(fleetFile, "utf8"));
const privateKey = readFileSync(identityFile);
const knownHosts = readFileSync(knownHostsFile, "utf8");

await Promise.all(hosts.map(visit));

/** @param {{ address: string, port: number }} host */
async function visit({ address, port }) {
  const client = new ssh2.Client();
  await new Promise((ready, failed) => {
    client.on("ready", ready).on("error", failed);
    client.connect({
      host: address,
      port,
      username: user,
      privateKey,
      /** @param {Buffer} key */
      hostVerifier: (key) => knownHosts.includes(`[${address}]:${port} ssh-ed25519 ${key.toString("base64")}`),
    });
  });
  client.setNoDelay(true);
  for (let i = 0; i < Number(count); i++) await exec(client, "true");
  client.end();
}

/** @param {ssh2.Client} client @param {string} command */
function exec(client, command) {
  return new Promise((ended, failed) => {
    client.exec(command, (error, stream) => {
      if (error) return failed(error);
      stream.on("close", (/** @type {number} */ code) =>
        code === 0 ? ended(undefined) : failed(new Error(`exit ${code}`)),
      );
      stream.resume();
      stream.stderr.resume();
    });
  });
}
