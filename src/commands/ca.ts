import { resolve } from "node:path";
import { readPassphrase } from "../ca/authority.ts";
import { initLocalCa, LOCAL_CA_FILES } from "../ca/local-ca.ts";

/** `pgmtls ca init`: makes a local CA and says what to do with it. Gives the exit code; throws `InputError`. */
export async function caInit(options: {
  directory: string;
  passphraseFile?: string;
  organization?: string;
  print?: (line: string) => void;
}): Promise<number> {
  const print = options.print ?? ((line) => process.stdout.write(`${line}\n`));
  const directory = resolve(options.directory);
  await initLocalCa({
    directory,
    now: Date.now,
    ...(options.organization === undefined ? {} : { organization: options.organization }),
    ...(options.passphraseFile === undefined ? {} : { passphrase: await readPassphrase(options.passphraseFile) }),
  });
  const passphrase =
    options.passphraseFile === undefined ? "" : `, passphrase_file: ${JSON.stringify(resolve(options.passphraseFile))}`;
  for (const line of [
    `made a certificate authority in ${directory}:`,
    `  ${LOCAL_CA_FILES.root}          what servers and clients trust`,
    `  ${LOCAL_CA_FILES.rootKey}          signs intermediates: keep it offline, no run needs it`,
    `  ${LOCAL_CA_FILES.intermediate}  sent by servers along with their own certificate`,
    `  ${LOCAL_CA_FILES.intermediateKey}  signs the certificates of hosts and clients: keep it where runs start`,
    "",
    "next, name it in the inventory:",
    `  mtls_ca: { type: local, directory: ${JSON.stringify(directory)}${passphrase} }`,
  ]) {
    print(line);
  }
  return 0;
}
