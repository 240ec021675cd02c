import type { CertificateRequest } from "../certificates/request.ts";

/**
 * The configuration from which `openssl req` makes a request with exactly the names asked (openssl config(5), req(1)). Every character
 * that the format could take for its own is escaped; line breaks never get here, the schema refuses them.
 */
export function opensslRequestConfig(request: CertificateRequest): string {
  const names = [
    ...request.dns.map((name, i) => `DNS.${i + 1} = ${escaped(name)}`),
    ...request.ip.map((ip, i) => `IP.${i + 1} = ${escaped(ip)}`),
  ];
  return [
    "[req]",
    "prompt = no",
    "string_mask = utf8only",
    "utf8 = yes",
    "distinguished_name = subject",
    ...(names.length === 0 ? [] : ["req_extensions = extensions"]),
    "[subject]",
    `commonName = ${escaped(request.commonName)}`,
    ...(names.length === 0 ? [] : ["[extensions]", "subjectAltName = @names", "[names]", ...names]),
    "",
  ].join("\n");
}

function escaped(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new Error("a name in a certificate request cannot hold a line break");
  return value.replace(/[\\#$"'`;,@ ]/g, "\\$&");
}
