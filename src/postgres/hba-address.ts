import ipaddr from "ipaddr.js";

/** Whom a record of pg_hba.conf lets connect from. Bytes of `ip` and `mask` are 4 or 16, the IP as written, not yet masked. */
export type HbaAddress =
  | { kind: "all" | "samehost" | "samenet" }
  | { kind: "network"; ip: readonly number[]; mask: readonly number[] }
  /** Found by reverse and forward DNS. */
  | { kind: "hostname"; name: string }
  /** `.example.net`: every host below that domain. */
  | { kind: "suffix"; name: string };

/** The bytes of a numeric address as getaddrinfo(3) takes it (also `127.1`); undefined for everything else. */
export function parseIp(text: string): readonly number[] | undefined {
  // A zone (`fe80::1%eth0`) would pass ipaddr.js, but whether the host has it is not ours to say.
  if (text.includes("%")) return undefined;
  const ip = text.includes(":") ? withoutDots(text) : text;
  return ip !== undefined && ipaddr.isValid(ip) ? ipaddr.parse(ip).toByteArray() : undefined;
}

/** `::1.2.3.4` as `::102:304`: ipaddr.js reads it as `::ffff:1.2.3.4`, which is another address. */
function withoutDots(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const found = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const [, head, ...dotted] = found ?? [];
  const bytes = dotted.map(Number);
  if (head === undefined || bytes.some((byte) => byte > 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return `${head}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** The mask of `bits` leading ones; undefined where `bits` is no number in range (pg_sockaddr_cidr_mask of ifaddr.c). */
export function maskOfBits(bits: string, byteCount: number): readonly number[] | undefined {
  if (!/^[ \t\n\v\f\r]*[+-]?\d+$/.test(bits)) return undefined;
  const ones = Number(bits);
  if (ones < 0 || ones > byteCount * 8) return undefined;
  return Array.from({ length: byteCount }, (_, i) => 0xff & ~(0xff >> Math.max(0, Math.min(8, ones - i * 8))));
}

/**
 * Whether only this machine itself can match: 127.0.0.0/8, ::1, their IPv4-mapped forms, `localhost`, and `samehost`, which knows the
 * machine's other addresses too but is never met over the network.
 */
export function isLoopback(address: HbaAddress): boolean {
  switch (address.kind) {
    case "samehost":
      return true;
    case "hostname":
      return address.name.toLowerCase() === "localhost";
    case "network":
      return LOOPBACK_NETWORKS.some((network) => contains(network, address));
    default:
      return false;
  }
}

/** Whether every client that `inner` matches is matched by `outer` too; false where that depends on DNS or on interfaces. */
export function contains(outer: HbaAddress, inner: HbaAddress): boolean {
  if (outer.kind === "all") return true;
  if (outer.kind === "network") return inner.kind === "network" && networkContains(outer, inner);
  if (outer.kind === "suffix" && (inner.kind === "suffix" || inner.kind === "hostname"))
    return inner.name.toLowerCase().endsWith(outer.name.toLowerCase());
  return addressKey(outer) === addressKey(inner);
}

/** Equal for addresses that match the same clients: `10.1.2.3/8` is `10.0.0.0 255.0.0.0`, `0:0::1/128` is `::1/128`. */
export function addressKey(address: HbaAddress): string {
  switch (address.kind) {
    case "network":
      return `${formatIp(masked(address.ip, address.mask))}/${formatIp(address.mask)}`;
    case "hostname":
    case "suffix":
      return `name ${address.name.toLowerCase()}`;
    default:
      return address.kind;
  }
}

/** `ip` as inet_ntop(3) and so pg_hba_file_rules writes it. */
export function formatIp(ip: readonly number[]): string {
  if (ip.length === 4) return ip.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((ip[i * 2] ?? 0) << 8) | (ip[i * 2 + 1] ?? 0));
  const run = longestZeroRun(groups);
  const embedsIpv4 = run.start === 0 && (run.length === 6 || (run.length === 5 && groups[5] === 0xffff));
  const words = (embedsIpv4 ? groups.slice(0, 6) : groups).map((group) => group.toString(16));
  if (embedsIpv4) words.push(ip.slice(12).join("."));
  if (run.length < 2) return words.join(":");
  return `${words.slice(0, run.start).join(":")}::${words.slice(run.start + run.length).join(":")}`;
}

type Network = { ip: readonly number[]; mask: readonly number[] };

const LOOPBACK_NETWORKS: readonly HbaAddress[] = ["127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104"].map((cidr) => {
  const [ip, bits] = ipaddr.parseCIDR(cidr);
  const bytes = ip.toByteArray();
  return { kind: "network", ip: bytes, mask: maskOfBits(String(bits), bytes.length) ?? [] };
});

function networkContains(outer: Network, inner: Network): boolean {
  if (outer.ip.length !== inner.ip.length) return false;
  return outer.mask.every((bits, i) => {
    const innerBits = inner.mask[i] ?? 0;
    return (bits & ~innerBits) === 0 && ((outer.ip[i] ?? 0) & bits) === ((inner.ip[i] ?? 0) & bits);
  });
}

function masked(ip: readonly number[], mask: readonly number[]): readonly number[] {
  return ip.map((byte, i) => byte & (mask[i] ?? 0));
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
