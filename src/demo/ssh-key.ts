import ssh2 from "ssh2";

export type SshKeyPair = {
  /** OpenSSH's format. */
  privateKey: string;
  /** `ssh-ed25519 <base64>`, as authorized_keys and known_hosts want it. */
  publicKey: string;
};

/**
 * A new Ed25519 key. ssh2 1.17 (keygen.js, parseDERs) cuts zero bytes from the front of keys as if they were numbers, so that about
 * one of a hundred is damaged: those are thrown away.
 */
export function newSshKey(): SshKeyPair {
  for (;;) {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
    if (isSound(privateKey) && isSound(publicKey)) return { privateKey, publicKey: publicKey.trim() };
  }
}

function isSound(key: string): boolean {
  return !(ssh2.utils.parseKey(key) instanceof Error);
}
